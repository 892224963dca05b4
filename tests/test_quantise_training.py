"""The training loop: it never ends worse than it began, keeps its budget, and repeats itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import flips_per_mac
from pann_hw.quantise.post_training import Prepared, fit, prepare
from pann_hw.quantise.quality import float_outputs, quality
from pann_hw.quantise.recipe import PLAIN
from pann_hw.quantise.training import Schedule, augmented, batch_count, held_out, train
from tests.quantise_graphs import Draft, images

BUDGET = 4.0
SCHEDULE = Schedule(epochs=8, batch=16, rate=3e-3, label_weight=0.1)


def graph() -> FloatGraph:
    d = Draft(1)
    value = d.relu(d.convolution("x", 8))
    value = d.relu(d.add(value, d.convolution(d.relu(d.convolution(value, 8)), 8)))
    d.linear(d.average_pool(value), 5)
    return d.graph()


def prepared(x: np.ndarray) -> Prepared:
    return prepare(graph(), x, PLAIN)


def equal(one: IntegerNetwork, other: IntegerNetwork) -> bool:
    return all(
        np.array_equal(a.bias, b.bias)
        and a.scales == b.scales
        and all(
            np.array_equal(s.weights, t.weights) for s, t in zip(a.sources, b.sources, strict=True)
        )
        for a, b in zip(one.layers, other.layers, strict=True)
        if isinstance(a, Accumulate) and isinstance(b, Accumulate)
    )


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("max_shift", [0, 3])
def test_held_out_images_gain(labels: bool, max_shift: int) -> None:
    x, test = images(400, seed=5), images(300, seed=6)
    wanted = float_outputs(graph(), x)
    start = fit(prepared(x), 4, BUDGET, max_shift)
    steps: list[None] = []
    y = wanted.argmax(1) if labels else None
    found = train(
        prepared(x), x, y, BUDGET, max_shift, SCHEDULE, start, progress=lambda: steps.append(None)
    )
    assert len(steps) == SCHEDULE.epochs * batch_count(len(x), SCHEDULE) == 8 * 23
    losses = [found.start, *(epoch.held_out for epoch in found.epochs)]
    assert found.best == losses.index(min(losses)) > 0
    # The labels' part of the loss stays.
    assert min(losses) < (0.97 if labels else 0.9) * found.start
    assert found.network.budget == BUDGET
    assert flips_per_mac(found.network, max_shift) <= BUDGET
    assert start is not None
    fresh = float_outputs(graph(), test)
    errors = [quality(one, test, None, fresh).error for one in (start, found.network)]
    assert labels or errors[1] < errors[0]


def test_equal_seeds_give_equal_networks() -> None:
    x = images(64)
    short = replace(SCHEDULE, epochs=2, flip=True, shift=1)
    one, two = (train(prepared(x), x, None, 14.0, 3, short) for _ in range(2))
    assert equal(one.network, two.network)
    assert one.epochs == two.epochs
    other = train(prepared(x), x, None, 14.0, 3, replace(short, seed=1))
    assert one.epochs != other.epochs


def test_held_out_images_are_told() -> None:
    """What is done to the others changes their loss, not that of the held-out ones."""
    x = images(64)
    short = replace(SCHEDULE, epochs=1, rate=1e-9)
    held = held_out(64, short)
    assert len(set(held.tolist())) == len(held) == 6
    assert set(held_out(64, replace(short, seed=1)).tolist()) != set(held.tolist())
    other = images(64, seed=8)
    other[held] = x[held]
    network = fit(prepared(x), 4, BUDGET, 3)
    one, two = (train(prepared(x), data, None, BUDGET, 3, short, network) for data in (x, other))
    assert one.start == two.start
    assert one.epochs[0].loss != two.epochs[0].loss


def test_augmented_images_are_mirrored_and_moved() -> None:
    image = torch.arange(1.0, 13.0).view(1, 1, 3, 4)
    many = image.expand(400, 1, 3, 4)
    schedule = Schedule(flip=True, shift=1)
    found = augmented(many, schedule, torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1))
    allowed = {
        tuple(padded[0, 0, row : row + 3, column : column + 4].flatten().tolist())
        for padded in (padded, padded.flip(3))
        for row in range(3)
        for column in range(3)
    }
    assert {tuple(one.flatten().tolist()) for one in found} == allowed
    assert torch.equal(augmented(many, Schedule(), torch.Generator()), many)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs 0: must be at least 1"),
        ({"batch": 0}, "batch 0: must be at least 1"),
        ({"rate": 0.0}, r"rate 0\.0: must be above 0"),
        ({"rate": float("nan")}, "rate nan: must be above 0"),
        ({"label_weight": -1.0}, r"label_weight -1\.0: must be at least 0"),
        ({"shift": -1}, "shift -1: must be at least 0"),
    ],
)
def test_bad_schedule(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Schedule(), **change)  # type: ignore[arg-type]


def test_bad_data() -> None:
    x = images(48)
    with pytest.raises(InputError, match="31 training images, must be at least 32"):
        train(prepared(x), x[:31], None, 14.0)
    with pytest.raises(InputError, match=r"classes 0\.\.5, but the network has 5 outputs"):
        train(prepared(x), x, np.arange(48) % 6, 14.0)
    with pytest.raises(InputError, match="must be 48 integer classes"):
        train(prepared(x), x, np.zeros(47, int), 14.0)
    with pytest.raises(InputError, match="training data has shape"):
        train(prepared(x), x[:, :2], None, 14.0)


def test_budget_that_nothing_reaches() -> None:
    x = images(48)
    with pytest.raises(InputError, match=r"needs at least \d"):
        train(prepared(x), x, None, 0.01)


@pytest.mark.parametrize("name", ["nonsense", "cuda:99"])
def test_device_that_is_not_there(name: str) -> None:
    x = images(48)
    with pytest.raises(InputError, match=f"device '{name}': not to be had") as caught:
        train(prepared(x), x, None, 14.0, device=name)
    assert "\n" not in str(caught.value)
