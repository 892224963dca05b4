"""A window of cycles in Icarus Verilog, with delays or without: every change of every net."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pann_hw.cache import cached
from pann_hw.errors import MismatchError, ToolError
from sim.gates.model import Gate, GateModel
from sim.gates.timing import Timing, critical_path
from sim.gates.zero_delay import DRIVEN_PORTS, Window

__all__ = ["Changes", "Replay", "replay", "require_icarus", "run_icarus"]

_VPI = Path(__file__).parent / "vpi.c"
_TOOLS = ("iverilog", "vvp", "iverilog-vpi")


@dataclass(frozen=True, eq=False)
class Changes:
    """What happened in a window.

    Attributes
    ----------
    changes : int64 (nets,), all changes, those within a cycle too; of a clock both edges
    settled : int64 (nets,), values at the ends of cycles against those of the cycle before; 2 per
        pulse of a clock
    """

    changes: np.ndarray
    settled: np.ndarray


@dataclass(frozen=True, eq=False)
class Replay:
    """What happened in some cycles, and in each of their parts.

    Attributes
    ----------
    state : uint8 (nets,), settled, before the first clock edge
    parts : what happened in each part
    values : uint8 (parts, watched nets), settled, at the ends of the parts
    """

    state: np.ndarray
    parts: tuple[Changes, ...]
    values: np.ndarray


def run_icarus(model: GateModel, window: Window, timing: Timing | None = None) -> Changes:
    """Replay a window, gate by gate, as :func:`replay` does, and compare it with what it was.

    Parameters
    ----------
    model : the netlist
    window : recorded on the same netlist
    timing : delays; None: none

    Raises
    ------
    MismatchError : the state with which it begins, or settled toggles, are not those of the window
    ToolError : Icarus Verilog is missing or fails
    """
    done = replay(model, window.state, window.inputs, _driven(model), timing)
    (found,) = done.parts
    clocks = [model.netlist.clock, *(gate.output for gate in model.clock_gates)]
    _compare("state", model, done.state[2:], window.state[2:], ignored=clocks)
    _compare("settled toggles", model, found.settled[2:], window.toggles[2:], ignored=[])
    return found


def replay(
    model: GateModel,
    state: np.ndarray,
    inputs: np.ndarray,
    driven: Sequence[int],
    timing: Timing | None = None,
    *,
    ends: Sequence[int] | None = None,
    watched: Sequence[int] = (),
) -> Replay:
    """Clock a netlist once per cycle, gate by gate.

    With a timing every gate has its delays, which swallow pulses that are shorter; flip-flops and
    inputs change as long after the clock's edge as a flip-flop takes. Without, every gate takes one
    step of time.

    Parameters
    ----------
    model : the netlist
    state : uint8 (nets,), of flip-flops and driven nets at the beginning
    inputs : uint8 (cycles, driven), after each clock edge
    driven : nets that come from outside
    timing : delays; None: none
    ends : for each part the cycles up to its end, rising, the last all; None: one part
    watched : nets whose values are wanted

    Raises
    ------
    ToolError : Icarus Verilog is missing or fails
    """
    require_icarus()
    plugin = _plugin()
    ends = [len(inputs)] if ends is None else list(ends)
    bench = _Bench(model, state, len(inputs), list(driven), timing, ends, list(watched))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "design.v").open("w") as file:
            file.writelines(f"{line}\n" for line in _verilog(bench))
        (folder / "inputs.txt").write_text(_lines(inputs))
        _run(["iverilog", "-g2005", "-o", "design", "design.v"], folder)
        _run(["vvp", "-n", "-M", str(plugin), "-m", "vpi", "design"], folder)
        begin = np.fromfile(folder / "first.bin", np.uint8)
        counts = [
            np.diff(
                np.fromfile(folder / f"{what}.bin", "<u8").astype(np.int64).reshape(len(ends), -1),
                axis=0,
                prepend=0,
            )
            for what in ("changes", "settled")
        ]
        lines = (folder / "watched.txt").read_text().split() if watched else [""] * len(ends)
    clocks = [model.netlist.clock, *(gate.output for gate in model.clock_gates)]
    # A clock is back where it was at the end of each cycle.
    counts[1][:, clocks] = counts[0][:, clocks]
    values = np.array([list(map(int, line[::-1])) for line in lines], np.uint8)
    parts = (Changes(*pair) for pair in zip(*counts, strict=True))
    return Replay(begin, tuple(parts), values)


@dataclass(frozen=True, eq=False)
class _Bench:
    # What a testbench is written for; the members as replay() takes them.
    model: GateModel
    state: np.ndarray
    cycles: int
    driven: list[int]
    timing: Timing | None
    ends: list[int]
    watched: list[int]


def require_icarus() -> None:
    """Check for Icarus Verilog.

    Raises
    ------
    ToolError : a program of it is missing; names the Debian package
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise ToolError(f"{missing[0]} is missing: apt-get install iverilog")


def _compare(
    what: str, model: GateModel, found: np.ndarray, expected: np.ndarray, ignored: list[int]
) -> None:
    different = np.setdiff1d(np.flatnonzero(found != expected) + 2, ignored)
    if len(different):
        net = int(different[0])
        raise MismatchError(
            f"gates, {what}: {len(different)} of {len(expected)} nets differ, the first net {net} "
            f"({model.netlist.names.get(net, 'no name')}): expected {expected[net - 2]}, found "
            f"{found[net - 2]}"
        )


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["no message"]
        raise ToolError(f"{command[0]} failed: {lines[0]}")


def _plugin() -> Path:
    source = _VPI.read_text()

    def build(folder: Path) -> None:
        shutil.copyfile(_VPI, folder / "vpi.c")
        _run(["iverilog-vpi", "vpi.c"], folder)

    return cached(["vpi", source], build)


def _lines(inputs: np.ndarray) -> str:
    """A line of bits per cycle, the last driven net first, as $readmemb has it."""
    return "\n".join("".join(map(str, row[::-1])) for row in inputs) + "\n"


def _driven(model: GateModel) -> list[int]:
    netlist = model.netlist
    nets = [net for port in DRIVEN_PORTS for net in netlist.inputs[port]]
    return nets + [net for memory in netlist.memories for port in memory.reads for net in port.data]


def _verilog(bench: _Bench) -> Iterator[str]:
    model, timing = bench.model, bench.timing
    netlist = model.netlist
    kinds: dict[tuple[int, int], str] = {}
    for gate in model.gates:
        kinds.setdefault((len(gate.inputs), gate.table), f"g{len(kinds)}")
    yield "`timescale 1ps / 1ps"
    for (inputs, table), kind in kinds.items():
        yield from _primitive(kind, inputs, table)
    registers = {netlist.clock, *bench.driven}
    for flop in model.flip_flops:
        registers |= {net for net in (flop.output, flop.inverse) if net >= 0}
    yield "module tb;"
    yield "supply0 n0;\nsupply1 n1;"
    for net in range(2, netlist.nets):
        if net in registers:
            value = 0 if net == netlist.clock else bench.state[net]
            yield f"reg n{net} = 1'b{value};"
        else:
            yield f"wire n{net};"
    for gate in model.gates:
        yield _instance(kinds[len(gate.inputs), gate.table], gate, timing)
    for number, clock_gate in enumerate(model.clock_gates):
        enable = " | ".join(f"n{net}" for net in clock_gate.enables) or "1'b0"
        yield f"reg l{number};"
        yield f"wire e{number} = {enable};"
        clock = f"n{clock_gate.clock}"
        yield f"always @({clock}, e{number}) if (!{clock}) l{number} = e{number};"
        yield f"assign n{clock_gate.output} = {clock} & l{number};"
    yield from _flip_flops(model, timing)
    yield from _stimulus(bench)
    yield "endmodule"


def _primitive(kind: str, inputs: int, table: int) -> Iterator[str]:
    names = ", ".join(f"i{place}" for place in range(inputs))
    yield f"primitive {kind}(o, {names});\noutput o;\ninput {names};\ntable"
    for index in range(1 << inputs):
        bits = " ".join(str(index >> place & 1) for place in range(inputs))
        yield f"{bits} : {table >> index & 1};"
    yield "endtable\nendprimitive"


def _instance(kind: str, gate: Gate, timing: Timing | None) -> str:
    delay = "#1"
    if timing is not None:
        rise, fall = _whole(timing.rise[gate.output]), _whole(timing.fall[gate.output])
        delay = f"#({rise},{fall})"
    pins = ", ".join(f"n{net}" for net in (gate.output, *gate.inputs))
    return f"{kind} {delay} ({pins});"


def _whole(delay: float) -> int:
    return max(1, round(delay))


def _flip_flops(model: GateModel, timing: Timing | None) -> Iterator[str]:
    by_clock: dict[int, list[str]] = {}
    for flop in model.flip_flops:
        clock = model.netlist.clock if flop.gate < 0 else model.clock_gates[flop.gate].output
        lines = by_clock.setdefault(clock, [])
        for net, sign in ((flop.output, flop.invert), (flop.inverse, not flop.invert)):
            if net >= 0:
                delay = _whole((timing.rise[net] + timing.fall[net]) / 2) if timing else 1
                lines.append(f"n{net} <= #{delay} {'~' if sign else ''}n{flop.data};")
    for clock, lines in by_clock.items():
        yield f"always @(posedge n{clock}) begin"
        yield from lines
        yield "end"


def _stimulus(bench: _Bench) -> Iterator[str]:
    model, timing = bench.model, bench.timing
    netlist = model.netlist
    if timing is None:
        late, half = 1, len(model.gates) + 10
    else:
        flops = [flop.output for flop in model.flip_flops if flop.output >= 0]
        late = _whole(float(timing.rise[flops].mean())) if flops else 1
        # Half a period is enough for everything, so that clock gates see settled enables.
        half = math.ceil(critical_path(model, timing)) + late + 10
    driven = _joined(bench.driven)
    yield f"reg [{len(bench.driven) - 1}:0] inputs [0:{bench.cycles - 1}];"
    yield "integer cycle, file;"
    yield f"""initial begin
$readmemb("inputs.txt", inputs);
file = $fopen("watched.txt");
#{2 * half} $watch({netlist.nets});
for (cycle = 0; cycle < {bench.cycles}; cycle = cycle + 1) begin
n{netlist.clock} = 1;
{{{driven}}} <= #{late} inputs[cycle];
#{half} n{netlist.clock} = 0;
#{half} $sample;
if ({" || ".join(f"cycle == {end - 1}" for end in bench.ends)}) begin
$report;"""
    if bench.watched:
        yield f'$fdisplay(file, "%b", {{{_joined(bench.watched)}}});'
    yield "end\nend\n$finish(0);\nend"


def _joined(nets: list[int]) -> str:
    """As Verilog has a vector, the last first."""
    return ", ".join(f"n{net}" for net in reversed(nets))
