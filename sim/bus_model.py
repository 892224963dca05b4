"""The accelerator behind Wishbone in Verilator, with firmware in C as the master of its bus."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import ToolError
from pann_hw.registers.c_header import c_header
from rtl_gen.bus.create import create_bus
from rtl_gen.packaging.write import DRIVER, HEADER
from rtl_gen.verilog import to_verilog
from sim.build import build_simulator

__all__ = ["build_bus_model", "build_firmware", "run_firmware"]

_MAIN = Path(__file__).parent / "bus_model.cpp"

_C_FLAGS = ("-std=c99", "-pedantic-errors", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2")


def build_bus_model(config: AcceleratorConfig, fifo_depth: int | None = None) -> Path:
    """The simulator of a configuration; made once and kept in the cache.

    Raises
    ------
    InputError : a depth that is not allowed
    ToolError : a tool is missing or failed
    """
    accelerator = create_bus("wishbone", config, fifo_depth)
    top = accelerator.top
    defines = f'#define BUS_MODEL_TOP V{top}\n#define BUS_MODEL_HEADER "V{top}.h"\n'
    return build_simulator(
        to_verilog(accelerator.component, top),
        top,
        defines + _MAIN.read_text(),
        flags=["-LDFLAGS", "-ldl"],
    )


def build_firmware(source: Path, config: AcceleratorConfig, folder: Path) -> Path:
    """A shared object of firmware, compiled as strict C99 beside driver and header of a
    configuration, which are written into the folder.

    Raises
    ------
    ToolError : the compiler finds anything to say
    """
    (folder / HEADER).write_text(c_header(config))
    (folder / DRIVER.name).write_text(DRIVER.read_text())
    library = folder / f"{source.stem}.so"
    command = ["gcc", *_C_FLAGS, "-shared", "-fPIC", f"-I{folder}", str(source), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise ToolError(f"gcc: {done.stderr.strip()}")
    return library


def run_firmware(
    simulator: Path, library: Path, arguments: Sequence[str], seed: int
) -> subprocess.CompletedProcess[str]:
    """Run firmware; its exit status and what it printed."""
    return subprocess.run(
        [str(simulator), str(library), str(seed % 2**31), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
