"""The demo network: its data, its size, and that it learns the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pann_hw.network import digits
from pann_hw.network.digits import DigitsNetwork, digits_data, train_digits
from pann_hw.network.graph import Add, AveragePool, Convolution, MaxPool
from pann_hw.network.load import load_network
from pann_hw.network.torch_import import import_module


def test_data_is_the_whole_set_split_in_proportion() -> None:
    train, test = digits_data()
    assert train.x.shape == (1437, 1, 8, 8)
    assert test.x.shape == (360, 1, 8, 8)
    assert train.x.dtype == test.x.dtype == np.float32
    assert (train.x.min(), train.x.max()) == (0, 1)
    assert train.y is not None
    assert test.y is not None
    whole = np.bincount(train.y) + np.bincount(test.y)
    assert whole.sum() == 1797
    assert np.abs(np.bincount(test.y) - whole * 360 / 1797).max() < 1
    again = digits_data()[1]
    np.testing.assert_array_equal(again.x, test.x)


def test_size() -> None:
    graph = import_module(DigitsNetwork(), torch.rand(2, 1, 8, 8))
    convolutions = [node for node in graph.nodes if isinstance(node, Convolution)]
    macs = sum(
        node.weight.numel() * graph.shapes[node.name][1] * graph.shapes[node.name][2]
        for node in convolutions
    )
    assert macs == 134272
    assert len(convolutions) == 6
    for kind in (Add, MaxPool, AveragePool):
        assert any(isinstance(node, kind) for node in graph.nodes)


def test_shift_moves_whole_images_by_at_most_a_pixel() -> None:
    print("seed 0")
    torch.manual_seed(0)
    x = torch.rand(64, 1, 8, 8)
    moved = digits._shifted(x)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    found = set()
    for image, result in zip(padded, moved, strict=True):
        places = [
            (top, left)
            for top in range(3)
            for left in range(3)
            if torch.equal(image[:, top : top + 8, left : left + 8], result)
        ]
        assert len(places) == 1
        found.add(places[0])
    assert len(found) == 9


def test_training_repeats_and_leaves_the_generator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "EPOCHS", 2)
    states, weights = [], []
    for _ in range(2):
        torch.manual_seed(5)
        state = train_digits().state_dict()
        states.append(torch.rand(1).item())
        weights.append(torch.cat([value.flatten().float() for value in state.values()]))
        torch.rand(100)
    torch.manual_seed(5)
    assert states == [torch.rand(1).item()] * 2
    assert torch.equal(*weights)
    other = train_digits(1).state_dict()["linear.weight"]
    assert not torch.equal(other, train_digits(0).state_dict()["linear.weight"])


def test_accuracy_through_the_import() -> None:
    _, test = digits_data()
    assert test.y is not None
    graph = load_network(f"{Path(digits.__file__)}:factory", test.sample_shape)
    correct = graph.run(torch.from_numpy(test.x)).argmax(1).numpy() == test.y
    print(f"accuracy {correct.mean():.4f}")
    assert correct.mean() >= 0.985
