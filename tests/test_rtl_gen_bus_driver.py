"""The C driver as firmware, on the simulated accelerator behind Wishbone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import run
from pann_hw.machine.machine import Machine
from pann_hw.program.compile import compile_network
from pann_hw.program.image import Image, link
from pann_hw.program.stores import output_map
from sim.bus_model import build_bus_model, build_firmware, run_firmware
from tests.random_networks import NetworkBuilder

CONFIG = AcceleratorConfig(
    lanes=16, cores=2, input_elements=8, activation_words=256, term_words=4096,
    descriptor_words=1024,
)  # fmt: skip
"""Lanes for a map of 8 x 8 pixels; beats of two words."""

_SOURCE = Path(__file__).parent / "firmware.c"
_INFERENCES = 12


def digits_like(rng: np.random.Generator, bits: int) -> tuple[IntegerNetwork, np.ndarray]:
    """A residual network of the size that digits take: 8 x 8 pixels, ten classes."""
    b = NetworkBuilder(rng, (1, 8, 8), 8, count=_INFERENCES)
    stem = b.accumulate(b.convolution("x", 8, (3, 3), padding=(1, 1)), bits=bits)
    inner = b.accumulate(b.convolution(stem, 8, (3, 3), padding=(1, 1)), bits=bits)
    added = b.accumulate(
        b.convolution(inner, 8, (3, 3), padding=(1, 1)), b.copy(stem, 8), bits=bits
    )
    pooled = b.pool(added, (2, 2), (2, 2), (0, 0))
    b.accumulate(b.convolution(pooled, 10, b.shape(pooled)[1:]), raw=True)
    return b.network(), b.images


@dataclass(frozen=True, eq=False)
class _Case:
    """Files for the firmware, and what must come of them."""

    simulator: Path
    library: Path
    folder: Path
    image: Image
    expected: np.ndarray
    cycles: np.ndarray

    def run(self, scenario: str, seed: int) -> tuple[list[str], np.ndarray]:
        """Lines that the firmware printed, and its results (inferences, outputs and cycles)."""
        names = ("program", "inputs", "points", "results")
        files = [str(self.folder / f"{name}.bin") for name in names]
        done = run_firmware(self.simulator, self.library, [scenario, *files, "64", "10"], seed)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), np.fromfile(files[3], "<i4").reshape(-1, 11)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> _Case:
    folder = tmp_path_factory.mktemp("driver")
    rng = np.random.default_rng(7)
    networks, images = [], []
    for bits in (4, 3):
        network, x = digits_like(rng, bits)
        networks.append(network)
        images.append(x)
    programs = [compile_network(network, CONFIG, "csd") for network in networks]
    image = link(programs)
    points = rng.integers(0, 2, _INFERENCES)
    x = np.stack([images[point][index] for index, point in enumerate(points)])
    expected = []
    for index, point in enumerate(points):
        result = run(networks[point], x[index : index + 1])[networks[point].layers[-1].output.name]
        channel, row, column = np.array(output_map(programs[point])).T
        expected.append(result.numpy()[0, channel, row, column])
    (folder / "program.bin").write_bytes(image.stream().astype("<u4").tobytes())
    (folder / "inputs.bin").write_bytes(x.astype(np.uint8).tobytes())
    (folder / "points.bin").write_bytes(points.astype(np.uint8).tobytes())
    machine = Machine(image)
    return _Case(
        build_bus_model(CONFIG),
        build_firmware(_SOURCE, CONFIG, folder),
        folder,
        image,
        np.stack(expected),
        np.array([machine.run(int(point)).cycles for point in points]),
    )


def test_whole_inferences(case: _Case, seed: int) -> None:
    lines, results = case.run("one_by_one", seed)
    assert lines[:3] == ["open: ok", "load: ok", "infer: ok"]
    assert lines[3] == "refused: 0"
    assert np.array_equal(results[:, :10], case.expected)
    # The bus is slower than the accelerator.
    assert (results[:, 10] >= case.cycles).all()
    assert (results[:, 10] <= case.cycles + 64 * 20).all()


def test_overlapping_inferences(case: _Case, seed: int) -> None:
    lines, results = case.run("overlapped", seed)
    assert lines[:4] == ["open: ok", "load: ok", "infer: ok", "refused: 0"]
    assert np.array_equal(results[:, :10], case.expected)


def test_wrong_use(case: _Case, seed: int) -> None:
    lines, results = case.run("wrong_use", seed)
    for line in lines:
        print(line)
    assert lines[-2] == "refused: 0"


def test_a_host_that_goes_away(case: _Case, seed: int) -> None:
    lines, results = case.run("gone", seed)
    for line in lines:
        print(line)
    assert lines[:2] == ["open: ok", "gone: ok"]
    assert np.array_equal(results[:, :10], case.expected)


def test_waits_are_bounded(case: _Case, seed: int) -> None:
    lines, _ = case.run("absent", seed)
    for line in lines:
        print(line)
