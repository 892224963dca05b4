"""A network's own activations and weights as data to measure arithmetic units with."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from pann_hw.errors import InputError
from pann_hw.network.digits import digits_data, train_digits
from pann_hw.network.graph import ends
from pann_hw.network.torch_import import import_module
from pann_hw.power.recording import Recording, record
from pann_hw.power.source import Source, integer_weights

__all__ = ["Recorded", "digits_source"]

_REACHES = np.arange(1, 4.01, 0.125)
"""Of a channel's largest weight over the largest integer, in steps: beyond 1 it is clipped."""


class Recorded(Source):
    """Operands that a network's layer multiplies, and those of its poolings and additions.

    Sequences of products are one output pixel's window in the order channel, row, column, padded
    with zeros, and the weights of one output channel. Pixels and channels are drawn at random;
    there are as many sequences as make about ``sequences * length`` products. All else is read in
    order, image after image, channel after channel, row after row.

    Weights of a multiplier are scaled by the largest magnitude of each output channel.

    Parameters
    ----------
    recording : of :func:`pann_hw.power.recording.record`
    seed, sequences, length : as of :class:`pann_hw.power.source.Source`; fewer where the recording
        has less
    """

    name = "recorded"

    def __init__(
        self, recording: Recording, seed: int = 0, sequences: int = 512, length: int = 64
    ) -> None:
        super().__init__(seed, sequences, length)
        self._recording = recording
        layer = recording.layer
        # A copy: torch moves a tensor's memory where it is sent to another process.
        self._weight: np.ndarray = layer.weight.detach().numpy().copy()
        outputs, depth, *kernel = self._weight.shape
        (above, left), (below, right) = layer.padding, ends(layer)
        values = torch.from_numpy(recording.input.values)
        self._padded: np.ndarray = F.pad(values, (left, right, above, below)).numpy()
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, tuple(kernel), (2, 3))
        windows = windows[:, :, :: layer.stride[0], :: layer.stride[1]]
        count = -(-sequences * length // self._weight[0].size)
        rng = np.random.default_rng(seed)
        images, _, rows, columns = windows.shape[:4]
        places = rng.integers(0, (images, rows, columns, outputs), (count, 4))
        self._channels = places[:, 3]
        first = self._channels // (outputs // layer.groups) * depth
        self._x = np.stack(
            [
                windows[image, start : start + depth, row, column].ravel()
                for (image, row, column, _), start in zip(places, first, strict=True)
            ]
        )

    @property
    def recording(self) -> Recording:
        """Where the operands come from."""
        return self._recording

    def _products(self, x_bits: int, w_bits: int, signed: bool) -> tuple[np.ndarray, np.ndarray]:
        x = self._recording.input.quantised(x_bits, self._x, signed=signed)
        return x, self._of_channels(_scaled(self._weight, w_bits, signed))

    def _weighted(self, x_bits: int, additions: float) -> tuple[np.ndarray, np.ndarray]:
        x = self._recording.input.quantised(x_bits, self._x)
        return x, self._of_channels(integer_weights(self._weight, additions))

    def _sums(self, x_bits: int, additions: float) -> np.ndarray:
        layer = self._recording.layer
        weight = torch.from_numpy(integer_weights(self._weight, additions)).double()
        wanted = self.shape[0] * self.shape[1]
        found: list[np.ndarray] = []
        for image in self._padded:
            x = torch.from_numpy(self._recording.input.quantised(x_bits, image)).double()
            # Integers below 2**53 add up exactly in float64.
            a = F.conv2d(x[None], weight, stride=layer.stride, groups=layer.groups)
            found.append(a.numpy().ravel())
            if len(found) * found[0].size >= wanted:
                break
        return self._stream(np.concatenate(found).astype(np.int64))

    def _windows(self, x_bits: int, size: int) -> np.ndarray:
        """Windows beside each other, as square as ``size`` allows; of a map smaller than that,
        successive values."""
        height = max(n for n in range(1, size + 1) if n * n <= size and size % n == 0)
        width = size // height
        q = self._recording.pooled.quantised(x_bits)
        n, channels, rows, columns = q.shape
        if rows >= height and columns >= width:
            q = q[:, :, : rows // height * height, : columns // width * width]
            q = q.reshape(n, channels, rows // height, height, columns // width, width)
            q = q.swapaxes(3, 4)
        wanted = max(1, self.shape[0] * self.shape[1] // size)
        count = min(wanted, q.size // size)
        if count == 0:
            raise InputError(
                f"size = {size}: map {self._recording.pooled.name!r} has {q.size} values on this "
                f"data, must be 2..{q.size}, or give more samples"
            )
        return q.ravel()[: count * size].reshape(count, size)

    def _pairs(self, x_bits: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = (self._stream(each.quantised(x_bits)) for each in self._recording.added)
        return x, y

    def _of_channels(self, weight: np.ndarray) -> np.ndarray:
        rows: np.ndarray = weight.reshape(len(weight), -1)[self._channels]
        return rows

    def _stream(self, words: np.ndarray) -> np.ndarray:
        """The first words in their order, as sequences of the length asked for, or one shorter."""
        sequences, length = self.shape
        length = min(length, words.size)
        count = min(sequences, words.size // length)
        return words.ravel()[: count * length].reshape(count, length)


def digits_source(seed: int = 0, sequences: int = 512, length: int = 64) -> Recorded:
    """The demo's network, trained anew (about 12 seconds), on its test images.

    Parameters
    ----------
    seed, sequences, length : as of :class:`Recorded`

    Raises
    ------
    ToolError : scikit-learn is not installed
    """
    _, data = digits_data()
    graph = import_module(train_digits(), torch.from_numpy(data.x[:2]))
    return Recorded(record(graph, data.x), seed, sequences, length)


def _scaled(weight: np.ndarray, bits: int, signed: bool) -> np.ndarray:
    """Weights, or their magnitudes, rounded and clipped: each output channel with the step, of
    those that let its largest weight reach 1 to 4 times the range, that errs least in squares."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    real = weight.astype(np.float64) if signed else np.abs(weight.astype(np.float64))
    peak = np.abs(real).max((1, 2, 3), keepdims=True)
    peak = np.where(peak > 0, peak, 1)
    best, least = np.zeros(real.shape, np.int64), np.full(peak.shape, np.inf)
    for reach in _REACHES:
        step = peak / (high * reach)
        words = np.floor(real / step + 0.5).clip(low, high)
        error = ((words * step - real) ** 2).sum((1, 2, 3), keepdims=True)
        best = np.where(error < least, words.astype(np.int64), best)
        least = np.minimum(error, least)
    return best
