"""Whole inferences on a mapped netlist, without delays: outputs, cycles, toggles of every net."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pann_hw.cache import cached
from pann_hw.errors import MismatchError, ToolError
from pann_hw.program.image import Image
from sim.gates.model import GateModel
from sim.process import run_simulator
from sim.toolchain import environment

__all__ = ["GateRun", "Window", "run_gates"]

_MAIN = Path(__file__).parent / "zero_delay.cpp"
_FLAGS = ("-O3", "-std=c++17")

_PORTS = (
    "rst",
    "program__valid",
    "program__payload",
    "program__ready",
    "input__valid",
    "input__payload",
    "input__ready",
    "output__valid",
    "output__payload",
    "output__ready",
    "registers__address",
    "registers__w_enable",
    "registers__w_data",
    "registers__r_data",
    "irq",
)
"""In the order of the simulator's `Port`."""

DRIVEN_PORTS = (
    "rst",
    "program__valid",
    "program__payload",
    "input__valid",
    "input__payload",
    "output__ready",
    "registers__address",
    "registers__w_enable",
    "registers__w_data",
)
"""Ports of a window's inputs, in their order; behind them come the memories' read data."""


@dataclass(frozen=True, eq=False)
class Window:
    """Some cycles of an inference, in which every net's value can be had.

    Attributes
    ----------
    start, length : cycles; 0 is the one in which the first inference is started
    state : uint8 (nets,), settled, before the first of the window's clock edges
    inputs : uint8 (length, driven nets), after each of the edges
    toggles : int64 (nets,), settled values against those of the cycle before; 2 per pulse of a
        clock
    """

    start: int
    length: int
    state: np.ndarray
    inputs: np.ndarray
    toggles: np.ndarray


@dataclass(frozen=True, eq=False)
class GateRun:
    """Inferences on a netlist.

    Attributes
    ----------
    outputs : int64 (inferences, outputs), in the order of the output stream
    cycles : int64 (inferences,)
    toggles : int64 (nets,), of all inferences together; as in :class:`Window`
    reads, writes : int64 (memories,), accesses of all inferences together
    windows : as asked for
    """

    outputs: np.ndarray
    cycles: np.ndarray
    toggles: np.ndarray
    reads: np.ndarray
    writes: np.ndarray
    windows: tuple[Window, ...]


def run_gates(
    model: GateModel,
    image: Image,
    inputs: np.ndarray,
    point: int,
    outputs: int,
    *,
    windows: Sequence[tuple[int, int]] = (),
    timeout: int = 100_000_000,
    progress: Callable[[], None] | None = None,
) -> GateRun:
    """Run inferences one after another on the gates of an accelerator.

    Parameters
    ----------
    model : of the accelerator of the image's configuration
    image : the program memories
    inputs : uint8 (inferences, elements), elements in the order of the input stream
    point : operating point
    outputs : elements that an inference sends out
    windows : start and length, in cycles of the first inference
    timeout : cycles after which an inference counts as hung
    progress : called after each inference

    Raises
    ------
    MismatchError : the accelerator reports an error, or hangs
    ToolError : a tool is missing or fails
    """
    executable = _build()
    config, count = image.config, len(inputs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = _file(model, config.operand_width, config.input_elements)
        (folder / "netlist.bin").write_bytes(words.tobytes())
        (folder / "program.bin").write_bytes(image.stream().astype("<u4").tobytes())
        (folder / "inputs.bin").write_bytes(inputs.astype(np.uint8).tobytes())
        files = [str(folder / f"{part}.bin") for part in ("netlist", "program", "inputs")]
        numbers = [point, inputs.shape[1], outputs, timeout]
        spans = [number for window in windows for number in window]
        command = [str(executable), *files, name, *map(str, [*numbers, *spans])]
        status, message = run_simulator(command, progress)
        if status == 1:
            raise MismatchError(f"gates: {message}")
        if status:
            raise ToolError(f"the gate simulator failed with code {status}: {message}")
        accesses = np.fromfile(folder / "accesses.bin", "<u8").astype(np.int64).reshape(-1, 2)
        return GateRun(
            np.fromfile(folder / "outputs.bin", "<i4").astype(np.int64).reshape(count, outputs),
            np.fromfile(folder / "cycles.bin", "<u4").astype(np.int64),
            np.fromfile(folder / "toggles.bin", "<u8").astype(np.int64),
            accesses[:, 0],
            accesses[:, 1],
            tuple(_window(folder / f"window{i}", *span) for i, span in enumerate(windows)),
        )


def _window(path: Path, start: int, length: int) -> Window:
    inputs = np.fromfile(path.with_suffix(".inputs"), np.uint8)
    return Window(
        start,
        length,
        np.fromfile(path.with_suffix(".state"), np.uint8),
        inputs.reshape(length, -1),
        np.fromfile(path.with_suffix(".toggles"), "<u4").astype(np.int64),
    )


def _build() -> Path:
    source = _MAIN.read_text()

    def compile_main(folder: Path) -> None:
        command = ["g++", *_FLAGS, "-o", str(folder / "zero_delay"), str(_MAIN)]
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ToolError(f"g++ cannot compile {_MAIN.name}: {done.stderr.strip()[:500]}")

    return cached(["gates", source, _FLAGS], compile_main) / "zero_delay"


def _file(model: GateModel, operand_bits: int, input_elements: int) -> np.ndarray:
    """The netlist's file, as zero_delay.cpp reads it."""
    netlist = model.netlist
    ports = {**netlist.inputs, **netlist.outputs}
    words: list[int] = [netlist.nets, operand_bits, input_elements, netlist.clock]

    def put(items: Iterable[int]) -> None:
        items = list(items)
        words.append(len(items))
        words.extend(items)

    for port in _PORTS:
        put(ports[port])
    words.append(len(model.gates))
    for gate in model.gates:
        words.append(gate.output)
        put(gate.inputs)
        put(gate.table >> shift & 0xFFFFFFFF for shift in range(0, 1 << len(gate.inputs), 32))
    words.append(len(model.flip_flops))
    for flop in model.flip_flops:
        words += [flop.output, flop.inverse, flop.data, int(flop.invert), flop.gate]
    words.append(len(model.clock_gates))
    for clock_gate in model.clock_gates:
        words.append(clock_gate.output)
        put(clock_gate.enables)
    words.append(len(netlist.memories))
    for memory in netlist.memories:
        words += [memory.width, memory.words, len(memory.reads)]
        for read in memory.reads:
            words.append(read.enable)
            put(read.address)
            put(read.data)
        words.append(len(memory.writes))
        for write in memory.writes:
            put(write.address)
            put(write.data)
            put(write.enable)
    return np.array(words, np.int64).astype("<u4")
