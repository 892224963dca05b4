"""A variant measured: mapped, simulated with delays, every sum compared, energy by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.lanes_core import LaneCore
from benchmarks.lanes_stimulus import Stimulus, stimulate
from benchmarks.lanes_tiles import Tile
from benchmarks.lanes_variants import Variant
from pann_hw.config import AcceleratorConfig
from pann_hw.energy.weights import EnergyWeights, energy_weights
from pann_hw.errors import MismatchError
from pann_hw.technology.known import Technology
from pann_hw.technology.library import Library
from rtl_gen.gates.buffer import buffered
from rtl_gen.gates.clock_tree import nested_clock_gates
from rtl_gen.gates.map import map_to_gates
from rtl_gen.gates.netlist import Netlist
from sim.gates.icarus import Changes, replay
from sim.gates.model import gate_model
from sim.gates.timing import timing_of

__all__ = ["Measured", "Process", "check_sums", "measure"]


@dataclass(frozen=True)
class Process:
    """A technology with its library, and the files that this was read from."""

    technology: Technology
    library: Library
    files: Sequence[Path]


@dataclass(frozen=True)
class Measured:
    """What a variant takes on a technology, per weight, zeros counted, and lane.

    Attributes
    ----------
    variant, technology : their names
    tiles, weights : that were run, weights of all tiles together
    accumulator_width : signed bits, for all sums of the network in any order
    cycles : per weight
    energy : fJ, of everything
    deviation : standard error of ``energy``, of tiles within their layer, as a part of it
    lane_logic, lane_settled, lane_clock : fJ, of lanes; logic with glitches and without
    select, control : fJ, of the operand select's logic, and of control's registers and clock
    area : of a lane, square micrometres; ``core_area`` of the core, per lane
    """

    variant: str
    technology: str
    tiles: int
    weights: int
    accumulator_width: int
    cycles: float
    energy: float
    deviation: float
    lane_logic: float
    lane_settled: float
    lane_clock: float
    select: float
    control: float
    area: float
    core_area: float

    def plain(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)


def measure(variant: Variant, tiles: Sequence[Tile], sum_width: int, process: Process) -> Measured:
    """Run tiles on a variant's gates.

    Parameters
    ----------
    sum_width : signed bits that the network's sums need
    process : what to map to

    Raises
    ------
    MismatchError : a lane's sum is not that of its tile
    ToolError : a tool is missing or fails
    """
    config = variant.sized(sum_width)
    core = LaneCore(config, variant.structure, lambda: variant.lane(config))
    library, technology = process.library, process.technology
    netlist = map_to_gates(core, "core", library, process.files, technology, ripple=variant.ripple)
    netlist = nested_clock_gates(netlist, library, technology)
    netlist = buffered(netlist, library, technology)
    model = gate_model(netlist, library)
    timing = timing_of(model)
    schedules = [variant.schedule(tile) for tile in tiles]
    stimulus = stimulate(tiles, schedules, config, variant.structure, variant.windows)
    driven, inputs = _inputs(netlist, stimulus)
    state = np.zeros(netlist.nets, np.uint8)
    state[[flop.inverse for flop in model.flip_flops if flop.inverse >= 0]] = 1
    done = replay(
        model, state, inputs, driven, timing, ends=stimulus.ends, watched=netlist.outputs["value"]
    )
    check_sums(variant, config, tiles, done.values)
    weights = energy_weights(model, timing)
    parts = [_by_part(weights, part) for part in done.parts]
    return _summed(variant, process, config, tiles, stimulus, parts, weights)


def check_sums(
    variant: Variant, config: AcceleratorConfig, tiles: Sequence[Tile], values: np.ndarray
) -> None:
    """Compare what lanes came to with integer sums.

    Parameters
    ----------
    values : uint8 (tiles, bits), of all lanes at each tile's end

    Raises
    ------
    MismatchError : names the first tile and lane that differ
    """
    width = config.accumulator_width
    bits = values.reshape(len(tiles), config.lanes, -1, width).astype(np.int64)
    numbers = (bits << np.arange(width)).sum(-1)
    if variant.sums == 2:
        found = numbers[..., 0] - numbers[..., 1]
    else:
        found = numbers[..., 0] - (bits[..., 0, -1] << width)
    for number, tile in enumerate(tiles):
        different = np.flatnonzero(found[number] != tile.sums)
        if len(different):
            lane = int(different[0])
            raise MismatchError(
                f"{variant.name}: {tile.layer}, image {tile.image}: {len(different)} of "
                f"{config.lanes} sums differ, the first lane {lane}: expected {tile.sums[lane]}, "
                f"found {found[number, lane]}"
            )


def _inputs(netlist: Netlist, stimulus: Stimulus) -> tuple[list[int], np.ndarray]:
    names = [name for name in netlist.inputs if name in stimulus.ports]
    driven = [net for name in names for net in netlist.inputs[name]]
    # Nothing resets these cores.
    driven += netlist.inputs.get("rst", ())
    cycles = len(stimulus.ports["enable"])
    columns = [stimulus.ports[name] for name in names]
    columns.append(np.zeros((cycles, len(driven) - sum(c.shape[1] for c in columns)), np.uint8))
    return driven, np.concatenate(columns, 1)


def _by_part(weights: EnergyWeights, part: Changes) -> Mapping[str, float]:
    """fJ of a tile."""
    found = dict.fromkeys(("lane_logic", "lane_settled", "lane_clock", "select", "control"), 0.0)
    settled = weights.energies(part.settled)
    for path, energy in weights.energies(part.changes).items():
        if path.startswith("lane_"):
            found["lane_logic"] += energy.logic
            found["lane_settled"] += settled[path].logic
            found["lane_clock"] += energy.clock
        elif path.startswith("control"):
            found["control"] += energy.logic + energy.clock
        else:
            found["select"] += energy.logic + energy.clock
    return found


def _summed(
    variant: Variant,
    process: Process,
    config: AcceleratorConfig,
    tiles: Sequence[Tile],
    stimulus: Stimulus,
    parts: Sequence[Mapping[str, float]],
    weights: EnergyWeights,
) -> Measured:
    lanes = config.lanes
    taken = sum(tile.weights.size for tile in tiles)
    means = {name: sum(part[name] for part in parts) / (taken * lanes) for name in parts[0]}
    each = [
        sum(value for name, value in part.items() if name != "lane_settled")
        / (tile.weights.size * lanes)
        for part, tile in zip(parts, tiles, strict=True)
    ]
    energy = sum(value for name, value in means.items() if name != "lane_settled")
    areas = {True: 0.0, False: 0.0}
    for path, area in zip(weights.modules, weights.area, strict=True):
        areas[path.startswith("lane_")] += float(area)
    return Measured(
        variant=variant.name,
        technology=process.technology.name,
        tiles=len(tiles),
        weights=taken,
        accumulator_width=config.accumulator_width,
        cycles=sum(stimulus.cycles) / taken,
        energy=energy,
        deviation=_error([tile.layer for tile in tiles], each) / energy,
        area=areas[True] / lanes,
        core_area=sum(areas.values()) / lanes,
        **means,
    )


def _error(layers: Sequence[str], values: Sequence[float]) -> float:
    """Standard error of the mean over layers, of which tiles are drawn; 0 for a tile of each."""
    total, groups = 0.0, list(dict.fromkeys(layers))
    for group in groups:
        found = [value for layer, value in zip(layers, values, strict=True) if layer == group]
        if len(found) > 1:
            total += float(np.var(found, ddof=1)) / len(found)
    return float(np.sqrt(total)) / len(groups)
