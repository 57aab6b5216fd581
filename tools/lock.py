"""Renew requirements*.lock from their .in files with uv: `make lock`.

Versions that still satisfy the .in files stay. Each lock agrees with those before it, so all of
them can be installed into one .venv.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASE = "requirements"
EXTRAS = ("dev", "notebook", "cluster", "docs")
OPTIONS = (
    *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    *("--no-header", "--quiet"),
)


def inputs(name: str) -> list[str]:
    """Return the .in files of a lock, for example of "requirements-dev"."""
    return [f"{each}.in" for each in dict.fromkeys([BASE, name])]


def header(name: str) -> str:
    """Return the comment at the top of a lock; a test compares its hashes with the .in files."""
    lines = [f"# Made by `make lock` from {' and '.join(inputs(name))}; do not edit."]
    for file in inputs(name):
        content = (ROOT / file).read_bytes().replace(b"\r\n", b"\n")
        lines.append(f"# sha256 of {file}: {hashlib.sha256(content).hexdigest()}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every lock; if uv fails, its lock and those after it stay as they are."""
    names = [BASE, *(f"{BASE}-{extra}" for extra in EXTRAS)]
    for index, name in enumerate(names):
        lock, draft = ROOT / f"{name}.lock", ROOT / f"{name}.lock.draft"
        if lock.exists():
            draft.write_bytes(lock.read_bytes())  # uv keeps the versions that it finds there
        command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS]
        for earlier in names[:index]:
            command += ["--constraint", f"{earlier}.lock"]
        command += ["--output-file", draft.name, f"{name}.in"]
        try:
            if subprocess.run(command, cwd=ROOT, check=False).returncode:
                sys.exit(f"uv could not make {lock.name}, so it stays as it is. See above.")
            lock.write_text(header(name) + draft.read_text("utf-8"), "utf-8", newline="\n")
        finally:
            draft.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
