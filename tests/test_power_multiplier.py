"""Power of multipliers at three levels."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.multiplier import Multiplier
from pann_hw.power.products import KINDS
from tests.unit_operands import DATA, assert_close, count_slowly, operands_of

UNITS = [
    *(Multiplier(kind, bits, bits) for kind in KINDS for bits in (2, 4, 7)),
    *(Multiplier(kind, 6, 3) for kind in KINDS),
    *(Multiplier(kind, 3, 6) for kind in KINDS),
]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_statistics_predict_the_count(
    unit: Multiplier, data: str, rng: np.random.Generator
) -> None:
    operands = operands_of(unit, data, rng)
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands))


@pytest.mark.parametrize("kind", KINDS)
def test_words_that_stay_cost_less(kind: str, rng: np.random.Generator) -> None:
    """Weights that are held for a while, which the pairs of words tell and their rates do not."""
    unit = Multiplier(kind, 4, 4)
    operands = dict(operands_of(unit, "uniform", rng))
    operands["w"] = np.repeat(operands["w"][:, :10], 4, axis=1)
    counted = unit.count(operands)
    assert_close(unit.predict(unit.measure(operands)), counted)
    changing = unit.count(operands_of(unit, "uniform", rng))
    assert sum(counted.values()) < 0.85 * sum(changing.values())


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_change_from_sequence_to_sequence(kind: str, rng: np.random.Generator) -> None:
    unit = Multiplier(kind, 4, 4)
    operands = dict(operands_of(unit, "uniform", rng, shape=(8000, 3)))
    operands["w"] = np.repeat(operands["w"][:, :1], 3, axis=1)
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands))


@pytest.mark.parametrize("length", [1, 2])
def test_short_sequences(length: int, rng: np.random.Generator) -> None:
    unit = Multiplier("booth", 4, 4)
    operands = operands_of(unit, "gaussian", rng, shape=(5000, length))
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands))


def test_closed_formula() -> None:
    for kind in KINDS:
        for bits in range(2, 9):
            assert sum(Multiplier(kind, bits, bits).formula().values()) == 0.5 * bits**2 + bits
    assert Multiplier("booth", 8, 4).formula() == {"inputs": 6.0, "internal": 32.0}


def test_narrowing_one_operand_of_the_signed_array_saves_least(rng: np.random.Generator) -> None:
    """Small words in a wide signed operand still flip its sign extension, as the paper says.

    A circuit of that width is meant: a narrower circuit does save.
    """
    wide = Multiplier("baugh_wooley", 8, 8)
    x = rng.integers(-128, 128, (100, 40))
    full, narrow = (
        sum(wide.count({"x": x, "w": rng.integers(-(2**bits), 2**bits, x.shape)}).values())
        for bits in (7, 3)
    )
    narrower = Multiplier("baugh_wooley", 8, 4)
    small = sum(narrower.count({"x": x, "w": rng.integers(-8, 8, x.shape)}).values())
    assert narrow > 0.75 * full
    assert small < 0.6 * full


@pytest.mark.parametrize("kind", KINDS)
def test_trace_is_that_of_every_cycle(kind: str, rng: np.random.Generator) -> None:
    """Each cycle on its own gives the same nets; the ports are the operands' bits."""
    unit = Multiplier(kind, 3, 4)
    operands = operands_of(unit, "uniform", rng, shape=(3, 5))
    stimulus = unit.stimulus(operands)
    x = [int(word) % 8 for word in operands["x"].ravel()]
    w = [int(word) % 16 for word in operands["w"].ravel()]
    assert stimulus["x"].tolist() == [*x, 0]
    assert stimulus["w"].tolist() == [*w, 0]
    trace = unit.trace(stimulus)
    assert {net: (group, width) for net, (group, width, _) in trace.items() if net in "xw"} == {
        "x": ("inputs", 3),
        "w": ("inputs", 4),
    }
    for cycle in range(16):
        alone = unit.trace({port: words[cycle : cycle + 1] for port, words in stimulus.items()})
        assert alone.keys() == trace.keys()
        for net, (_, _, values) in alone.items():
            assert values[0] == trace[net][2][cycle], net
    slow = count_slowly(trace)
    assert unit.count(operands) == {group: total / 15 for group, total in slow.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_product(kind: str) -> None:
    unit = Multiplier(kind, 3, 4)
    low = 0 if kind == "array" else -1
    for x in range(low * 4, low * 4 + 8):
        for w in range(low * 8, low * 8 + 16):
            _, product = unit.evaluate(np.array([x]), np.array([w]))
            assert product.tolist() == [x * w]


def test_names_and_ports() -> None:
    unit = Multiplier("array", 3, 5)
    assert unit.name == "multiplier_array_3x5"
    assert unit.ports == {"x": 3, "w": 5}
    assert unit.operands == {"x": (3, False), "w": (5, False)}
    assert Multiplier("booth", 3, 5).operands == {"x": (3, True), "w": (5, True)}


@pytest.mark.parametrize(
    ("kind", "x_bits", "w_bits", "message"),
    [
        ("booth", 1, 4, r"x_bits = 1: must be 2\.\.8"),
        ("booth", 4, 9, r"w_bits = 9: must be 2\.\.8"),
        ("array", 4, 2.5, r"w_bits = 2\.5: must be a whole number, 2\.\.8"),
        ("wallace", 4, 4, "multiplier 'wallace': must be one of array, baugh_wooley, booth"),
    ],
)
def test_bad_parameters(kind: str, x_bits: int, w_bits: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Multiplier(kind, x_bits, w_bits)
