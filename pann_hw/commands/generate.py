"""``pann-hw generate``: the accelerator's Verilog."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from pann_hw.commands.arguments import add_config, check_writable, load_config
from pann_hw.commands.console import table
from pann_hw.commands.folder import output_folder
from pann_hw.config import AcceleratorConfig

__all__ = ["add_arguments", "run", "show", "write_hardware"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--output", type=Path, default=Path("build/accelerator"), metavar="FOLDER",
        help="default %(default)s",
    )  # fmt: skip
    add_config(parser)


def write_hardware(config: AcceleratorConfig, folder: Path) -> None:
    """Write Verilog, configuration, and the explained lint waivers."""
    from rtl_gen.verilog import WAIVERS
    from sim.harness import accelerator_verilog

    (folder / "accelerator.v").write_text(accelerator_verilog(config))
    (folder / "waivers.vlt").write_text(WAIVERS.read_text())
    config.save(folder / "config.json")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Generate."""
    config = load_config(args)
    folder = check_writable(args.output, folder=True)
    with output_folder(folder) as part:
        write_hardware(config, part)
    verilog = folder / "accelerator.v"
    return {
        "verilog": str(verilog),
        "config": str(folder / "config.json"),
        "waivers": str(folder / "waivers.vlt"),
        "bytes": verilog.stat().st_size,
        "parameters": asdict(config),
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    parameters = result["parameters"]
    assert isinstance(parameters, dict)
    table("Accelerator", ("parameter", "value"), list(parameters.items()))
    print(f"Verilog: {result['verilog']} ({result['bytes']} bytes)")
    print(f"Lint:    verilator --lint-only -Wall {result['waivers']} {result['verilog']}")
