"""Data for calibration and for runs: images with or without labels, read from .npz."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pann_hw.errors import InputError

__all__ = ["Data", "load_data"]


@dataclass(frozen=True, eq=False)
class Data:
    """Inputs of a float network and what they are.

    Attributes
    ----------
    x : float32 array of shape (n, C, H, W), finite, n >= 1
    y : int64 array of n class numbers from 0 on, or None where there are none
    """

    x: np.ndarray
    y: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """(C, H, W) of one input."""
        return self.x.shape[1:]

    def first(self, count: int | None) -> Data:
        """The first ``count`` samples, as many as there are of them; None: all."""
        return Data(self.x[:count], None if self.y is None else self.y[:count])


def load_data(path: Path, *, labels: bool) -> Data:
    """Read ``x`` and, where it is there, ``y`` from an .npz file.

    ``x`` of shape (n, F) becomes (n, F, 1, 1). With ``labels`` the file must have ``y``.

    Raises
    ------
    InputError : file missing or not an .npz; key missing; x not float, not of shape (n, C, H, W) or
        (n, F), empty, NaN or infinite; y not n integers from 0 on
    """
    arrays = _read(path)
    if "x" not in arrays:
        raise InputError(
            f"{path}: holds {_names(arrays)}, must hold 'x' (network inputs): "
            f"save it with numpy.savez(path, x=x, y=y)"
        )
    x = _inputs(path, arrays["x"])
    if "y" not in arrays:
        if labels:
            raise InputError(
                f"{path}: holds {_names(arrays)}, must also hold 'y' (class numbers): "
                f"save it with numpy.savez(path, x=x, y=y)"
            )
        return Data(x)
    return Data(x, _labels(path, arrays["y"], len(x)))


def _read(path: Path) -> dict[str, np.ndarray]:
    """Arrays x and y of an .npz; other arrays are named only, so that a message can list them."""
    if not path.exists():
        raise InputError(f"{path}: no such file; give the path of an .npz with 'x' and 'y'")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the path of an .npz with 'x' and 'y'")
    try:
        # Opened here: numpy leaves a file that it opened itself open where the zip is damaged.
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise InputError(
                    f"{path}: not an .npz archive, or cut short; "
                    f"make it with numpy.savez(path, x=x, y=y)"
                )
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {
                    name: _array(path, archive, name) if name in ("x", "y") else np.empty(0)
                    for name in archive.files
                }
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as .npz ({error}); make it anew") from None


def _array(path: Path, archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    try:
        array = archive[name]
    except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise InputError(
            f"{path}: {name!r} cannot be read ({str(error).splitlines()[0]}); "
            f"save a plain numeric array"
        ) from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: {name!r} is not an array; make the file with numpy.savez")
    return array


def _names(arrays: dict[str, np.ndarray]) -> str:
    return ", ".join(repr(name) for name in arrays) or "nothing"


def _inputs(path: Path, x: np.ndarray) -> np.ndarray:
    if x.dtype.kind != "f":
        hint = (
            "convert with x.astype('float32'), scaled as in training"
            if x.dtype.kind in "iub"
            else "save a float32 array"
        )
        raise InputError(f"{path}: x is of type {x.dtype}, must be float: {hint}")
    if x.ndim not in (2, 4):
        hint = "; add the channel axis with x[:, None]" if x.ndim == 3 else ""
        raise InputError(f"{path}: x has shape {x.shape}, must be (n, C, H, W) or (n, F){hint}")
    if len(x) == 0:
        raise InputError(f"{path}: x has shape {x.shape}: no samples, must be at least one")
    if x.size == 0:
        raise InputError(f"{path}: x has shape {x.shape}, every axis must be at least 1")
    # Also catches finite float64 values that float32 cannot hold.
    with np.errstate(over="ignore"):
        x = np.ascontiguousarray(x, dtype=np.float32)
    for what, bad in (("NaN", np.isnan(x)), ("infinite", np.isinf(x))):
        if bad.any():
            index = np.unravel_index(int(bad.argmax()), x.shape)[0]
            raise InputError(
                f"{path}: x has {int(bad.sum())} {what} values as float32, first in sample "
                f"{index}; all must be finite: remove or repair those samples"
            )
    return x.reshape(*x.shape, 1, 1) if x.ndim == 2 else x


def _labels(path: Path, y: np.ndarray, count: int) -> np.ndarray:
    if y.dtype.kind not in "iu":
        raise InputError(
            f"{path}: y is of type {y.dtype}, must be integer class numbers: "
            f"convert with y.astype('int64')"
        )
    if y.shape != (count,):
        raise InputError(
            f"{path}: y has shape {y.shape}, must be ({count},): one class number for each of the "
            f"{count} samples of x"
        )
    bad = (y < 0) | (y > np.iinfo(np.int32).max)
    if bad.any():
        index = int(bad.argmax())
        raise InputError(
            f"{path}: y has {int(y[index])} in sample {index}, class numbers must be 0, 1, 2, ..."
        )
    return y.astype(np.int64)
