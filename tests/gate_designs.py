"""A small accelerator on the gates of a small library, with a network and its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pann_hw.cache import cached
from pann_hw.config import AcceleratorConfig
from pann_hw.energy.inference import GateDesign, gate_design
from pann_hw.integer.run import run
from pann_hw.program.deployment import Deployment, deploy
from pann_hw.program.stores import network_order
from pann_hw.technology.known import Technology
from pann_hw.technology.liberty import read_library
from pann_hw.technology.library import Library
from rtl_gen.gates.netlist import Instance, Netlist
from sim.gates.zero_delay import GateRun, run_gates
from tests.liberty_text import gates
from tests.random_networks import NetworkBuilder

__all__ = [
    "SMALL",
    "Small",
    "design",
    "infer",
    "library_files",
    "netlist",
    "real_design",
    "small",
]

SMALL = AcceleratorConfig(
    lanes=4,
    cores=1,
    operand_width=4,
    max_shift=1,
    accumulator_width=14,
    low_bits=4,
    banks=1,
    window_slots=4,
    activation_words=64,
    term_words=256,
    descriptor_words=256,
)


@dataclass(frozen=True, eq=False)
class Small:
    """A deployment, images of its network (integers), and the outputs that they must give."""

    deployment: Deployment
    images: np.ndarray
    outputs: np.ndarray

    @property
    def floats(self) -> np.ndarray:
        """Float inputs that are quantised to the images."""
        tensor = self.deployment.networks[0].input
        values: np.ndarray = (self.images - tensor.zero_point) * tensor.scale
        return values.astype(np.float32)


@cache
def small() -> Small:
    """Two convolutions, two images."""
    b = NetworkBuilder(np.random.default_rng(5), (2, 4, 4), 4)
    first = b.accumulate(b.convolution("x", 3, (3, 3), padding=(1, 1)), bits=4)
    b.accumulate(b.convolution(first, 2, (1, 1)), raw=True)
    network, images = b.network(), b.images
    outputs = run(network, images)[network.layers[-1].output.name].numpy()
    return Small(deploy([network], ["csd"], SMALL), images, outputs.reshape(len(images), -1))


@cache
def library_files() -> tuple[Library, tuple[Path, ...]]:
    """The small library, and its file."""
    content = gates()
    entry = cached(["tests", content], lambda folder: _write(folder / "small.lib", content))
    files = (entry / "small.lib",)
    return read_library(files), files


def _write(path: Path, content: str) -> None:
    path.write_text(content)


@cache
def design(*, clock_gating: bool = True) -> GateDesign:
    """The accelerator on the gates of the small library."""
    library, files = library_files()
    return gate_design(small().deployment, library, files, clock_gating=clock_gating)


def infer(made: GateDesign, windows: Sequence[tuple[int, int]] = ()) -> GateRun:
    """Both images on the gates; the outputs in the network's order."""
    given = small()
    done = run_gates(
        made.model,
        given.deployment.image,
        given.images.reshape(len(given.images), -1).astype(np.uint8),
        0,
        given.outputs.shape[1],
        windows=windows,
    )
    done.outputs[:] = network_order(given.deployment.programs[0], done.outputs)
    return done


def real_design(technology: Technology, files: Sequence[Path]) -> GateDesign:
    """The accelerator on the gates of a real library."""
    return gate_design(small().deployment, read_library(files), files, technology)


def netlist(
    *instances: Instance, inputs: Sequence[int] = (3,), outputs: Sequence[int] = ()
) -> Netlist:
    """A netlist by hand; net 2 is the clock."""
    used = {net for instance in instances for net in instance.pins.values()}
    nets = max(used | {2, *inputs, *outputs}) + 1
    ports = {"clk": (2,), "a": tuple(inputs)}
    return Netlist("hand", nets, {}, ports, {"y": tuple(outputs)}, instances)
