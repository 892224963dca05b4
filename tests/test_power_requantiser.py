"""The requantiser's model: values against the integer network's, flips against counted ones."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.integer.requantise import Scale, requantise
from pann_hw.network.digits import digits_data
from pann_hw.power.requantiser import Requantiser
from pann_hw.power.source import integer_weights
from pann_hw.power.unit import net_flips

SHAPE = (128, 64)


def _gaussian(rng: np.random.Generator, bits: int) -> np.ndarray:
    """Sums of 144 products at R = 2: a third of the peak of typical steps."""
    return np.floor(rng.standard_normal(SHAPE) * 12 * 2**bits + 0.5).astype(np.int64)


def _convolved(rng: np.random.Generator, bits: int, *, smooth: bool) -> np.ndarray:
    """Digits through 3 x 3 convolutions, a channel of an image a sequence of 64 pixels."""
    _, data = digits_data()
    x = np.floor(data.x[:24, 0] * (2**bits - 1) + 0.5).astype(np.int64)
    weights = rng.standard_normal((12, 3, 3))
    if smooth:
        weights = 0.3 * weights + rng.standard_normal((12, 1, 1))
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), (1, 2)
    )
    sums = np.einsum("nyxij,cij->ncyx", windows, integer_weights(weights, 2.0))
    return sums.reshape(-1, 64)


def _errors(unit: Requantiser, a: np.ndarray) -> tuple[float, dict[str, float]]:
    """Relative error of the prediction, of the total and of each class."""
    counted = unit.count({"a": a})
    predicted = unit.predict(unit.measure({"a": a}))
    assert set(predicted) == set(counted)
    total = sum(predicted.values()) / sum(counted.values()) - 1
    return total, {name: predicted[name] / counted[name] - 1 for name in counted}


@pytest.mark.parametrize("factor", [1.0, 0.37, 0.0213, 0.0274, 3e-4, 2.0**-24])
@pytest.mark.parametrize("digits", [2, 3])
def test_values_are_those_of_the_integer_network(
    rng: np.random.Generator, factor: float, digits: int
) -> None:
    unit = Requantiser(5, 20, Scale.nearest(factor, digits).steps)
    a = rng.integers(-(2**19), 2**19, (1, 1000))
    a[0, :4] = [-(2**19), 2**19 - 1, 0, -1]
    trace = unit.trace(unit.stimulus({"a": a}))
    after = np.arange(1, 1001) * len(unit.steps)
    expected = requantise(a[0], Scale(unit.steps), 31)
    np.testing.assert_array_equal(trace["value"][2][after], expected)


def test_largest_accumulators_fit_the_register() -> None:
    steps = ((1, 0), (1, 0), (1, 0), (1, 15))
    unit = Requantiser(8, 16, steps)
    a = np.array([[-(2**15), 2**15 - 1]])
    trace = unit.trace(unit.stimulus({"a": a}))
    largest = 2 ** (unit.state_width - 1)
    assert trace["total"][2][7] == 4 * (2**15 - 1) < largest
    assert trace["total"][2][3] == 2 * largest - 4 * 2**15
    np.testing.assert_array_equal(trace["value"][2][[4, 8]], requantise(a[0], Scale(steps), 255))


def test_nothing_changes_at_rest(rng: np.random.Generator) -> None:
    unit = Requantiser.typical(4, 16)
    stimulus = unit.stimulus({"a": _gaussian(rng, 4)[:2]})
    longer = {port: np.append(word, np.zeros(5, np.int64)) for port, word in stimulus.items()}
    for net, (_, width, values) in unit.trace(stimulus).items():
        again = unit.trace(longer)[net][2]
        np.testing.assert_array_equal(net_flips(again, width), net_flips(values, width))


def test_a_pause_changes_nothing_but_the_time(rng: np.random.Generator) -> None:
    """Cycles without ``enable`` keep the register, whatever stands at the other ports."""
    unit = Requantiser(4, 16, ((1, 0), (-1, 2), (1, 5)))
    stimulus = unit.stimulus({"a": _gaussian(rng, 4)[:2]})
    cycles = len(stimulus["a"])
    pauses = np.sort(rng.integers(0, cycles, 50))
    paused = {port: np.insert(word, pauses, word[pauses]) for port, word in stimulus.items()}
    paused["enable"] = np.insert(stimulus["enable"], pauses, 0)
    register = unit.trace(stimulus)["register"]
    again = unit.trace(paused)["register"]
    np.testing.assert_array_equal(
        net_flips(again[2], again[1]), net_flips(register[2], register[1])
    )


@pytest.mark.parametrize(("bits", "width"), [(2, 16), (4, 32), (8, 24)])
def test_prediction_on_independent_accumulators(
    rng: np.random.Generator, bits: int, width: int
) -> None:
    unit = Requantiser.typical(bits, width)
    largest = 2 ** (width - 1)
    gaussian = _gaussian(rng, bits)
    data = {
        "uniform": rng.integers(-largest, largest, SHAPE),
        "gaussian": gaussian,
        "sparse": gaussian * (rng.random(SHAPE) < 0.5),
    }
    for name, a in data.items():
        total, classes = _errors(unit, a)
        assert abs(total) < 0.01, name
        assert all(abs(error) < 0.02 for error in classes.values()), name


@pytest.mark.parametrize(("bits", "width"), [(2, 32), (4, 24), (6, 16), (8, 16), (8, 32)])
@pytest.mark.parametrize("smooth", [False, True])
def test_prediction_on_neighbouring_pixels(
    rng: np.random.Generator, bits: int, width: int, smooth: bool
) -> None:
    total, classes = _errors(Requantiser.typical(bits, width), _convolved(rng, bits, smooth=smooth))
    assert abs(total) < 0.03
    assert all(abs(error) < 0.05 for error in classes.values())


def test_independence_would_be_wrong_on_neighbouring_pixels(rng: np.random.Generator) -> None:
    unit = Requantiser.typical(2, 24)
    a = _convolved(rng, 2, smooth=False)
    counted = sum(unit.count({"a": a}).values())
    shuffled = {"a": rng.permutation(a.ravel()).reshape(a.shape)}
    assert sum(unit.predict(unit.measure(shuffled)).values()) > 1.2 * counted


@pytest.mark.parametrize("steps", [((1, 3), (1, 4)), ((-1, 3), (1, 4)), ((1, 2), (-1, 0), (1, 6))])
def test_prediction_against_a_sampled_twin(
    rng: np.random.Generator, steps: tuple[tuple[int, int], ...]
) -> None:
    """The statistics of a short stream, against the counted flips of a longer one like it."""
    unit = Requantiser(6, 20, steps)
    predicted = unit.predict(unit.measure({"a": _gaussian(rng, 6)}))
    counted = unit.count({"a": np.concatenate([_gaussian(rng, 6) for _ in range(4)])})
    for name, flips in counted.items():
        assert predicted[name] == pytest.approx(flips, rel=0.02), name


@pytest.mark.parametrize("width", [16, 24, 32])
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("full_scale", [False, True])
def test_formula_on_uniform_accumulators(
    rng: np.random.Generator, bits: int, width: int, full_scale: bool
) -> None:
    largest = 2 ** (width - 1)
    unit = Requantiser.typical(bits, width, largest if full_scale else None)
    counted = unit.count({"a": rng.integers(-largest, largest, SHAPE)})
    formula = unit.formula()
    assert set(formula) == set(counted)
    assert sum(formula.values()) == pytest.approx(sum(counted.values()), rel=0.05)
    assert formula["inputs"] == pytest.approx(counted["inputs"], rel=0.01)


def test_negative_lowest_digit_flips_the_sign_extension_twice(rng: np.random.Generator) -> None:
    a = _gaussian(rng, 4)
    flips = [
        sum(Requantiser(4, 24, steps).count({"a": a}).values())
        for steps in (((1, 3), (1, 4)), ((-1, 3), (1, 4)))
    ]
    assert flips[1] > 1.8 * flips[0]


def test_typical_steps() -> None:
    assert Requantiser.typical(4, 24).steps == ((-1, 3), (1, 4))
    assert Requantiser.typical(8, 9).steps == Scale.nearest(255 / 256).steps
    assert Requantiser.typical(2, 32, 2**31).steps == Scale.nearest(2.0**-24).steps
    assert Requantiser.typical(4, 24, 480).steps == Scale.nearest(1 / 32).steps
    assert Requantiser.typical(4, 24).name == "requantiser_24_to_4_n3p4"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 16, ((1, 4),)), r"bits = 1: must be 2\.\.8"),
        ((9, 16, ((1, 4),)), r"bits = 9: must be 2\.\.8"),
        ((4, 61, ((1, 4),)), r"width = 61: must be 2\.\.60"),
        ((4, 4, ((1, 4),)), r"width = 4: too narrow for activations of 4 bits, must be 5\.\.60"),
        ((4, 16, ()), r"0 steps, must be 1\.\.4"),
        ((4, 16, ((2, 4),)), r"step \(digit 2, shift 4\)"),
        ((4, 16, ((-1, 4),)), r"scale -1/32 must be positive"),
    ],
)
def test_bad_parameters(
    arguments: tuple[int, int, tuple[tuple[int, int], ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Requantiser(*arguments)


def test_bad_peak_and_data() -> None:
    with pytest.raises(ValueError, match=r"peak = 40000: must be 1\.\.32768"):
        Requantiser.typical(4, 16, 40000)
    with pytest.raises(ValueError, match=r"width = 4: too narrow"):
        Requantiser.typical(4, 4)
    unit = Requantiser.typical(4, 16)
    for a, wrong in (
        (np.zeros((0, 4), np.int64), r"a of shape \(0, 4\)"),
        (np.full((2, 4), 7), r"a is constant at 7"),
        (np.array([[0, 32768]]), r"a has the value 32768, 16 bits hold -32768\.\.32767"),
    ):
        with pytest.raises(ValueError, match=wrong):
            unit.measure({"a": a})
