"""``pann-hw run``: run a program on a board, and compare what it gives."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from pann_hw.commands.arguments import (
    add_program,
    add_schedule,
    load_program,
    load_program_data,
)
from pann_hw.commands.console import bar, say, table
from pann_hw.errors import InputError
from pann_hw.link.config import BAUD

if TYPE_CHECKING:
    from pann_hw.config import AcceleratorConfig
    from pann_hw.network.data import Data
    from pann_hw.program.deployment import Deployment
    from pann_hw.report.board import BoardPoint

__all__ = ["add_arguments", "run", "show"]

_SIMULATED = "simulated"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_program(parser, labels="y (classes), for the accuracy")
    parser.add_argument(
        "--port", required=True, metavar="PORT",
        help=f"serial port of the board, such as /dev/ttyUSB1; {_SIMULATED}: a simulated board "
        "with the program's configuration",
    )  # fmt: skip
    parser.add_argument(
        "--baud", type=int, default=BAUD, metavar="N",
        help="bits a second, as in the board's bitstream; default %(default)s",
    )  # fmt: skip
    add_schedule(parser)
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="S",
        help="seconds without any progress after which an inference counts as hung; default "
        "%(default)g",
    )  # fmt: skip


def run(args: argparse.Namespace) -> dict[str, object]:
    """Load the program, run the images, compare."""
    from pann_hw.link.driver import open_board
    from pann_hw.report.board import run_on_board
    from pann_hw.report.operating_points import parse_schedule

    if not 0 < args.timeout < float("inf"):
        raise InputError(f"--timeout {args.timeout:g}: must be above 0")
    deployment = load_program(args)
    data = load_program_data(args, deployment)
    points = len(deployment.programs)
    schedule = None if args.schedule is None else parse_schedule(args.schedule, points)
    total = len(data) * (points if schedule is None else 1)
    with (
        _port(args, deployment.config) as port,
        open_board(port, deployment.config, args.baud, timeout=args.timeout) as driver,
    ):
        say("loading the program")
        begin = time.monotonic()
        driver.load(deployment.image)
        load_seconds = time.monotonic() - begin
        with bar("running", total) as step:
            runs = run_on_board(driver, deployment, data.x, schedule, step)
        counters = driver.counters
        clock = driver.clock
    found = [_point(point, deployment, data, one) for point, one in runs.points.items()]
    board_seconds = runs.cycles / clock
    return {
        "port": args.port,
        "baud": args.baud,
        "clock": clock / 1e6,
        "images": len(data),
        "schedule": args.schedule,
        "inferences": total,
        "load_seconds": load_seconds,
        "seconds": runs.seconds,
        "board_seconds": board_seconds,
        "inferences_per_second": total / board_seconds,
        "bytes_sent_per_inference": runs.bytes_sent / total,
        "bytes_received_per_inference": runs.bytes_received / total,
        "link_share": runs.link_share,
        "link": asdict(counters),
        "mismatches": sum(one.mismatch.count for one in runs.points.values() if one.mismatch),
        "compared": sum(one.outputs.size for one in runs.points.values()),
        "first": [str(one.mismatch) for one in runs.points.values() if one.mismatch],
        "points": found,
    }


@contextlib.contextmanager
def _port(args: argparse.Namespace, config: AcceleratorConfig) -> Iterator[str]:
    """The port, behind which a simulated board is where that is asked for."""
    if args.port != _SIMULATED:
        yield args.port
        return
    from pann_hw.link.config import LinkConfig
    from sim.board import simulated_board
    from sim.toolchain import environment

    link = LinkConfig.of_baud(LinkConfig().clock, args.baud)
    environment()
    say("building the simulated board (kept for the next time)")
    with simulated_board(config, link) as board:
        yield board.port


def _point(point: int, deployment: Deployment, data: Data, run: BoardPoint) -> dict[str, object]:
    classes = run.outputs.argmax(1)
    right = None if data.y is None else float((classes == data.y[run.images]).mean())
    return {
        "point": point,
        "encoding": deployment.programs[point].encoding,
        "images": len(run.images),
        "accuracy": right,
        "mismatches": run.mismatch.count if run.mismatch else 0,
        "cycles_per_image": float(run.cycles.mean()),
        "cycles_predicted": float(run.predicted_cycles.mean()),
        "classes": classes.tolist(),
    }


def show(result: dict[str, object]) -> None:
    """Print the result."""
    points, link, first = result["points"], result["link"], result["first"]
    assert isinstance(points, list) and isinstance(link, dict) and isinstance(first, list)
    table(
        f"{result['images']} images on the board at {result['port']}, {result['clock']:g} MHz",
        (
            "point",
            "encoding",
            "images",
            "accuracy %",
            "mismatches",
            "cycles per image",
            "computing",
        ),
        [
            (
                point["point"],
                point["encoding"],
                point["images"],
                "-" if point["accuracy"] is None else f"{100 * point['accuracy']:.2f}",
                point["mismatches"],
                f"{point['cycles_per_image']:.0f}",
                f"{point['cycles_predicted']:.0f}",
            )
            for point in points
        ],
    )
    for line in first:
        print(line)
    print(
        f"{result['inferences_per_second']:.0f} inferences a second at the board's clock and "
        f"{result['baud']} baud, {result['bytes_sent_per_inference']:.0f} bytes to the board and "
        f"{result['bytes_received_per_inference']:.0f} back for each; the accelerator waited for "
        f"the link {100 * float(str(result['link_share'])):.1f} % of the time"
    )
    print(
        f"{result['load_seconds']:.1f} s to load the program, {result['seconds']:.1f} s to run; "
        f"{link['frames']} frames, {link['repeated']} of them again, {link['refused']} damaged on "
        f"the way, {link['damaged']} of {link['reports']} reports, {link['timeouts']} timeouts"
    )
    print(
        f"{result['mismatches']} mismatches in {result['compared']} outputs, board against "
        "integer network"
    )
