"""Arithmetic units in Verilator: every toggle of every net, counted twice, and their results."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pann_hw.errors import ToolError
from pann_hw.power.nets import as_signed
from pann_hw.power.unit import Stimulus, Unit
from rtl_gen.units.bench import Place, UnitBench, check_units
from rtl_gen.verilog import to_verilog
from sim.build import build_simulator
from sim.coverage import read_coverage
from sim.saif import read_saif
from sim.toggles import agreed

__all__ = ["UnitRun", "run_units"]

_TOP = "unit_bench"
_MAIN = Path(__file__).parent / "unit_bench.cpp"

_MODULE = re.compile(r"module (\w+)\(")
_INSTANCE = re.compile(rf"^  ({_TOP}__\w+) (\w+) \($", re.MULTILINE)
_DECLARATION = re.compile(r"  (?:input|output|wire|reg) .*?(\S+) ?(?:= .*)?;$")


@dataclass(frozen=True, eq=False)
class UnitRun:
    """What a unit did with a stimulus.

    Attributes
    ----------
    flips : net -> int64 (width,), toggles of each bit, lowest first, from the stimulus' first
        cycle to its last; every net of the unit's trace
    outputs : output port -> int64 (cycles,), its settled value in each cycle; empty where not
        asked for
    """

    flips: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


def run_units(
    units: Sequence[Unit],
    stimuli: Sequence[Mapping[str, Stimulus]],
    *,
    outputs: bool = False,
) -> list[dict[str, UnitRun]]:
    """Run units side by side in one simulator, once for each set of stimuli.

    Every toggle is counted by Verilator's coverage and by its SAIF tracer, independently.

    Parameters
    ----------
    units : of different names
    stimuli : for each run, from reset: unit's name -> its stimulus; units without one rest. A
        stimulus that is shorter than the longest must end with a cycle of zeros, which goes on
    outputs : whether to record the units' results

    Returns
    -------
    list : for each run, unit's name -> what it did

    Raises
    ------
    ValueError : no units, two of the same name, or a stimulus that does not fit its unit
    MismatchError : the two counters differ
    ToolError : a tool is missing or failed, or a counter lacks a net
    """
    # Here already: Amaranth warns of components that end unused.
    check_units(units)
    design = _design(tuple(units))
    packed = [_pack(design.bench, given) for given in stimuli]
    executable = build_simulator(
        design.verilog,
        _TOP,
        _MAIN.read_text(),
        public=design.control,
        flags=["--coverage-toggle", "--trace-saif"],
        optimise="-O1",
    )
    return [
        _run(executable, design, given, rows, outputs)
        for given, rows in zip(stimuli, packed, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Design:
    """``nets``: unit's name -> net -> width; ``control``: lines for Verilator."""

    bench: UnitBench
    nets: dict[str, dict[str, int]]
    verilog: str
    control: str


@cache
def _design(units: tuple[Unit, ...]) -> _Design:
    bench = UnitBench(units)
    nets = {}
    for unit in units:
        trace = unit.trace({port: np.zeros(2, np.int64) for port in unit.ports})
        nets[unit.name] = {net: width for net, (_, width, _) in trace.items()}
    verilog = to_verilog(bench, _TOP)
    return _Design(bench, nets, verilog, _control(verilog, nets))


def _control(verilog: str, nets: Mapping[str, Mapping[str, int]]) -> str:
    """Lines that switch both counters off for all signals but the nets.

    Products have more temporaries than nets: the others would more than double the build.
    """
    counted = {(module, net) for module, unit in _INSTANCE.findall(verilog) for net in nets[unit]}
    module, lines = "", []
    for number, line in enumerate(verilog.splitlines(), 1):
        if heading := _MODULE.match(line):
            module = heading[1]
        elif (found := _DECLARATION.match(line)) and (module, found[1]) not in counted:
            lines += [
                f'{off} -file "design.v" -lines {number}' for off in ("coverage_off", "tracing_off")
            ]
    return "\n".join(lines)


def _pack(bench: UnitBench, stimuli: Mapping[str, Stimulus]) -> np.ndarray:
    """Values of the bench's port ``stimulus``, uint8 (cycles, bytes), lowest byte first."""
    for unit, stimulus in stimuli.items():
        if unit not in bench.ports:
            raise ValueError(f"stimulus of {unit}: no such unit, must be in {list(bench.ports)}")
        _check(unit, stimulus, bench.ports[unit])
    cycles = max((_cycles(stimulus) for stimulus in stimuli.values()), default=1)
    rows = np.zeros((cycles, len(bench.stimulus) // 8), np.uint8)
    for unit, stimulus in stimuli.items():
        for port, values in stimulus.items():
            if len(values) < cycles and values[-1]:
                raise ValueError(
                    f"stimulus of {unit}: {port} ends with {values[-1]} before others do, must "
                    "end with 0"
                )
            place = bench.ports[unit][port]
            first, size = place.begin // 8, -(-place.width // 8)
            as_bytes = np.ascontiguousarray(values, "<i8").view(np.uint8).reshape(-1, 8)
            rows[: len(values), first : first + size] = as_bytes[:, :size]
    return rows


def _cycles(stimulus: Stimulus) -> int:
    return len(next(iter(stimulus.values())))


def _check(unit: str, stimulus: Stimulus, ports: Mapping[str, Place]) -> None:
    if set(stimulus) != set(ports):
        raise ValueError(f"stimulus of {unit}: is for {list(stimulus)}, must be for {list(ports)}")
    shapes = {np.shape(values) for values in stimulus.values()}
    if len(shapes) != 1 or len(min(shapes)) != 1 or min(shapes) == (0,):
        raise ValueError(
            f"stimulus of {unit}: shapes {sorted(shapes)}, must be one of (cycles,), 1 or more"
        )
    for port, values in stimulus.items():
        highest = 2 ** ports[port].width - 1
        if values.dtype.kind not in "iub":
            raise ValueError(f"stimulus of {unit}: {port} is {values.dtype}, must be integers")
        for value in (int(values.min()), int(values.max())):
            if not 0 <= value <= highest:
                raise ValueError(f"stimulus of {unit}: {port} = {value}, must be 0..{highest}")


def _run(
    executable: Path,
    design: _Design,
    stimuli: Mapping[str, Stimulus],
    rows: np.ndarray,
    outputs: bool,
) -> dict[str, UnitRun]:
    bench = design.bench
    row = len(bench.outputs) // 8 if outputs else 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows.tofile(folder / "stimulus.bin")
        command = [executable, folder / "stimulus.bin", rows.shape[1], folder, row]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolError(f"the simulator failed with {done.returncode}: {done.stderr.strip()}")
        rest = read_saif(folder / "rest.saif")
        saif = {net: count - rest[net] for net, count in read_saif(folder / "run.saif").items()}
        counters = {"coverage": read_coverage(folder / "coverage.dat"), "SAIF": saif}
        flips = agreed(design.nets, counters, f"TOP.{_TOP}")
        seen = np.fromfile(folder / "outputs.bin", np.uint8).reshape(-1, row) if row else None
    return {
        unit: UnitRun(
            flips[unit],
            {}
            if seen is None
            else {
                port: _words(seen[: _cycles(stimulus)], place)
                for port, place in bench.results[unit].items()
            },
        )
        for unit, stimulus in stimuli.items()
    }


def _words(rows: np.ndarray, place: Place) -> np.ndarray:
    """Values of one output, int64 (cycles,)."""
    first, size = place.begin // 8, -(-place.width // 8)
    as_bytes = np.zeros((len(rows), 8), np.uint8)
    as_bytes[:, :size] = rows[:, first : first + size]
    words: np.ndarray = as_bytes.view("<i8")[:, 0].astype(np.int64)
    return as_signed(words, place.width) if place.signed else words
