"""Write into dvc.yaml which code files each stage runs, as read from the imports.

`python -m tools.stage_deps` after an import was added or a module moved; tests/stages/test_contract
fails until then.
"""

import ast
from pathlib import Path

import yaml

from winenet.init.pipeline_files import replace_deps

ROOT = Path(__file__).resolve().parents[1]
OURS = ("stages", "winenet")


def module_file(module: str) -> Path | None:
    """Return the file of one of our modules, or None if the name is not a module."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.exists():
            return file
    return None


def all_imports(file: Path) -> set[str]:
    """Return all names that a file imports, `from a import b` as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imports(file: Path) -> set[str]:
    """Return the names of our modules that a file imports, and of the packages around them."""
    names = {name for name in all_imports(file) if name.split(".")[0] in OURS}
    packages = {
        name.rsplit(".", count)[0] for name in names for count in range(name.count(".") + 1)
    }
    return {name for name in names | packages if module_file(name)}


def code_of(stage: str) -> set[str]:
    """Return the path of every file of ours that runs when the stage runs."""
    waiting, files = [f"stages.{stage}", *OURS], set()
    while waiting:
        file = module_file(waiting.pop())
        if file is not None and file not in files:
            files.add(file)
            waiting += imports(file)
    return {file.relative_to(ROOT).as_posix() for file in files}


def with_deps(text: str) -> str:
    """Return the text of dvc.yaml with the code files of each stage; all else stays as it is."""
    for stage, entry in yaml.safe_load(text)["stages"].items():
        deps = sorted(code_of(stage))
        deps += [dep for dep in entry["deps"] if not dep.endswith(".py")]
        text = replace_deps(text, stage, deps)
    return text


def main() -> None:
    """Rewrite dvc.yaml."""
    path = ROOT / "dvc.yaml"
    path.write_text(with_deps(path.read_text("utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
