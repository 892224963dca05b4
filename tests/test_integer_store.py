"""Integer networks survive saving and loading; damaged files give one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import run
from pann_hw.integer.store import load, save


@pytest.fixture
def network() -> IntegerNetwork:
    rng = np.random.default_rng(7)
    one = Tensor("one", (4, 6, 6), 4, 3, 0.1)
    pool = Tensor("pool", (4, 3, 3), 4, 3, 0.1)
    return IntegerNetwork(
        Tensor("x", (2, 6, 6), 8, 17, 1 / 3),
        (
            Accumulate(
                one,
                (
                    Source("x", rng.integers(-3, 4, (4, 1, 3, 3)), padding=(1, 1), groups=2),
                    Source(
                        "x", np.ones((2, 1, 2, 1), np.int64), (1, 1), (1, 0), 2, 2, False, (0, 0)
                    ),
                ),
                rng.integers(-50, 50, 4),
                tuple(Scale.nearest(f, 3) for f in (0.01, 0.02, 0.3, 1.0)),
                13,
                "conv",
            ),
            MaxPool(pool, "one", (2, 2), (2, 2), (0, 0)),
            Accumulate(
                Tensor("y", (5, 1, 1), 8),
                (Source("pool", rng.integers(-9, 9, (5, 4, 3, 3))),),
                rng.integers(-9, 9, 5),
                None,
                255,
                "linear",
            ),
        ),
        output_scale=0.1 + 0.2,
        budget=10.0,
        bits=4,
        additions=2.015625,
    )


def test_round_trip(network: IntegerNetwork, tmp_path: Path) -> None:
    path = tmp_path / "network.npz"
    save(network, path)
    other = load(path)
    assert other.tensors == network.tensors
    for name in ("output_scale", "budget", "bits", "additions", "macs"):
        assert getattr(other, name) == getattr(network, name)
    for mine, its in zip(network.layers, other.layers, strict=True):
        if isinstance(mine, MaxPool):
            assert mine == its
            continue
        assert isinstance(its, Accumulate)
        assert (mine.scales, mine.q_max, mine.kind) == (its.scales, its.q_max, its.kind)
        assert np.array_equal(mine.bias, its.bias)
        for a, b in zip(mine.sources, its.sources, strict=True):
            assert np.array_equal(a.weights, b.weights)
            assert (a.tensor, a.stride, a.padding, a.groups, a.first_channel, a.learned) == (
                b.tensor, b.stride, b.padding, b.groups, b.first_channel, b.learned
            )  # fmt: skip
            assert a.end_padding == b.end_padding
    x = np.random.default_rng(8).integers(0, 256, (3, 2, 6, 6))
    assert all(run(network, x)[name].equal(value) for name, value in run(other, x).items())


def test_saving_twice_gives_the_same_bytes(network: IntegerNetwork, tmp_path: Path) -> None:
    save(network, tmp_path / "a.npz")
    save(load(tmp_path / "a.npz"), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_missing(tmp_path: Path) -> None:
    assert "No such file" in message(tmp_path / "none.npz")
    assert "directory" in message(tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated(network: IntegerNetwork, tmp_path: Path, part: float) -> None:
    path = tmp_path / "network.npz"
    save(network, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert "truncated" in message(path)


def test_any_flipped_byte_loads_the_same_or_is_refused(
    network: IntegerNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "network.npz"
    save(network, path)
    data = path.read_bytes()
    refused = 0
    for position in range(0, len(data), 37):
        altered = bytearray(data)
        altered[position] ^= 0x41
        path.write_bytes(altered)
        try:
            other = load(path)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
        else:
            assert other.tensors == network.tensors
    assert refused > 0


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text("hello")
    assert "not an integer network" in message(path)
    with path.open("wb") as file:
        np.savez(file, x=np.zeros(3))
    assert "not an integer network" in message(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert "not an integer network" in message(path)
    with path.open("wb") as file:
        np.savez(file, header=np.array([object()]))
    assert "not an integer network" in message(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 1}, "version 1"),
        ({"format": "another"}, "not an integer network"),
        ({"output_scale": "0.1"}, "finite number"),
        ({"layers": []}, "no layers"),
        ({"layers": [{"type": "x"}]}, "damaged"),
        ({"bits": 4.0}, "integer"),
        ({"input": 3}, "damaged"),
        ({"input": {"name": "x", "shape": [2, 6, 6], "bits": 9}}, "damaged"),
        (
            {"input": {"name": "x", "shape": [3, 6, 6], "bits": 8, "zero_point": 0, "scale": 1.0}},
            "do not fit",
        ),
    ],
)
def test_altered_header(
    network: IntegerNetwork, tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    path = tmp_path / "network.npz"
    save(network, path)
    arrays = dict(np.load(path))
    header = json.loads(arrays["header"].tobytes()) | change
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)
    assert expected in message(path)


def test_unwritable_place_leaves_nothing(network: IntegerNetwork, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        save(network, tmp_path / "none" / "network.npz")
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        save(network, tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]
