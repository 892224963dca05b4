"""Lanes on gates: what each variant takes per weight, in a core, on recorded data of ResNet-8.

Every lane's sum is compared with integers. Energy is that of cells with their delays, glitches and
clock pins included.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.accuracy_tables import markdown
from benchmarks.arguments import at_hand, chosen, ended
from benchmarks.datasets import DATA
from benchmarks.document import replace_measured
from benchmarks.frontier import KEPT
from benchmarks.lanes_networks import integer_network
from benchmarks.lanes_processes import TECHNOLOGIES, find_process
from benchmarks.lanes_run import Measured, Process, measure
from benchmarks.lanes_store import Store, accuracy_key, measured_key
from benchmarks.lanes_tables import Found, tables
from benchmarks.lanes_tiles import Tile, record_tiles, sum_width
from benchmarks.lanes_variants import LANES, VARIANTS, Variant
from benchmarks.libraries import PDK
from benchmarks.networks import NETWORKS, Network
from pann_hw.commands.console import say, table
from pann_hw.errors import InputError
from pann_hw.integer.run import predict
from pann_hw.quantise.quality import float_outputs
from sim.gates.icarus import require_icarus

__all__ = ["main"]

PROGRAM = "python -m benchmarks.lanes"
DOCUMENT = Path(__file__).parent.parent / "docs" / "lanes.md"
BUILD = Path(__file__).parent.parent / "build" / "lanes"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--data-folder", type=Path, default=DATA, metavar="FOLDER", help="default %(default)s"
    )
    parser.add_argument(
        "--pdk-folder", type=Path, default=PDK, metavar="FOLDER",
        help="with a folder of Liberty files for each technology; default $PANN_HW_PDK, or "
        "%(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--network-folder", type=Path, default=KEPT / "resnet8", metavar="FOLDER",
        help="where integer networks are kept, as benchmarks.frontier keeps them; default "
        "%(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--technologies", metavar="NAMES",
        help="separated by commas; the first has all variants; default all",
    )  # fmt: skip
    parser.add_argument("--variants", metavar="NAMES", help="separated by commas; default all")
    parser.add_argument(
        "--images", type=int, default=2, metavar="N",
        help="a tile of each layer is drawn of each; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--windows", type=int, default=36, metavar="N",
        help="of a tile, three for each input channel; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="variants at a time; default %(default)s"
    )
    parser.add_argument(
        "--output", type=Path, default=BUILD / "measured.json", metavar="FILE",
        help="JSON that figures are kept in; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--document", type=Path, nargs="?", const=DOCUMENT, metavar="FILE",
        help="put the tables between the two comments of a document; without FILE %(const)s",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, no tables")
    args = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    _check(args)
    technologies = chosen("--technologies", args.technologies, TECHNOLOGIES)
    variants = chosen("--variants", args.variants, VARIANTS)
    torch.set_num_threads(1)
    networks = at_hand([NETWORKS["resnet8"]], args.data_folder)
    processes = [
        process for name in technologies if (process := find_process(name, args.pdk_folder))
    ]
    if not networks or not processes:
        return 0
    require_icarus()
    found = _measured(networks[0], variants, processes, args)
    if args.json:
        sys.stdout.write(json.dumps(found.plain()) + "\n")
    else:
        for each in tables(found):
            table(each.title, each.headings, each.rows)
    if args.document is not None:
        replace_measured(args.document, markdown(tables(found)))
        say(f"{args.document}: written")
    return 0


def _check(args: argparse.Namespace) -> None:
    for name in ("images", "jobs"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name} {getattr(args, name)}: must be at least 1")
    if args.windows < 3 or args.windows % 3:
        raise InputError(f"--windows {args.windows}: must be a multiple of 3, at least 3")


def _measured(
    network: Network,
    variants: Sequence[Variant],
    processes: Sequence[Process],
    args: argparse.Namespace,
) -> Found:
    store = Store(args.output)
    work: Mapping[str, tuple[list[Tile], int]]
    work, accuracies = _recorded(network, variants, store, args)

    def one(job: tuple[Variant, Process]) -> Measured:
        variant, process = job
        tiles, width = work[variant.network]

        def make() -> Measured:
            say(f"{process.technology.name}, {variant.name}")
            return measure(variant, tiles, width, process)

        return store.measured(measured_key(variant, tiles, width, process), make)

    jobs = [
        (variant, process)
        for process in processes
        for variant in variants
        if variant.everywhere or process is processes[0]
    ]
    with ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(one, jobs))
    wanted = accuracies.pop("float")
    return Found(LANES, args.images, args.windows, wanted, accuracies, results)


def _recorded(
    network: Network, variants: Sequence[Variant], store: Store, args: argparse.Namespace
) -> tuple[dict[str, tuple[list[Tile], int]], dict[str, float]]:
    """Tiles and accumulator widths, and accuracies, of the networks that the variants need.

    The accuracy of the float network is under "float".
    """
    test = network.test(args.data_folder)
    assert network.data_file is not None
    data = args.data_folder / network.data_file

    def accuracy(path: Path, classes: Callable[[], np.ndarray]) -> float:
        key = accuracy_key(path, data)
        return store.accuracy(key, lambda: float((classes() == test.y).mean()))

    def float_classes() -> np.ndarray:
        found: np.ndarray = float_outputs(network.graph(args.data_folder), test.x).argmax(1)
        return found

    work = {}
    accuracies = {"float": accuracy(args.data_folder / network.file, float_classes)}
    for name in dict.fromkeys(variant.network for variant in variants):
        made = integer_network(network, name, args.data_folder, args.network_folder)
        tiles = record_tiles(made, test.x[: args.images], LANES, args.windows)
        work[name] = tiles, sum_width(made)
        path = args.network_folder / f"{name}.npz"
        accuracies[name] = accuracy(path, partial(predict, made, test.x))
    return work, accuracies


if __name__ == "__main__":
    sys.exit(main())
