"""Saving and loading an integer network: one file, arrays and a JSON header, no pickle."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from pann_hw.errors import InputError
from pann_hw.files import whole_file
from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, MaxPool, Source, Tensor
from pann_hw.integer.requantise import Scale

__all__ = ["FORMAT", "VERSION", "load", "save"]

FORMAT = "pann-hw integer network"
"""First entry of the header; other .npz files lack it."""

VERSION = 2
"""Version of the file format; raised with every change that older readers would misread."""

_HEADER = "header"

_DAMAGED = (
    EOFError,
    KeyError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What zipfile and numpy raise on altered bytes."""


def save(network: IntegerNetwork, path: Path) -> None:
    """Write a network as an .npz of int64 arrays and a JSON header (UTF-8 bytes).

    The file appears whole or not at all.

    Raises
    ------
    InputError : the file cannot be written
    """
    arrays: dict[str, np.ndarray] = {}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "input": _tensor_out(network.input),
        "layers": [_layer_out(layer, arrays) for layer in network.layers],
        "output_scale": network.output_scale,
        "budget": network.budget,
        "bits": network.bits,
        "additions": network.additions,
    }
    arrays[_HEADER] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load(path: Path) -> IntegerNetwork:
    """Read and check a network that :func:`save` wrote.

    Raises
    ------
    InputError : missing or unreadable file, another kind of file, truncated or altered contents,
        another version of the format
    """
    try:
        # Opened here: numpy leaves a file that it opened itself open where the zip is damaged.
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise InputError(
                    f"{path}: truncated or not an integer network, save it with pann-hw quantize"
                )
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror or 'cannot be read'}, must be a saved integer network"
        ) from None
    except _DAMAGED:
        raise InputError(
            f"{path}: damaged or not an integer network, save it again with pann-hw quantize"
        ) from None
    return _decoded(path, arrays)


def _decoded(path: Path, arrays: dict[str, np.ndarray]) -> IntegerNetwork:
    try:
        header = json.loads(arrays[_HEADER].tobytes().decode())
        kind, version = header["format"], header["version"]
    except (ValueError, KeyError, TypeError):
        kind, version = None, None
    if kind != FORMAT:
        raise InputError(f"{path}: not an integer network, save one with pann-hw quantize")
    if version != VERSION:
        raise InputError(f"{path}: format version {version!r}, must be {VERSION}: save it anew")
    try:
        return IntegerNetwork(
            input=_tensor_in(header["input"]),
            layers=tuple(_layer_in(layer, arrays) for layer in header["layers"]),
            output_scale=_real(header["output_scale"]),
            budget=None if header["budget"] is None else _real(header["budget"]),
            bits=None if header["bits"] is None else _integer(header["bits"]),
            additions=None if header["additions"] is None else _real(header["additions"]),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: damaged integer network ({reason}), save it again") from None


def _tensor_out(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "bits": tensor.bits,
        "zero_point": tensor.zero_point,
        "scale": float(tensor.scale),
    }


def _tensor_in(entry: dict[str, Any]) -> Tensor:
    channels, height, width = (_integer(size) for size in entry["shape"])
    return Tensor(
        str(entry["name"]),
        (channels, height, width),
        _integer(entry["bits"]),
        _integer(entry["zero_point"]),
        _real(entry["scale"]),
    )


def _layer_out(layer: Layer, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    if isinstance(layer, MaxPool):
        return {
            "type": "max_pool",
            "output": _tensor_out(layer.output),
            "tensor": layer.tensor,
            "kernel": layer.kernel,
            "stride": layer.stride,
            "padding": layer.padding,
            "end_padding": layer.end_padding,
        }
    scales = None if layer.scales is None else [list(scale.steps) for scale in layer.scales]
    return {
        "type": "accumulate",
        "output": _tensor_out(layer.output),
        "sources": [_source_out(source, arrays) for source in layer.sources],
        "bias": _array_out(layer.bias, arrays),
        "scales": scales,
        "q_max": layer.q_max,
        "kind": layer.kind,
    }


def _layer_in(entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Layer:
    output = _tensor_in(entry["output"])
    if entry["type"] == "max_pool":
        kernel, stride, padding = (_pair(entry[key]) for key in ("kernel", "stride", "padding"))
        end_padding = _optional_pair(entry["end_padding"])
        return MaxPool(output, str(entry["tensor"]), kernel, stride, padding, end_padding)
    if entry["type"] != "accumulate":
        raise ValueError(f"layer type {entry['type']!r}, must be accumulate or max_pool")
    return Accumulate(
        output,
        tuple(_source_in(source, arrays) for source in entry["sources"]),
        arrays[entry["bias"]],
        None if entry["scales"] is None else tuple(_scale(steps) for steps in entry["scales"]),
        _integer(entry["q_max"]),
        str(entry["kind"]),
    )


def _source_out(source: Source, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        "tensor": source.tensor,
        "weights": _array_out(source.weights, arrays),
        "stride": source.stride,
        "padding": source.padding,
        "groups": source.groups,
        "first_channel": source.first_channel,
        "learned": source.learned,
        "end_padding": source.end_padding,
    }


def _source_in(entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Source:
    return Source(
        str(entry["tensor"]),
        arrays[entry["weights"]],
        _pair(entry["stride"]),
        _pair(entry["padding"]),
        _integer(entry["groups"]),
        _integer(entry["first_channel"]),
        bool(entry["learned"]),
        _optional_pair(entry["end_padding"]),
    )


def _array_out(array: np.ndarray, arrays: dict[str, np.ndarray]) -> str:
    name = f"array{len(arrays)}"
    arrays[name] = array
    return name


def _scale(steps: list[Any]) -> Scale:
    return Scale(tuple((_integer(digit), _integer(shift)) for digit, shift in steps))


def _pair(value: list[Any]) -> tuple[int, int]:
    vertical, horizontal = value
    return _integer(vertical), _integer(horizontal)


def _optional_pair(value: list[Any] | None) -> tuple[int, int] | None:
    return None if value is None else _pair(value)


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} found, must be an integer")
    return value


def _real(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
        raise ValueError(f"{value!r} found, must be a finite number")
    return float(value)
