"""What onnxruntime makes of an ONNX file, to hold an imported network against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

__all__ = ["difference", "runtime_outputs"]

_BATCH = 256


def runtime_outputs(path: Path, x: np.ndarray) -> np.ndarray:
    """The outputs of onnxruntime with its own optimisations, (n, ...).

    Parameters
    ----------
    x : float32 samples, of any shape that holds as many values as the network's input

    Raises
    ------
    ImportError : onnxruntime is not installed
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options)
    (source,) = session.get_inputs()
    batch, *view = source.shape
    step = batch if isinstance(batch, int) else _BATCH
    rows = x.reshape(len(x), *view)
    parts = [
        session.run(None, {source.name: rows[i : i + step]})[0] for i in range(0, len(x), step)
    ]
    return np.concatenate(parts)


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """``max |found - wanted| / max |wanted|`` of two arrays with as many values."""
    error = np.abs(found.reshape(wanted.shape) - wanted).max()
    return float(error / np.abs(wanted).max())
