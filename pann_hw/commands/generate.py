"""``pann-hw generate``: the accelerator's Verilog, bare or behind a bus."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from pann_hw.commands.arguments import add_config, check_writable, load_config
from pann_hw.commands.console import bar, table
from pann_hw.commands.folder import output_folder
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError

__all__ = ["add_arguments", "run", "show", "write_hardware"]

_PACKAGE = {
    "ports": "Ports",
    "fusesoc": "FuseSoC",
    "ip_xact": "IP-XACT",
    "registers": "Registers",
    "header": "C header",
    "driver": "C driver",
}
"""Kinds of files that come with a bus, and how they are shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--output", type=Path, default=Path("build/accelerator"), metavar="FOLDER",
        help="default %(default)s",
    )  # fmt: skip
    bus = parser.add_argument_group("bus", "of a system on chip, see docs/buses.md")
    bus.add_argument("--bus", metavar="NAME", help="axi or wishbone; left out, bare streams")
    bus.add_argument(
        "--fifo-depth", type=int, metavar="N",
        help="of the queues of input and output behind wishbone; default 16",
    )  # fmt: skip
    sizing = parser.add_argument_group("size", "the smallest that runs a network at a rate")
    sizing.add_argument(
        "--for", dest="network", type=Path, metavar="NETWORK", help="made by pann-hw quantize"
    )
    sizing.add_argument("--fps", type=float, metavar="F", help="inferences a second, at least")
    sizing.add_argument("--clock", type=float, metavar="MHZ", help="of the accelerator")
    sizing.add_argument(
        "--encoding", metavar="NAME", help="default the first that the lanes can do"
    )
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
    config, tried = _sized(args, _checked(args))
    folder = check_writable(args.output, folder=True)
    with output_folder(folder) as part:
        files = _write(args, config, part)
    verilog = folder / files["verilog"]
    return {
        **{kind: str(folder / name) for kind, name in files.items()},
        "bytes": verilog.stat().st_size,
        "bus": args.bus,
        "parameters": asdict(config),
        "tried": tried,
        "fps": args.fps,
        "clock": args.clock,
    }


def _checked(args: argparse.Namespace) -> AcceleratorConfig:
    """The configuration, once it is known that the bus is possible."""
    config = load_config(args)
    if args.bus is None:
        if args.fifo_depth is not None:
            raise InputError(f"--fifo-depth {args.fifo_depth}: only with --bus wishbone")
        return config
    from rtl_gen.bus.create import check_bus

    check_bus(args.bus, args.fifo_depth)
    return config


def _write(args: argparse.Namespace, config: AcceleratorConfig, folder: Path) -> dict[str, str]:
    """Write all files; what each is, and its name."""
    if args.bus is None:
        write_hardware(config, folder)
        return {"verilog": "accelerator.v", "config": "config.json", "waivers": "waivers.vlt"}
    from rtl_gen.bus.create import create_bus
    from rtl_gen.packaging.write import write_package

    return write_package(create_bus(args.bus, config, args.fifo_depth), config, folder)


def _sized(
    args: argparse.Namespace, config: AcceleratorConfig
) -> tuple[AcceleratorConfig, list[dict[str, object]]]:
    """The configuration to generate, and what was tried for it."""
    options = {"--for": args.network, "--fps": args.fps, "--clock": args.clock}
    given = [name for name, value in options.items() if value is not None]
    if not given:
        return config, []
    if len(given) < len(options):
        lacking = [name for name in options if name not in given]
        raise InputError(
            f"{', '.join(given)} without {', '.join(lacking)}: a size needs all of "
            f"{', '.join(options)}"
        )
    for name in ("fps", "clock"):
        value = getattr(args, name)
        if not 0 < value < float("inf"):
            raise InputError(f"--{name} {value:g}: must be above 0")
    from pann_hw.integer.store import load
    from pann_hw.machine.sizing import smallest
    from pann_hw.program.encoding import encoding_names

    network = load(args.network)
    with bar("trying sizes", None) as step:
        encoding = args.encoding or encoding_names(config)[0]
        tried = smallest(network, encoding, args.clock * 1e6 / args.fps, config, step)
    rows: list[dict[str, object]] = [
        {
            "lanes": one.config.lanes,
            "cores": one.config.cores,
            "adders": one.adders,
            "cycles": one.cycles,
            "fps": args.clock * 1e6 / one.cycles,
            "meets": one.meets,
        }
        for one in tried
    ]
    return tried[-1].config, rows


def show(result: dict[str, object]) -> None:
    """Print the result."""
    parameters = result["parameters"]
    assert isinstance(parameters, dict)
    tried = result["tried"]
    assert isinstance(tried, list)
    if tried:
        table(
            f"Sizes tried for {result['fps']:g} inferences a second at {result['clock']:g} MHz, "
            "by adders",
            ("lanes", "cores", "adders", "cycles", "inferences/s", ""),
            [
                (
                    one["lanes"], one["cores"], one["adders"], one["cycles"], f"{one['fps']:.1f}",
                    "<- the first that is fast enough" if one["meets"] else "",
                )
                for one in tried
            ],
        )  # fmt: skip
    left_out = {
        "accumulator": "unsigned" if AcceleratorConfig(**parameters).unsigned else "signed",
        "requantise_lanes": "as many as lanes",
        "multiplier_width": "no multiplier",
    }
    shown = [
        (name, left_out[name] if value is None else value) for name, value in parameters.items()
    ]
    table("Accelerator", ("parameter", "value"), shown)
    print(f"Verilog:   {result['verilog']} ({result['bytes']} bytes)")
    print(f"Lint:      verilator --lint-only -Wall {result['waivers']} {result['verilog']}")
    for kind, title in _PACKAGE.items():
        if kind in result:
            print(f"{title + ':':<10} {result[kind]}")
