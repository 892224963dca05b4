"""Operating points switched between images, on the accelerator, against the integer reference."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.run import quantise_input, run
from pann_hw.machine.machine import Machine
from pann_hw.program.deployment import Deployment, deploy
from pann_hw.report.operating_points import parse_schedule, predict_flips, run_schedule
from tests.random_networks import NetworkBuilder

CONFIG = AcceleratorConfig(
    lanes=4, cores=2, activation_words=256, term_words=1024, descriptor_words=512
)


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    """One network of two layers at three operating points: other weights, other terms."""
    networks = []
    for seed in range(3):
        b = NetworkBuilder(np.random.default_rng(seed), (2, 6, 5), 4)
        first = b.accumulate(b.convolution("x", 3, (3, 3), padding=(1, 1)))
        b.accumulate(b.convolution(first, 4, (6, 5)), raw=True)
        networks.append(b.network())
    return deploy(networks, ["csd", "unary", "csd"], CONFIG)


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 16, (70, 2, 6, 5)).astype(np.float32)


@pytest.mark.parametrize("overlap", [False, True])
def test_each_image_runs_at_its_point(deployment: Deployment, x: np.ndarray, overlap: bool) -> None:
    schedule = [2, 0, 2]
    runs = run_schedule(deployment, x, schedule, overlap=overlap)
    assert [one.images.tolist() for one in runs] == [
        [image for image in range(len(x)) if schedule[image % 3] == point] for point in range(3)
    ]
    for network, found in zip(deployment.networks, runs, strict=True):
        name = network.layers[-1].output.name
        if len(found.images):
            inputs = quantise_input(network, x[found.images])
            expected = run(network, inputs)[name].numpy().reshape(len(inputs), -1)
            assert (found.outputs == expected).all()
        assert (found.cycles == found.predicted_cycles).all()
        assert found.flips is None


def test_overlapping_inferences_take_fewer_cycles(deployment: Deployment, x: np.ndarray) -> None:
    one, other = (
        run_schedule(deployment, x[:9], [0, 1], overlap=overlap) for overlap in (False, True)
    )
    assert other[0].cycles[0] == one[0].cycles[0]
    assert (other[0].cycles[1:] < one[0].cycles[1:]).all()
    assert (other[1].cycles < one[1].cycles).all()


def test_flips_are_those_of_the_point(deployment: Deployment, x: np.ndarray) -> None:
    switched = run_schedule(deployment, x[:8], [0, 1], toggles=True)
    alone = run_schedule(deployment, x[:8:2], [0], toggles=True)[0].flips
    assert switched[0].flips is not None and switched[1].flips is not None and alone is not None
    assert switched[2].flips is not None
    assert {name: len(each) for name, each in switched[2].flips.items()} == dict.fromkeys(alone, 0)
    # Operands are 0 between inferences: what ran before makes no difference to their flips.
    mine, other = switched[0].flips["operand"], switched[1].flips["operand"]
    assert (mine == alone["operand"]).all() and (mine != other).all()


@pytest.mark.parametrize("schedule", [[0, 1, 2], [2, 0, 0, 0, 2], [1]])
def test_predicted_flips_are_those_counted(
    deployment: Deployment, x: np.ndarray, schedule: list[int]
) -> None:
    runs = run_schedule(deployment, x[:10], schedule, toggles=True)
    for counted, predicted in zip(runs, predict_flips(deployment, x[:10], schedule), strict=True):
        assert counted.flips is not None and list(counted.flips) == list(predicted)
        for name, flips in predicted.items():
            assert flips.dtype == np.int64
            assert flips.tolist() == counted.flips[name].tolist()


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(deployment: Deployment, x: np.ndarray, threads: int) -> None:
    many = np.concatenate([x, x[::-1], x])
    one, other = (run_schedule(deployment, many, [0], threads=n)[0] for n in (2, threads))
    assert (one.outputs == other.outputs).all() and (one.cycles == other.cycles).all()


def test_cycles_are_the_programs(deployment: Deployment, x: np.ndarray) -> None:
    machine = Machine(deployment.image)
    for point, found in enumerate(run_schedule(deployment, x[:6], [0, 1, 2])):
        assert set(found.cycles.tolist()) == {machine.run(point).cycles}


def test_flips_of_overlapping_inferences_are_refused(deployment: Deployment, x: np.ndarray) -> None:
    with pytest.raises(InputError, match="leave out overlap, or flips"):
        run_schedule(deployment, x, [0], toggles=True, overlap=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,a", "schedule '0,a': must be numbers of operating points, like 0,1"),
        ("", "schedule '': must be numbers"),
        ("0,3", r"schedule '0,3': operating point 3 is not loaded, the program has 0\.\.2"),
        ("-1", "operating point -1 is not loaded"),
    ],
)
def test_bad_schedules(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_schedule(text, 3)


def test_schedules() -> None:
    assert parse_schedule("0,2, 1", 3) == [0, 2, 1]
