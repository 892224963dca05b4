"""The fast simulation: a compiled C++ main that runs whole inferences on the accelerator."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import MismatchError, ToolError
from pann_hw.program.image import Image
from pann_hw.registers.error import Error
from rtl_gen.accelerator import Accelerator
from rtl_gen.verilog import to_verilog
from sim.build import build_simulator
from sim.process import run_simulator
from sim.signals import CLASSES, TOP, CountedSignal, counted_signals, public_lines

__all__ = ["SimulationResult", "accelerator_verilog", "build", "simulate"]

_MAIN = Path(__file__).parent / "harness.cpp"


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What the accelerator did, inference by inference.

    Attributes
    ----------
    outputs : int64 (inferences, outputs), in the order of the output stream
    cycles : int64 (inferences,), from start to done
    stores : structured array (stores,) with ``address``, ``bank`` and ``word`` (a byte per lane),
        of all inferences in order; None where not asked for
    toggles : class -> int64 (inferences,); None where not asked for
    """

    outputs: np.ndarray
    cycles: np.ndarray
    stores: np.ndarray | None
    toggles: dict[str, np.ndarray] | None


@cache
def accelerator_verilog(config: AcceleratorConfig) -> str:
    """The Verilog of the accelerator of a configuration."""
    return to_verilog(Accelerator(config), TOP)


def build(config: AcceleratorConfig) -> Path:
    """The simulator of a configuration; made once and kept in the cache."""
    signals = counted_signals(config)
    names = ("address", "enable", "lanes", "take")
    ports = {name: CountedSignal("", ("store_port",), name) for name in names}
    words = [CountedSignal("", ("store_port",), f"word{bank}") for bank in range(config.banks)]
    lines = [
        f'#include "V{TOP}.h"',
        f'#include "V{TOP}___024root.h"',
        f"#define HARNESS_TOP V{TOP}",
        f"#define HARNESS_SUM_BITS {config.accumulator_width}",
        f"#define HARNESS_OPERAND_BITS {config.operand_width}",
        f"#define HARNESS_INPUT_ELEMENTS {config.input_elements}",
        f"#define HARNESS_WORD_BYTES {_word_bytes(config)}",
        f"#define HARNESS_LANES {config.lanes}",
        f"#define HARNESS_STORE_PARTS {config.parts}",
        f"#define HARNESS_CLASSES {len(CLASSES)}",
        *(
            f"#define HARNESS_STORE_{name.upper()}(root) (root)->{port.cpp}"
            for name, port in ports.items()
        ),
        "#define HARNESS_STORE_WORDS(X) \\",
        *(f"  X(root->{word.cpp}) \\" for word in words),
        "",
        "#define HARNESS_SIGNALS(X) \\",
        *(f"  X({CLASSES.index(item.signal_class)}, root->{item.cpp}) \\" for item in signals),
        "",
    ]
    main = _MAIN.read_text().replace('#include "signals.h"', "\n".join(lines))
    return build_simulator(
        accelerator_verilog(config), TOP, main, public=public_lines(config, ports.values())
    )


def simulate(
    image: Image,
    inputs: np.ndarray,
    points: np.ndarray,
    outputs: int,
    *,
    timeout: int = 100_000_000,
    stores: bool = False,
    toggles: bool = False,
    overlap: bool = False,
    progress: Callable[[], None] | None = None,
) -> SimulationResult:
    """Run inferences one after another on one accelerator, loaded once.

    Parameters
    ----------
    image : the program memories
    inputs : uint8 (inferences, elements), elements in the order of the input stream
    points : uint8 (inferences,), the operating point of each
    outputs : elements that an inference sends out
    timeout : cycles after which an inference counts as hung
    stores, toggles : whether to record stored words, and toggles by class
    overlap : start each inference as soon as the accelerator takes a start, while others are under
        way; cycles are then those between ends, and toggles cannot be counted
    progress : called after each inference

    Raises
    ------
    ValueError : inputs or points of another shape, or values that are no bytes
    MismatchError : the accelerator reports an error, or hangs
    ToolError : a tool is missing or fails
    """
    count = len(inputs)
    if inputs.ndim != 2 or points.shape != (count,):
        raise ValueError(
            f"inputs {inputs.shape} and points {points.shape} must be (inferences, elements) and "
            "(inferences,)"
        )
    if toggles and overlap:
        raise ValueError("toggles are of single inferences: they cannot overlap")
    largest = 2**image.config.operand_width - 1
    for what, values, most in (("inputs", inputs, largest), ("points", points, 255)):
        if values.size and not 0 <= values.min() <= values.max() <= most:
            raise ValueError(f"{what} are {values.min()}..{values.max()}, must be 0..{most}")
    executable = build(image.config)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.bin").write_bytes(image.stream().astype("<u4").tobytes())
        (folder / "inputs.bin").write_bytes(inputs.astype(np.uint8).tobytes())
        (folder / "points.bin").write_bytes(points.astype(np.uint8).tobytes())
        files = [str(folder / f"{part}.bin") for part in ("program", "inputs", "points")]
        numbers = [inputs.shape[1], outputs, timeout, int(stores), int(toggles), int(overlap)]
        command = [str(executable), *files, name, *map(str, numbers)]
        status, message = run_simulator(command, progress)
        if status == 1:
            raise MismatchError(f"simulation: {_explained(message)}")
        if status:
            raise ToolError(f"the simulator failed with code {status}: {message}")
        return _collect(folder, image.config, (count, outputs), stores, toggles)


def _word_bytes(config: AcceleratorConfig) -> int:
    """Bytes of a word of the activation memory."""
    return -(-config.lanes * config.operand_width // 8)


def _stores(path: Path, config: AcceleratorConfig) -> np.ndarray:
    """The stored words, an element a byte."""
    place = [("address", "<u2"), ("bank", "<u2")]
    packed = np.fromfile(path, [*place, ("word", "u1", _word_bytes(config))])
    stored = np.zeros(len(packed), [*place, ("word", "u1", config.lanes)])
    for name, _ in place:
        stored[name] = packed[name]
    bits = np.unpackbits(packed["word"], axis=1, bitorder="little")
    bits = bits[:, : config.lanes * config.operand_width]
    elements = bits.reshape(len(packed), config.lanes, config.operand_width)
    stored["word"] = np.packbits(elements, axis=2, bitorder="little")[..., 0]
    return stored


def _explained(message: str) -> str:
    """The simulator's message with the meaning of the accelerator's error code."""
    return re.sub(r"error (\d+)", lambda code: f"error {code[1]}: {_meaning(code[1])}", message)


def _meaning(code: str) -> str:
    return Error(int(code)).meaning


def _collect(
    folder: Path, config: AcceleratorConfig, shape: tuple[int, int], stores: bool, toggles: bool
) -> SimulationResult:
    values = np.fromfile(folder / "outputs.bin", "<i4").astype(np.int64).reshape(shape)
    cycles = np.fromfile(folder / "cycles.bin", "<u4").astype(np.int64)
    stored = counted = None
    if stores:
        stored = _stores(folder / "stores.bin", config)
    if toggles:
        table = np.fromfile(folder / "toggles.bin", "<u8").astype(np.int64)
        columns = table.reshape(shape[0], len(CLASSES)).T
        counted = dict(zip(CLASSES, columns, strict=True))
    return SimulationResult(values, cycles, stored, counted)
