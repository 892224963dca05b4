"""Networks for lanes: made where they are not kept, and kept where they are made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import lanes_networks
from benchmarks.datasets import CIFAR10
from benchmarks.lanes_networks import COLUMNS, integer_network
from benchmarks.lanes_variants import VARIANTS
from pann_hw.integer.run import predict
from tests.benchmark_data import small_network


def test_every_variant_has_its_column() -> None:
    assert {variant.network for variant in VARIANTS.values()} <= set(COLUMNS)
    assert all(name == column.name for name, column in COLUMNS.items())


def test_a_network_is_made_once(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, kept = small_network(tmp_path, "resnet8", rng), tmp_path / "kept"
    (tmp_path / CIFAR10).touch()
    name = "unsigned-4bit"
    made = integer_network(network, name, tmp_path, kept)
    x = network.test(tmp_path).x
    monkeypatch.setattr(lanes_networks, "save", None)
    again = integer_network(network, name, tmp_path, kept)
    assert (predict(again, x) == predict(made, x)).all()
    # Of other settings it is made anew, which here cannot be kept.
    about = kept / f"{name}.json"
    decided = json.loads(about.read_text())
    about.write_text(json.dumps({**decided, "calibration": 1}))
    with pytest.raises(TypeError):
        integer_network(network, name, tmp_path, kept)
    # Without a word about it, it is somebody's own.
    about.unlink()
    assert integer_network(network, name, tmp_path, kept).budget == made.budget
