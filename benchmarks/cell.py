"""One cell of the table of accuracies: a network, quantised as a column says, and measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clock import Clock
from benchmarks.columns import Column
from benchmarks.networks import CALIBRATION, Network
from pann_hw.quantise.budget import mean_additions, mean_bits
from pann_hw.quantise.quality import Quality, float_outputs, quality

__all__ = ["Cell", "code_digest", "deciders", "measure"]

_ROOT = Path(__file__).parent.parent

_CODE = (
    "benchmarks/cell.py",
    "benchmarks/columns.py",
    "benchmarks/datasets.py",
    "benchmarks/log_mel.py",
    "benchmarks/networks.py",
    "pann_hw/integer/*.py",
    "pann_hw/network/*.py",
    "pann_hw/quantise/*.py",
)
"""What imports, quantises and measures."""


@dataclass(frozen=True)
class Cell:
    """What quantising a network in one way gives and takes.

    Attributes
    ----------
    network, column : their names
    decided_by : as :func:`deciders`
    code : as :func:`code_digest`
    calibrated, tested : samples
    float_accuracy : part of the test samples that the float network classifies as labelled; None
        without labels
    quality : over the test samples; without labels outputs are no scores, its agreement no figure
    bits, additions : bx and R as reached, means over MACs
    flips_per_mac : as the column counts them
    import_seconds : to import the float network, libraries loaded
    seconds, cpu_seconds : of quantising, calibration included: on the clock, and on all cores
    peak_megabytes : the process's largest resident set up to the end of quantising
    """

    network: str
    column: str
    decided_by: Mapping[str, object]
    code: str
    calibrated: int
    tested: int
    float_accuracy: float | None
    quality: Quality
    bits: float
    additions: float
    flips_per_mac: float
    import_seconds: float
    seconds: float
    cpu_seconds: float
    peak_megabytes: int


def applies(network: Network, column: Column) -> bool:
    """Whether there is such a cell: not where a column trains and the network has nothing to."""
    return network.trains or not column.trains


def measure(network: Network, column: Column, folder: Path) -> Cell:
    """Import, calibrate, quantise, test; best in a process of its own, for the peak's sake.

    Raises
    ------
    InputError : the network cannot be quantised so, as where a budget is too small
    """
    clock = Clock()
    name = f"{network.title}, {column.label}"
    graph = clock(f"{name}: import", network.graph, folder)
    calibration = network.calibration(folder)
    training = network.training(folder) if column.trains else None
    quantised = clock(f"{name}: quantise", column.quantise, graph, calibration, training)
    imported, quantising = clock.steps
    test = network.test(folder)
    wanted = float_outputs(graph, test.x)
    float_classes = wanted.argmax(1)
    return Cell(
        network=network.name,
        column=column.name,
        decided_by=deciders(network, column, folder),
        code=code_digest(),
        calibrated=len(calibration),
        tested=len(test),
        float_accuracy=None if test.y is None else float((float_classes == test.y).mean()),
        quality=quality(quantised, test.x, test.y, wanted),
        bits=mean_bits(quantised),
        additions=mean_additions(quantised),
        flips_per_mac=column.flips(quantised),
        import_seconds=imported.seconds,
        seconds=quantising.seconds,
        cpu_seconds=quantising.cpu_seconds,
        peak_megabytes=quantising.peak_megabytes,
    )


def deciders(network: Network, column: Column, folder: Path) -> dict[str, object]:
    """What a cell depends on besides the code, as JSON has it.

    The digests of the network's and the data's files, how many samples calibrate at most, and the
    column's settings.
    """
    files = {name: _digest((folder / name).read_bytes()) for name in network.files}
    decided = {"files": files, "calibration": CALIBRATION, "settings": dict(column.settings)}
    # As they come back from a file: JSON knows no tuples.
    plain: dict[str, object] = json.loads(json.dumps(decided))
    return plain


def code_digest() -> str:
    """The digest of the Python files that import, quantise and measure."""
    files = [path for pattern in _CODE for path in sorted(_ROOT.glob(pattern))]
    return _digest(b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in files))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
