"""A small perceptron of 4-bit activations and weights, from its integers to counted cells."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import Clock
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import run
from pann_hw.machine.cycles import CyclePredictor, largest_words, linear_words
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.stores import output_map
from rtl_gen.yosys import run_yosys
from sim.harness import accelerator_verilog, simulate
from sim.signals import TOP

__all__ = ["MOST_CYCLES", "MOST_LUTS", "Case", "Cells", "configuration", "measure", "perceptron"]

MOST_CYCLES, MOST_LUTS = 400, 3500
"""What is asked of one rail, beside no DSP block and no mismatch."""

_INPUTS, _HIDDEN, _OUTPUTS = 64, 32, 10
_BITS = 4
_TIMEOUT = 10_000


@dataclass(frozen=True)
class Cells:
    """Cells of an FPGA of the 7 series, as Yosys maps them.

    Attributes
    ----------
    luts : LUT1 to LUT6
    flip_flops : of every kind
    carries : CARRY4
    multiplexers : MUXF7 and MUXF8
    memories : kind of memory -> cells
    dsps : DSP48E1
    """

    luts: int
    flip_flops: int
    carries: int
    multiplexers: int
    memories: dict[str, int]
    dsps: int


@dataclass(frozen=True)
class Case:
    """The perceptron on an accelerator.

    Attributes
    ----------
    config : the accelerator
    inputs : random ones, all simulated
    outputs : of all of them
    mismatches : outputs that are not those of PyTorch
    cycles_mismatched : inputs that do not take the cycles predicted
    fewest, mean, most : counted cycles of an input
    bound : cycles of an input that would make every activation the largest, the most there can be
    cells : what the netlist is made of
    """

    config: AcceleratorConfig
    inputs: int
    outputs: int
    mismatches: int
    cycles_mismatched: int
    fewest: int
    mean: float
    most: int
    bound: int
    cells: Cells

    @property
    def faults(self) -> list[str]:
        """What is not as it should be, a line each."""
        found = []
        if self.mismatches:
            found.append(f"{self.mismatches} of {self.outputs} outputs differ")
        if self.cycles_mismatched:
            found.append(
                f"{self.cycles_mismatched} of {self.inputs} inputs do not take the cycles predicted"
            )
        return found

    @property
    def missed(self) -> list[str]:
        """What is more than is asked, a line each."""
        asked = (
            ("cycles", self.most, MOST_CYCLES),
            ("LUTs", self.cells.luts, MOST_LUTS),
            ("DSP blocks", self.cells.dsps, 0),
        )
        return [f"{found} {what}, asked {most}" for what, found, most in asked if found > most]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "faults": self.faults, "missed": self.missed}


def perceptron() -> IntegerNetwork:
    """64-32-10: weights round(normal(0, 3)) in -7..7; hidden sums / 32, rounded, in 0..15."""
    rng = np.random.default_rng(0)
    shapes = ((_HIDDEN, _INPUTS, 1, 1), (_OUTPUTS, _HIDDEN, 1, 1))
    first, second = (np.rint(rng.normal(0, 3, s)).clip(-7, 7).astype(np.int64) for s in shapes)
    biases = [rng.integers(-50, 51, shape[0]) for shape in shapes]
    x = Tensor("x", (_INPUTS, 1, 1), _BITS)
    hidden = Tensor("hidden", (_HIDDEN, 1, 1), _BITS)
    output = Tensor("output", (_OUTPUTS, 1, 1), _BITS)
    # A shift by 4 keeps one bit of fraction, which the rounding takes.
    scale = Scale(((1, 4),))
    layers = (
        Accumulate(hidden, (Source("x", first),), biases[0], (scale,) * _HIDDEN, 15),
        Accumulate(output, (Source("hidden", second),), biases[1], None, 0),
    )
    return IntegerNetwork(x, layers)


def configuration(rails: int) -> AcceleratorConfig:
    """Hardware for linear layers alone, one core of 32 lanes."""
    return AcceleratorConfig(
        layer_kinds="linear", lanes=32, cores=1, lane="csd", rails=rails, operand_width=_BITS,
        accumulator_width=13, low_bits=5, banks=1, window_slots=4, activation_words=16,
        term_words=16, descriptor_words=128, weight_words=128, weight_width=4, requantise_lanes=4,
    )  # fmt: skip


def measure(rails: int, inputs: int, clock: Clock) -> Case:
    """Compile, generate, simulate random inputs, and count the cells."""
    config, network = configuration(rails), perceptron()
    name = f"{rails} rail{'s' * (rails > 1)}"
    program = clock(f"{name}: compile", compile_network, network, config, "csd")
    image = link([program])
    x = np.random.default_rng(1).integers(0, 1 << _BITS, (inputs, _INPUTS, 1, 1))
    points = np.zeros(inputs, np.int64)
    rows = x.reshape(inputs, -1)
    verilog = clock(f"{name}: generate", accelerator_verilog, config)
    found = clock(
        f"{name}: simulate", simulate, image, rows, points, _OUTPUTS, timeout=_TIMEOUT
    )  # fmt: skip
    predictor = CyclePredictor(image)
    (bound,) = predictor.schedules(0, [largest_words(program)])
    predicted = [one.cycles for one in predictor.schedules(0, linear_words(program, x))]
    wanted = run(network, x)["output"].numpy()
    expected = wanted[(slice(None), *np.array(output_map(program)).T)]
    return Case(
        config,
        inputs,
        found.outputs.size,
        int((found.outputs != expected).sum()),
        int((found.cycles != predicted).sum()),
        int(found.cycles.min()),
        float(found.cycles.mean()),
        int(found.cycles.max()),
        bound.cycles,
        clock(f"{name}: synthesise", count_cells, verilog),
    )


def count_cells(verilog: str) -> Cells:
    """Map an accelerator's Verilog to cells, without pads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "accelerator.v").write_text(verilog)
        commands = [
            "read_verilog accelerator.v",
            f"synth_xilinx -top {TOP} -noiopad -flatten",
            "tee -q -o cells.json stat -json",
        ]
        run_yosys(commands, folder)
        design = json.loads((folder / "cells.json").read_text())["design"]
    counts: dict[str, int] = design["num_cells_by_type"]

    def total(prefix: str) -> int:
        return sum(count for kind, count in counts.items() if kind.startswith(prefix))

    return Cells(
        luts=total("LUT"),
        flip_flops=total("FD"),
        carries=total("CARRY"),
        multiplexers=total("MUXF"),
        memories={kind: counts[kind] for kind in sorted(counts) if kind.startswith("RAM")},
        dsps=total("DSP"),
    )
