"""One accelerator of one core, in gates of one library, on one image of ResNet-8."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.core_energy_designs import Design
from pann_hw.energy.inference import gate_design, inference_energy
from pann_hw.files import whole_file
from pann_hw.integer.network import IntegerNetwork
from pann_hw.machine.sizing import fit
from pann_hw.network.data import Data
from pann_hw.program.deployment import Deployment
from pann_hw.program.image import link
from pann_hw.technology.known import Technology
from pann_hw.technology.liberty import read_library

__all__ = ["CORE", "Cell", "measured"]

CORE = ("lanes", "operand select", "term stream", "row buffer")
"""Classes of modules that are a core: lanes, what selects their operands, control, windows."""

_ROOT = Path(__file__).parent.parent
_CODE = (
    "benchmarks/core_energy_designs.py", "benchmarks/core_energy_run.py", "pann_hw/energy/*.py",
    "pann_hw/program/*.py", "pann_hw/technology/*.py", "rtl_gen/*.py", "rtl_gen/gates/*.py",
    "sim/gates/*",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What one inference takes; energies in uJ, areas in square micrometres.

    Attributes
    ----------
    design, technology : names
    cycles : of the inference
    macs : of the network
    energy, area : class of modules -> energy with glitches, clock and leakage; area of the cells
    settled : class of modules -> energy of the logic without glitches
    deviation : standard deviation of the energy of all cells, for glitches being sampled
    memories : an estimate, not in `energy`; None where there is none
    mismatches : outputs that are not those of the integer network
    """

    design: str
    technology: str
    cycles: float
    macs: int
    energy: Mapping[str, float]
    area: Mapping[str, float]
    settled: Mapping[str, float]
    deviation: float
    memories: float | None
    mismatches: int

    @property
    def core(self) -> float:
        """Energy of the core."""
        return sum(self.energy[name] for name in CORE)

    @property
    def total(self) -> float:
        """Energy of all cells."""
        return sum(self.energy.values())


def measured(
    design: Design,
    network: IntegerNetwork,
    technology: Technology,
    files: Sequence[Path],
    data: Data,
    kept: Path,
    *,
    clock: float,
    windows: int,
) -> Cell:
    """The cell that folder ``kept`` has of the same, or a new one.

    Parameters
    ----------
    files : the technology's Liberty files
    data : the image
    clock : Hz
    windows : that are simulated with delays

    Raises
    ------
    InputError : the network does not fit, or the library lacks a cell
    ToolError : a tool is missing or fails
    """
    program = fit(network, design.encoding, design.config)
    deployment = Deployment((network,), (program,), link([program]))
    decided = [_digest(deployment, files, data), clock, windows]
    path = kept / f"{design.name}-{technology.name}.json"
    found = _read(path)
    if found and found["decided"] == decided:
        return Cell(**found["cell"])
    library = read_library(files)
    gates = gate_design(deployment, library, files, technology)
    result = inference_energy(deployment, gates, data.x, clock=clock, windows=windows)
    cell = Cell(
        design.name,
        technology.name,
        result.cycles,
        network.macs,
        {item.name: item.energy / 1e9 for item in result.classes},
        {item.name: item.area for item in result.classes},
        {item.name: item.settled / 1e9 for item in result.classes},
        result.deviation / 1e9,
        None if result.memory_energy is None else result.memory_energy / 1e9,
        result.mismatches,
    )
    kept.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_text(json.dumps({"decided": decided, "cell": asdict(cell)}, indent=1) + "\n")
    return cell


def _digest(deployment: Deployment, files: Sequence[Path], data: Data) -> str:
    sources = sorted(path for pattern in _CODE for path in _ROOT.glob(pattern) if path.is_file())
    digest = hashlib.sha256(json.dumps(asdict(deployment.config)).encode())
    for content in (
        deployment.image.stream().tobytes(),
        data.x.tobytes(),
        *(path.read_bytes() for path in (*files, *sources)),
    ):
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found
