"""Pin BLAS, on which the last bits of every result depend, before numpy is imported.

This module imports neither numpy nor anything of winenet.
"""

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def pin_blas() -> None:
    """Set one BLAS thread and OpenBLAS's Haswell kernel; both change the last bits of a result.

    Call it before numpy is imported. It sets environment variables, which child processes inherit.
    With `WINENET_NUMERICS=native` it leaves the environment unchanged. On a processor without AVX2
    and FMA, OpenBLAS chooses the kernel.
    """
    if os.environ.get("WINENET_NUMERICS") == "native":
        return
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if _has_avx2_and_fma():
        os.environ["OPENBLAS_CORETYPE"] = "Haswell"


def escape_unprintable() -> None:
    """Let standard output and error write a code for a letter that their encoding does not have.

    Else a name in a table would end a command on Windows or under another locale.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a stream may be closed or replaced
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def describe_numerics() -> str:
    """Return one line on the BLAS threads and kernel of this process, as set by `pin_blas`."""
    kernel = os.environ.get("OPENBLAS_CORETYPE")
    if os.environ.get("WINENET_NUMERICS") != "native":
        return f"numerics: 1 BLAS thread, OpenBLAS kernel {kernel or 'of its own choice'}"
    names = (*THREADS, "OPENBLAS_CORETYPE")
    variables = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return f"numerics: native, as the environment has it ({', '.join(variables) or 'nothing set'})"


def _has_avx2_and_fma() -> bool:
    """Return whether the processor can run OpenBLAS's Haswell kernel, which crashes elsewhere."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    system = platform.system()
    if system == "Linux":
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        return "avx2" in flags and "fma" in flags
    if system == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        flags = output.split()
        return "AVX2" in flags and "FMA" in flags
    if system == "Windows":
        # PF_AVX2_INSTRUCTIONS_AVAILABLE; each processor with AVX2 that Windows runs on has FMA.
        return bool(ctypes.CDLL("kernel32").IsProcessorFeaturePresent(40))
    return False
