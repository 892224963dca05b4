"""One layer's integers: units, scales, clamps and zero points are what their formulas say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.integer.network import Accumulate, Source, Tensor
from pann_hw.integer.run import run_layer
from pann_hw.network.graph import Clamp, Convolution, evaluate
from pann_hw.quantise.calibrate import Range
from pann_hw.quantise.fuse import Sum, fuse
from pann_hw.quantise.layer import (
    Parts,
    accumulate,
    keeps_grid,
    learned_parts,
    max_pool,
    raw,
    requantised,
    requantised_by_channel,
    unlearned_parts,
)
from tests.quantise_graphs import Draft

READ = Tensor("x", (3, 8, 8), 4, 5, 0.25)


def learned_layer(maximum: float | None = None) -> Sum:
    d = Draft()
    d.linear(d.relu(d.convolution("x", 4), maximum), 2)
    layer = fuse(d.graph()).layers[0]
    assert isinstance(layer, Sum)
    return layer


def rounded(layer: Sum, unit: float) -> Parts:
    """The convolution's weights to the nearest in one unit."""
    (operation,) = layer.convolutions
    weights = np.floor(operation.weight.double().numpy() * READ.scale / unit + 0.5).astype(np.int64)
    return learned_parts(layer, [Source("x", weights, padding=(1, 1))], unit)


def integers(rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(rng.integers(0, 16, (6, 3, 8, 8)))


def real_sums(layer: Sum, parts: Parts, q: torch.Tensor) -> torch.Tensor:
    """The sums that the integer weights stand for, and the real biases."""
    (operation,) = layer.convolutions
    weight = torch.from_numpy(parts.sources[0].weights).double() * parts.units[0] / READ.scale
    node = Convolution(
        "sums", ("x",), weight, operation.bias.double(), operation.stride, operation.padding
    )
    return evaluate(node, [(q - READ.zero_point).double() * READ.scale])


@pytest.mark.parametrize("digits", [2, 3])
def test_requantised_values_are_those_of_the_sums(digits: int, rng: np.random.Generator) -> None:
    layer = learned_layer()
    parts, q = rounded(layer, 0.01), integers(rng)
    made = requantised(layer, parts, {"x": READ}, Range(0.3, 0), (4, 8, 8), 5, digits)
    assert made.scales is not None
    assert made.output.scale * float(made.scales[0].value) == pytest.approx(0.01, rel=1e-12)
    found = run_layer(made, {"x": q}, {"x": READ}).double() * made.output.scale
    wanted = real_sums(layer, parts, q).clamp(0, 31 * made.output.scale)
    # Half a unit of the output, and half a unit of the sums for the bias.
    assert float((found - wanted).abs().max()) <= 0.5 * made.output.scale + 0.005 + 1e-9


@pytest.mark.parametrize("maximum", [None, 1.5])
def test_channels_of_different_units(maximum: float | None, rng: np.random.Generator) -> None:
    layer = learned_layer(maximum)
    (operation,) = layer.convolutions
    units = 0.3 * np.array([1 / 32, 3 / 64, 7 / 256, 13 / 512])
    real = operation.weight.double().numpy() * READ.scale
    weights = np.floor(real / units[:, None, None, None] + 0.5).astype(np.int64)
    sources = [Source("x", weights, padding=(1, 1))]
    grid = Range(0.3, 0)
    made = requantised_by_channel(layer, sources, units, {"x": READ}, grid, (4, 8, 8), 5)
    assert made.scales is not None
    assert len(set(made.scales)) == 4
    assert made.output.scale == 0.3
    assert made.q_max == (31 if maximum is None else 5)
    q = integers(rng)
    found = run_layer(made, {"x": q}, {"x": READ}).double() * 0.3
    node = Convolution(
        "sums", ("x",), torch.from_numpy(weights * units[:, None, None, None]) / READ.scale,
        operation.bias.double(), operation.stride, operation.padding,
    )  # fmt: skip
    wanted = evaluate(node, [(q - READ.zero_point).double() * READ.scale]).clamp(
        0, made.q_max * 0.3
    )
    assert float((found - wanted).abs().max()) <= 0.15 + 0.5 * units.max() + 1e-9


def test_a_unit_that_no_factor_makes() -> None:
    layer = learned_layer()
    sources = rounded(layer, 0.01).sources
    units = np.array([0.25, 0.25, 0.25, 0.0801]) * 0.3
    with pytest.raises(ValueError, match=r"unit 0\.02403 is no factor of 3 digits"):
        requantised_by_channel(layer, sources, units, {"x": READ}, Range(0.3, 0), (4, 8, 8), 5)


def test_three_digits_come_nearer_to_the_grid() -> None:
    layer = learned_layer()
    off = {}
    for digits in (2, 3):
        scales = []
        for step in np.geomspace(0.1, 0.8, 40):
            made = requantised(
                layer, rounded(layer, 0.01), {"x": READ}, Range(step, 0), (4, 8, 8), 5, digits
            )
            scales.append(abs(made.output.scale / step - 1))
        off[digits] = max(scales)
    assert off[3] < 0.04 < off[2] < 0.12


def test_digits_out_of_range() -> None:
    layer = learned_layer()
    with pytest.raises(ValueError, match=r"4 digits, must be 2\.\.3"):
        requantised(layer, rounded(layer, 0.01), {"x": READ}, Range(0.3, 0), (4, 8, 8), 5, 4)


@pytest.mark.parametrize("digits", [2, 3])
@pytest.mark.parametrize("unit", [0.007, 0.0101, 0.05])
def test_a_clamp_with_a_maximum_is_reached(unit: float, digits: int) -> None:
    layer = learned_layer(1.5)
    grid = Range(1.5 / 15, 0)
    made = requantised(layer, rounded(layer, unit), {"x": READ}, grid, (4, 8, 8), 4, digits)
    assert made.output.scale >= grid.step * (1 - 1e-12)
    assert made.q_max == int(1.5 / made.output.scale)


def test_zero_point_of_the_output(rng: np.random.Generator) -> None:
    d = Draft()
    d.linear(d.max_pool(d.convolution("x", 4)), 2)
    layer = fuse(d.graph()).layers[0]
    assert isinstance(layer, Sum)
    parts, q = rounded(layer, 0.01), integers(rng)
    made = requantised(layer, parts, {"x": READ}, Range(0.3, 9), (4, 8, 8), 5)
    found = (run_layer(made, {"x": q}, {"x": READ}).double() - 9) * made.output.scale
    scale = made.output.scale
    wanted = real_sums(layer, parts, q).clamp(-9 * scale, 22 * scale)
    assert float((found - wanted).abs().max()) <= 0.5 * scale + 0.005 + 1e-9


def test_raw_sums_are_in_the_unit(rng: np.random.Generator) -> None:
    layer = learned_layer()
    parts, q = rounded(layer, 0.01), integers(rng)
    made = raw(layer, parts, {"x": READ}, Tensor("sums", (4, 8, 8), 8))
    found = run_layer(made, {"x": q}, {"x": READ}).double() * 0.01
    assert made.raw
    assert float((found - real_sums(layer, parts, q)).abs().max()) <= 0.005 + 1e-9


@pytest.mark.parametrize("kernel", [2, 3])
def test_means(kernel: int, rng: np.random.Generator) -> None:
    d = Draft()
    d.linear(d.relu(d.average_pool("x", padding=kernel - 2)), 2)
    layer = fuse(d.graph()).layers[0]
    assert isinstance(layer, Sum)
    parts = unlearned_parts(layer, {"x": READ})
    assert parts.units == (0.25 / kernel**2,)
    assert (parts.bias == 0).all()
    made = accumulate(layer, parts, {"x": READ}, Range(0.3, 0), (3, 4, 4), 4)
    q = integers(rng)
    found = run_layer(made, {"x": q}, {"x": READ}).double() * made.output.scale
    wanted = d.graph().values((q - 5).float() * 0.25)[layer.unclamped].clamp(0, 15)
    assert float((found - wanted.clamp_max(15 * made.output.scale)).abs().max()) <= (
        0.5 * made.output.scale + 0.5 * parts.units[0] + 1e-6
    )


@pytest.mark.parametrize(("one", "two"), [(0.1, 0.1), (0.1, 0.05), (0.1, 0.073), (1.0, 0.03)])
def test_additions_weigh_scales(one: float, two: float) -> None:
    d = Draft()
    d.linear(d.add(d.relu(d.convolution("x", 4)), d.relu(d.convolution("x", 4))), 2)
    layer = fuse(d.graph()).layers[-2]
    assert isinstance(layer, Sum)
    names = [branch.value for branch in layer.branches]
    tensors = {
        name: Tensor(name, (4, 8, 8), 4, 0, scale)
        for name, scale in zip(names, (one, two), strict=True)
    }
    parts = unlearned_parts(layer, tensors)
    weights = [int(source.weights.max()) for source in parts.sources]
    for weight, scale in zip(weights, (one, two), strict=True):
        assert weight * parts.units[0] == pytest.approx(scale, rel=0.02)


def test_selections_keep_grid_and_bits(rng: np.random.Generator) -> None:
    d = Draft()
    d.linear(d.max_pool(d.select("x", (2, -1, 0))), 2)
    layer = fuse(d.graph()).layers[0]
    assert isinstance(layer, Sum)
    assert keeps_grid(layer)
    made = accumulate(layer, unlearned_parts(layer, {"x": READ}), {"x": READ}, None, (3, 8, 8), 8)
    assert (made.output.bits, made.output.zero_point, made.output.scale) == (4, 5, 0.25)
    q = integers(rng)
    found = run_layer(made, {"x": q}, {"x": READ})
    assert torch.equal(found[:, [0, 2]], q[:, [2, 0]])
    assert (found[:, 1] == READ.zero_point).all()


def test_a_clamped_selection_has_a_grid_of_its_own() -> None:
    layer = learned_layer()
    assert not keeps_grid(layer)
    with pytest.raises(ValueError, match="no grid for its values"):
        accumulate(layer, rounded(layer, 0.01), {"x": READ}, None, (4, 8, 8), 4)


def test_max_pool_keeps_its_inputs_integers() -> None:
    d = Draft()
    d.linear(d.max_pool("x", padding=1), 2)
    layer = fuse(d.graph()).layers[0]
    assert not isinstance(layer, Sum)
    made = max_pool(layer, {"x": READ}, (3, 4, 4))
    assert made.output == Tensor(layer.name, (3, 4, 4), 4, 5, 0.25)
    assert (made.kernel, made.stride, made.padding) == ((3, 3), (2, 2), (1, 1))


def test_learned_parts_add_the_biases() -> None:
    d = Draft()
    d.linear(d.relu(d.add(d.convolution("x", 4), d.convolution("x", 4, 1))), 2)
    layer = fuse(d.graph()).layers[0]
    assert isinstance(layer, Sum)
    assert isinstance(layer.clamp, Clamp)
    sources = [Source("x", np.ones((4, 3, 3, 3), np.int64))] * 2
    parts = learned_parts(layer, sources, 0.5)
    one, two = (operation.bias.double().numpy() for operation in layer.convolutions)
    assert np.allclose(parts.bias, one + two)
    assert parts.units == (0.5, 0.5)
    assert isinstance(
        accumulate(layer, parts, {"x": READ}, Range(0.1, 0), (4, 6, 6), 4), Accumulate
    )
