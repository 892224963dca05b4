"""Data files: what is read, and one line for each way to be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.network.data import Data, load_data


def saved(folder: Path, **arrays: object) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(3, 2, 2, 2)


def test_reads_x_and_y(tmp_path: Path) -> None:
    data = load_data(saved(tmp_path, x=X, y=np.array([1, 0, 2], np.uint8)), labels=True)
    assert data.x.dtype == np.float32
    assert data.y is not None
    assert data.y.dtype == np.int64
    assert (len(data), data.sample_shape, data.y.tolist()) == (3, (2, 2, 2), [1, 0, 2])
    np.testing.assert_array_equal(data.x, X)


def test_compressed_float64_vectors_become_maps(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x=X.reshape(3, 8).astype(np.float64))
    data = load_data(path, labels=False)
    assert data.x.shape == (3, 8, 1, 1)
    assert data.x.dtype == np.float32
    assert data.y is None


def with_value(value: float, dtype: type = np.float32) -> np.ndarray:
    x: np.ndarray = X.astype(dtype)
    x[1, 0, 0, 0] = value
    return x


BAD_ARRAYS: dict[str, tuple[dict[str, object], str]] = {
    "no x": ({"images": X}, "holds 'images', must hold 'x'"),
    "no y": ({"x": X}, "must also hold 'y'"),
    "nan": ({"x": with_value(np.nan)}, "x has 1 NaN values as float32, first in sample 1;"),
    "infinity": ({"x": with_value(-np.inf)}, "x has 1 infinite values"),
    "beyond float32": ({"x": with_value(1e300, np.float64)}, "x has 1 infinite values as float32"),
    "three axes": ({"x": X[:, 0]}, r"shape (3, 2, 2), must be (n, C, H, W) or (n, F); add the"),
    "one axis": ({"x": X.ravel()}, "shape (24,), must be"),
    "no samples": ({"x": X[:0]}, "no samples, must be at least one"),
    "empty axis": ({"x": X[:, :0]}, "every axis must be at least 1"),
    "integers": ({"x": X.astype(np.uint8)}, "x is of type uint8, must be float: convert with"),
    "complex": ({"x": X.astype(complex)}, "x is of type complex128, must be float"),
    "strings": ({"x": X.astype(str)}, "must be float: save a float32 array"),
    "objects": ({"x": X.astype(object)}, "'x' cannot be read"),
    "y too short": ({"x": X, "y": np.zeros(2, int)}, "y has shape (2,), must be (3,)"),
    "y of two axes": ({"x": X, "y": np.zeros((3, 10), int)}, "y has shape (3, 10), must be (3,)"),
    "y negative": ({"x": X, "y": np.array([0, -1, 2])}, "y has -1 in sample 1"),
    "y float": ({"x": X, "y": np.zeros(3)}, "y is of type float64, must be integer"),
    "y logical": ({"x": X, "y": np.zeros(3, bool)}, "y is of type bool, must be integer"),
    "y huge": (
        {"x": X, "y": np.full(3, 2**64 - 1, np.uint64)},
        "y has 18446744073709551615 in sample 0",
    ),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays(name: str, tmp_path: Path) -> None:
    arrays, message = BAD_ARRAYS[name]
    path = saved(tmp_path, **arrays)
    with pytest.raises(InputError) as caught:
        load_data(path, labels=True)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def write_text(path: Path) -> None:
    path.write_text("x,y\n1,2\n")


def write_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, X)


def write_truncated(path: Path) -> None:
    np.savez(path, x=X)
    path.write_bytes(path.read_bytes()[:-40])


def write_damaged(path: Path) -> None:
    np.savez(path, x=X)
    content = bytearray(path.read_bytes())
    content[170] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "no such file"),
        (Path.mkdir, "is a folder"),
        (Path.touch, "not an .npz archive, or cut short"),
        (write_text, "not an .npz archive"),
        (write_npy, "not an .npz archive"),
        (write_truncated, "not an .npz archive, or cut short"),
        (write_damaged, "cannot be read"),
    ],
)
def test_bad_files(write: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    assert callable(write)
    write(path)
    with pytest.raises(InputError) as caught:
        load_data(path, labels=False)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("count", "left"), [(1, 1), (3, 3), (9, 5), (None, 5)])
def test_the_first_samples(count: int | None, left: int) -> None:
    data = Data(np.arange(10, dtype=np.float32).reshape(5, 2, 1, 1), np.arange(5))
    for one in (data.first(count), Data(data.x).first(count)):
        assert np.array_equal(one.x, data.x[:left])
        assert one.y is None or one.y.tolist() == list(range(left))
    assert data.first(count).y is not None
