"""The C driver as firmware, on the simulated accelerator behind Wishbone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import quantise_input, run
from pann_hw.machine.machine import Machine
from pann_hw.network.digits import digits_data, train_digits
from pann_hw.network.torch_import import import_module
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.program import Program
from pann_hw.program.stores import output_map
from pann_hw.quantise.search import best, search
from pann_hw.registers.c_header import c_header
from pann_hw.registers.error import Error
from rtl_gen.packaging.write import DRIVER, HEADER
from sim.bus_model import build_bus_model, build_firmware, run_firmware
from tests.random_networks import NetworkBuilder

CONFIG = AcceleratorConfig(
    lanes=16, cores=2, input_elements=8, activation_words=512, term_words=16384,
    descriptor_words=2048,
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
    expected: np.ndarray
    cycles: np.ndarray

    def run(self, scenario: str, seed: int) -> tuple[list[str], np.ndarray]:
        """Lines that the firmware printed, and its results (inferences, outputs and cycles)."""
        names = ("program", "inputs", "points", "results")
        files = [str(self.folder / f"{name}.bin") for name in names]
        done = run_firmware(self.simulator, self.library, [scenario, *files, "64", "10"], seed)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), np.fromfile(files[3], "<i4").reshape(-1, 11)


def _make_case(
    folder: Path,
    networks: Sequence[IntegerNetwork],
    programs: Sequence[Program],
    x: np.ndarray,
    points: np.ndarray,
) -> _Case:
    """Inferences of the inputs ``x``, each at its point, as files in the folder."""
    image = link(programs)
    expected = np.zeros((len(x), 10), np.int64)
    for point, (network, program) in enumerate(zip(networks, programs, strict=True)):
        chosen = points == point
        result = run(network, x[chosen])[network.layers[-1].output.name].numpy()
        channel, row, column = np.array(output_map(program)).T
        expected[chosen] = result[:, channel, row, column]
    (folder / "program.bin").write_bytes(image.stream().astype("<u4").tobytes())
    (folder / "inputs.bin").write_bytes(x.astype(np.uint8).tobytes())
    (folder / "points.bin").write_bytes(points.astype(np.uint8).tobytes())
    machine = Machine(image)
    cycles = np.array([machine.run(point).cycles for point in range(len(networks))])
    simulator, library = build_bus_model(CONFIG), build_firmware(_SOURCE, CONFIG, folder)
    return _Case(simulator, library, folder, expected, cycles[points])


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> _Case:
    rng = np.random.default_rng(7)
    networks, images = zip(*(digits_like(rng, bits) for bits in (4, 3)), strict=True)
    programs = [compile_network(network, CONFIG, "csd") for network in networks]
    points = rng.integers(0, 2, _INFERENCES)
    x = np.stack([images[point][index] for index, point in enumerate(points)])
    return _make_case(tmp_path_factory.mktemp("driver"), networks, programs, x, points)


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
    assert lines[:-1] == [
        "open: ok",
        f"no program: {Error.NO_PROGRAM.meaning}",
        f"magic: {Error.BAD_MAGIC.meaning}",
        f"configuration: {Error.WRONG_CONFIGURATION.meaning}",
        f"section: {Error.BAD_SECTION.meaning}",
        f"checksum: {Error.BAD_CHECKSUM.meaning}",
        f"after being cut short: {Error.NO_PROGRAM.meaning}",
        "load: ok",
        "good: ok",
        f"point: {Error.POINT_NOT_LOADED.meaning}",
        "no such point: an element, a count or an operating point is out of range",
        "no outputs: an element, a count or an operating point is out of range",
        "good: ok",
        f"short: {Error.INPUT_SHORT.meaning}",
        "good: ok",
        f"long: {Error.INPUT_LONG.meaning}",
        "good: ok",
        "fewer outputs: the inference has another number of outputs",
        "good: ok",
        "more outputs: the inference has another number of outputs",
        "good: ok",
        "refused: 0",
    ]
    assert np.array_equal(results[:, :10], case.expected[[0, 1, 2, 3, 0, 1]])


def test_a_host_that_goes_away(case: _Case, seed: int) -> None:
    lines, results = case.run("gone", seed)
    assert lines[:2] == ["open: ok", "gone: ok"]
    assert np.array_equal(results[:, :10], case.expected)


def test_waits_are_bounded(case: _Case, seed: int) -> None:
    lines, _ = case.run("absent", seed)
    assert lines[:-2] == [
        "open: ok",
        "absent: no accelerator at this address, or one of another interface",
        "other: the accelerator is of another configuration than the header",
        "exchange: the accelerator makes no progress",
        "finish: the accelerator makes no progress",
        "recover: the accelerator makes no progress",
        "load: an inference is under way",
    ]


def test_every_result_has_a_text(tmp_path: Path) -> None:
    """None of the driver's own falls through to the accelerator's."""
    names = re.findall(r"^    (PANN_\w+) = -\d+", DRIVER.read_text(), re.MULTILINE)
    assert len(names) == 8
    lines = [f"puts(pann_result_text({name}));" for name in names]
    (tmp_path / HEADER).write_text(c_header(CONFIG))
    body = "\n".join(lines)
    source = f'#include <stdio.h>\n#include "{DRIVER}"\nint main(void) {{ {body} return 0; }}\n'
    (tmp_path / "main.c").write_text(source)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-I."]
    subprocess.run(["gcc", *flags, "main.c", "-o", "main"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    texts = done.stdout.splitlines()
    assert len(set(texts)) == len(names) and "unknown error code" not in texts


@pytest.mark.slow
def test_all_digits(tmp_path: Path, seed: int) -> None:
    """The trained network of the demonstration, every test image, at two operating points."""
    train, test = digits_data()
    graph = import_module(train_digits(0), torch.from_numpy(test.x[:2]))
    networks = [
        best(search(graph, train.x[:200], None, budget, CONFIG.shift)).network
        for budget in ("2bit", "3bit")
    ]
    programs = [compile_network(network, CONFIG, "csd") for network in networks]
    x = np.concatenate([quantise_input(network, test.x) for network in networks])
    case = _make_case(tmp_path, networks, programs, x, np.repeat([0, 1], len(test)))
    lines, results = case.run("one_by_one", seed)
    assert lines[:4] == ["open: ok", "load: ok", "infer: ok", "refused: 0"]
    assert len(results) == 2 * len(test)
    assert np.array_equal(results[:, :10], case.expected)
