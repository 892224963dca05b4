"""The residual addition's model: sums, and predicted flips against counted ones."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.network.digits import digits_data
from pann_hw.power.nets import grid
from pann_hw.power.residual_add import ResidualAdd
from pann_hw.power.unit import net_flips

SHAPE = (128, 64)


def _synthetic(rng: np.random.Generator, bits: int, kind: str) -> np.ndarray:
    largest = 2**bits - 1
    if kind == "uniform":
        return rng.integers(0, largest + 1, SHAPE)
    real = np.ceil(np.abs(rng.standard_normal(SHAPE)) * largest / 3).clip(0, largest)
    words: np.ndarray = real.astype(np.int64)
    return words * (rng.random(SHAPE) < 0.5) if kind == "sparse" else words


def _convolved(rng: np.random.Generator, images: np.ndarray, channels: int) -> np.ndarray:
    """A random 3 x 3 convolution and a ReLU, (n, channels, 8, 8)."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), (2, 3)
    )
    weights = rng.standard_normal((channels, images.shape[1], 3, 3))
    return np.maximum(np.einsum("ncyxij,ocij->noyx", windows, weights, optimize=True), 0)


def _block(rng: np.random.Generator, bits: int, depth: int) -> dict[str, np.ndarray]:
    """A shortcut and a branch of ``depth`` convolutions of it, pixels in order."""
    _, data = digits_data()
    shortcut = branch = _convolved(rng, data.x[:16].astype(np.float64), 8)
    for _ in range(depth):
        branch = _convolved(rng, branch, 8)
    words = {}
    for name, real in (("x", branch), ("y", shortcut)):
        step = np.quantile(real[real > 0], 0.98) / (2**bits - 1)
        word = np.floor(real / step + 0.5).clip(0, 2**bits - 1).astype(np.int64)
        words[name] = word.reshape(-1, 64)
    return words


def test_sums_of_all_operands() -> None:
    unit = ResidualAdd(3)
    x, y = (word.ravel() for word in grid(np.arange(8), np.arange(8)))
    trace = unit.trace(unit.stimulus({"x": x[None], "y": y[None]}))
    np.testing.assert_array_equal(trace["register"][2], np.append(0, x + y))
    nets = [f"sum_add_{bit}" for bit in range(3)] + ["carry_add_2"]
    total = sum(trace[net][2].astype(np.int64) << bit for bit, net in enumerate(nets))
    np.testing.assert_array_equal(total, np.append(x + y, 0))
    classes = {net: net_class for net, (net_class, _, _) in trace.items()}
    assert [classes[net] for net in nets] == ["sum"] * 4
    assert [classes[f"carry_add_{bit}"] for bit in range(2)] == ["internal"] * 2


def test_register_waits_for_enable(rng: np.random.Generator) -> None:
    unit = ResidualAdd(4)
    stimulus = {
        "x": rng.integers(0, 16, 50),
        "y": rng.integers(0, 16, 50),
        "enable": rng.integers(0, 2, 50),
    }
    register = [0]
    for x, y, enable in zip(*stimulus.values(), strict=True):
        register.append(x + y if enable else register[-1])
    np.testing.assert_array_equal(unit.trace(stimulus)["register"][2], register[:-1])


def test_nothing_changes_at_rest(rng: np.random.Generator) -> None:
    unit = ResidualAdd(5)
    words = {name: rng.integers(0, 32, (2, 9)) for name in ("x", "y")}
    stimulus = unit.stimulus(words)
    longer = {port: np.append(word, np.zeros(5, np.int64)) for port, word in stimulus.items()}
    for net, (_, width, values) in unit.trace(stimulus).items():
        again = unit.trace(longer)[net][2]
        np.testing.assert_array_equal(net_flips(again, width), net_flips(values, width))


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("kind", ["uniform", "gaussian", "sparse"])
def test_prediction_on_independent_operands(rng: np.random.Generator, bits: int, kind: str) -> None:
    unit = ResidualAdd(bits)
    operands = {name: _synthetic(rng, bits, kind) for name in ("x", "y")}
    counted = unit.count(operands)
    predicted = unit.predict(unit.measure(operands))
    assert sum(predicted.values()) == pytest.approx(sum(counted.values()), rel=0.02)
    for name, flips in counted.items():
        assert predicted[name] == pytest.approx(flips, rel=0.08), name


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("depth", [1, 2])
def test_prediction_on_residual_blocks(rng: np.random.Generator, bits: int, depth: int) -> None:
    """Both operands are of one image, which the prediction leaves out: what that costs."""
    unit = ResidualAdd(bits)
    errors = []
    for _ in range(6):
        operands = _block(rng, bits, depth)
        counted = sum(unit.count(operands).values())
        errors.append(sum(unit.predict(unit.measure(operands)).values()) / counted - 1)
    assert np.abs(errors).mean() < 0.025
    assert np.abs(errors).max() < 0.06


@pytest.mark.parametrize("bits", range(2, 9))
def test_formula_is_exact_for_uniform_operands(bits: int) -> None:
    """Over all pairs of operands in turn, each net's rate of ones is exact."""
    unit = ResidualAdd(bits)
    x, y = (word.ravel()[None] for word in grid(np.arange(2**bits), np.arange(2**bits)))
    trace = unit.trace(unit.stimulus({"x": x, "y": y}))
    rates: dict[str, float] = {}
    for net_class, width, values in trace.values():
        words = values[1:] if net_class == "register" else values[:-1]
        ones = (words[:, None] >> np.arange(width) & 1).mean(0)
        rates[net_class] = rates.get(net_class, 0) + float((2 * ones * (1 - ones)).sum())
    assert unit.formula() == pytest.approx(rates)


def test_bad_width_and_data() -> None:
    for bits in (1, 9):
        with pytest.raises(ValueError, match=rf"bits = {bits}: must be 2\.\.8"):
            ResidualAdd(bits)
    words = np.array([[0, 1, 2]])
    with pytest.raises(ValueError, match=r"y has the value 16, 4 bits hold 0\.\.15"):
        ResidualAdd(4).measure({"x": words, "y": words * 8})
