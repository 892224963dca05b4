"""The baseline keeps its widths, runs as integers, and has what the recipe gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.datasets import DATA, missing
from benchmarks.networks import NETWORKS
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate
from pann_hw.integer.run import quantise_input, run
from pann_hw.machine.interpret import execute
from pann_hw.network.graph import FloatGraph
from pann_hw.program.deployment import deploy
from pann_hw.quantise.evaluate import outputs
from pann_hw.quantise.post_training import prepare
from pann_hw.quantise.quality import float_outputs, quality
from pann_hw.quantise.recipe import FULL, PLAIN, Recipe
from pann_hw.quantise.uniform import fit_uniform, weight_limits
from tests.quantise_graphs import Draft, images, relative_error
from tests.test_quantise_layerwise import CASES, depthwise, drawn, residual


def error(graph: FloatGraph, recipe: Recipe, bits: int, signed: bool) -> float:
    x = images(200, seed=9)
    network = fit_uniform(prepare(graph, images(128), recipe), bits, signed, 8)
    return relative_error(outputs(network, x) * network.output_scale, float_outputs(graph, x))


def test_weight_limits() -> None:
    assert weight_limits(2, signed=True) == (-2, 1)
    assert weight_limits(8, signed=True) == (-128, 127)
    assert weight_limits(2, signed=False) == (-3, 3)
    assert weight_limits(8, signed=False) == (-255, 255)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_widths_of_weights_and_values(case: Callable[[Draft], str], signed: bool) -> None:
    prepared = prepare(drawn(case), images(64), PLAIN)
    for bits, input_bits in ((2, None), (4, None), (4, 8)):
        network = fit_uniform(prepared, bits, signed, input_bits)
        assert network.input.bits == (input_bits or bits)
        low, high = weight_limits(bits, signed=signed)
        for layer in network.layers:
            if not isinstance(layer, Accumulate):
                continue
            assert layer.raw or layer.output.bits == bits
            for source in layer.sources:
                if source.learned:
                    assert low <= source.weights.min() <= source.weights.max() <= high
        assert network.bits == bits
        if input_bits is None:
            signed_flips = 0.5 * bits**2 + 3 * bits + 16
            wanted = signed_flips if signed else 0.5 * bits**2 + 4 * bits
            assert network.budget == pytest.approx(wanted, rel=1e-12)


def test_activations_of_another_width() -> None:
    prepared = prepare(drawn(residual), images(64), PLAIN)
    network = fit_uniform(prepared, 3, True, 8, 5)
    assert network.input.bits == 8 and network.bits == 5
    widths = {one.output.bits for one in network.layers[:-1] if isinstance(one, Accumulate)}
    assert widths == {5}
    weights = [one.sources[0].weights for one in network.layers if isinstance(one, Accumulate)]
    assert min(int(one.min()) for one in weights) == -4
    narrow = fit_uniform(prepared, 3, True, activation_bits=5)
    assert narrow.input.bits == 5
    # The multiplier pays for the wider operand, the accumulator for the product's width.
    assert narrow.budget == pytest.approx(0.5 * 25 + 0.5 * (3 + 5) + 16 + (3 + 5), rel=1e-12)


@pytest.mark.parametrize("signed", [True, False])
def test_more_bits_are_nearer_to_float(signed: bool) -> None:
    errors = [error(drawn(residual), FULL, bits, signed) for bits in (2, 4, 6, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.03


@pytest.mark.parametrize("case", [residual, depthwise])
def test_unsigned_magnitudes_have_a_bit_more(case: Callable[[Draft], str]) -> None:
    assert error(drawn(case), FULL, 3, False) < error(drawn(case), FULL, 3, True)


def test_the_recipe_counts() -> None:
    without = [
        PLAIN,
        replace(FULL, feedback=False),
        replace(FULL, match_float=False),
        replace(FULL, correct_biases=False),
    ]
    full = sum(error(drawn(case), FULL, 3, True) for case in (residual, depthwise))
    for recipe in without:
        assert full < sum(error(drawn(case), recipe, 3, True) for case in (residual, depthwise))


def test_it_runs_on_the_accelerator() -> None:
    graph = drawn(residual)
    network = fit_uniform(prepare(graph, images(64), FULL), 4, True)
    (program,) = deploy([network], ["csd"], AcceleratorConfig()).programs
    q = quantise_input(network, images(1, seed=5))
    wanted = run(network, q)[network.layers[-1].output.name]
    found = execute(program, q.astype(np.uint8)).outputs
    assert np.array_equal(found.reshape(-1), wanted.numpy().reshape(-1))


@pytest.mark.parametrize(
    ("bits", "input_bits", "found"),
    [(1, None, "bits = 1"), (9, None, "bits = 9"), (4, 1, "input_bits = 1"), (4, 9, "input_bits")],
)
def test_bad_widths(bits: int, input_bits: int | None, found: str) -> None:
    prepared = prepare(drawn(depthwise), images(8), PLAIN)
    with pytest.raises(InputError, match=rf"{found}.*must be 2\.\.8"):
        fit_uniform(prepared, bits, True, input_bits)


def test_bad_activation_width() -> None:
    prepared = prepare(drawn(depthwise), images(8), PLAIN)
    with pytest.raises(InputError, match=r"activation_bits = 9: must be 2\.\.8"):
        fit_uniform(prepared, 4, True, activation_bits=9)


@pytest.mark.slow
def test_accuracy_on_photographs() -> None:
    """A residual network loses most at few bits under round-to-nearest, less under the recipe."""
    network = NETWORKS["resnet8"]
    if lacking := missing(DATA, network.files):
        pytest.skip(f"{DATA} lacks {' and '.join(lacking)}")
    graph = network.graph(DATA)
    calibration, test = network.calibration(DATA), network.test(DATA)
    wanted = float_outputs(graph, test.x)
    found = {}
    for name, recipe in (("plain", PLAIN), ("full", FULL)):
        prepared = prepare(graph, calibration.x, recipe)
        for bits in (4, 6):
            baseline = fit_uniform(prepared, bits, True)
            found[name, bits] = quality(baseline, test.x, test.y, wanted)
    print(found)
    assert 0.6 < found["plain", 4].agreement < 0.85 < found["full", 4].agreement
    assert found["plain", 6].agreement < found["full", 6].agreement
    assert found["full", 6].agreement > 0.96
