"""Power of whole multiply-accumulates at three levels."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.mac import Mac
from pann_hw.power.nets import grid
from pann_hw.power.products import KINDS
from tests.unit_operands import DATA, assert_close, count_slowly, operands_of

UNITS = [
    *(Mac(kind, bits, bits, 32) for kind in KINDS for bits in (2, 4, 6)),
    *(Mac(kind, 5, 3, 16) for kind in KINDS),
    *(Mac(kind, 3, 5, 8) for kind in KINDS),
]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_statistics_predict_the_count(unit: Mac, data: str, rng: np.random.Generator) -> None:
    operands = operands_of(unit, data, rng, shape=(1500, 40))
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands))


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_short_sequences(kind: str, length: int, rng: np.random.Generator) -> None:
    unit = Mac(kind, 4, 4, 20)
    operands = operands_of(unit, "gaussian", rng, shape=(6000, length))
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands))


@pytest.mark.parametrize("kind", KINDS)
def test_single_products_are_exact(kind: str) -> None:
    """All pairs of words, each from 0 and back to 0: there is nothing left to approximate."""
    unit = Mac(kind, 3, 4, 12)
    low = 0 if kind == "array" else -1
    x, w = grid(np.arange(8) + 4 * low, np.arange(16) + 8 * low)
    operands = {"x": x.reshape(-1, 1), "w": w.reshape(-1, 1)}
    predicted, counted = unit.predict(unit.measure(operands)), unit.count(operands)
    for net_class in ("inputs", "internal", "accumulator_input"):
        assert predicted[net_class] == pytest.approx(counted[net_class]), net_class
    # The last sum stays in the register.
    assert predicted["register"] == pytest.approx(counted["register"], abs=12 / 128)


@pytest.mark.parametrize(
    ("bits", "signed", "unsigned"),
    [(2, 24, 10), (3, 29.5, 16.5), (4, 36, 24), (5, 43.5, 32.5), (6, 52, 42), (8, 72, 64)],
)
def test_closed_formula(bits: int, signed: float, unsigned: float) -> None:
    assert sum(Mac("booth", bits, bits, 32).formula().values()) == signed
    assert sum(Mac("baugh_wooley", bits, bits, 32).formula().values()) == signed
    assert sum(Mac("array", bits, bits, 32).formula().values()) == unsigned


@pytest.mark.parametrize(("bits", "percent"), [(2, 58), (3, 44), (4, 33)])
def test_going_unsigned_saves(bits: int, percent: int, rng: np.random.Generator) -> None:
    """By formula what the paper says; by count, of uniform words, still more."""
    signed, unsigned = (Mac(kind, bits, bits, 32) for kind in ("booth", "array"))
    formulas = [sum(unit.formula().values()) for unit in (signed, unsigned)]
    assert round(100 * (1 - formulas[1] / formulas[0])) == percent
    counts = [
        sum(unit.count(operands_of(unit, "uniform", rng)).values()) for unit in (signed, unsigned)
    ]
    assert 100 * (1 - counts[1] / counts[0]) > percent


def slow_accumulator(unit: Mac, stimulus: dict[str, np.ndarray]) -> dict[str, list[int]]:
    """Addend, sum and register in every cycle, by one Python integer after another."""
    register = 0
    nets: dict[str, list[int]] = {"extended": [], "sum": [], "register": []}
    size = 2**unit.width

    def value(word: int, bits: int) -> int:
        return word - 2**bits if unit.kind != "array" and word >= 2 ** (bits - 1) else word

    for x, w, load, enable in zip(*(stimulus[port].tolist() for port in unit.ports), strict=True):
        product = value(x, unit.x_bits) * value(w, unit.w_bits) % size
        nets["extended"].append(product)
        nets["sum"].append((register + product) % size)
        nets["register"].append(register)
        if load:
            register = 0
        elif enable:
            register = (register + product) % size
    return nets


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_trace_is_that_of_a_loop_over_cycles(unit: Mac, rng: np.random.Generator) -> None:
    stimulus = {port: rng.integers(0, 2**width, 200) for port, width in unit.ports.items()}
    trace = unit.trace(stimulus)
    for net, values in slow_accumulator(unit, stimulus).items():
        assert trace[net][1:][0] == unit.width
        assert trace[net][2].tolist() == values, net
    # The multiplier's nets, but for those that are bits of the product and so of the addend.
    inside = unit.multiplier.trace({port: stimulus[port] for port in ("x", "w")})
    shared = {net for net in trace if trace[net][0] in ("inputs", "internal")}
    assert len(inside) - len(shared) == unit.x_bits + unit.w_bits
    for net in shared:
        assert (trace[net][2] == inside[net][2]).all()
    addend = trace["extended"][2]
    product = {tuple((addend >> bit & 1).tolist()) for bit in range(unit.x_bits + unit.w_bits)}
    left_out = {tuple(inside[net][2].astype(int).tolist()) for net in inside if net not in trace}
    assert left_out == product


@pytest.mark.parametrize("kind", KINDS)
def test_count_is_that_of_every_net_and_cycle(kind: str, rng: np.random.Generator) -> None:
    unit = Mac(kind, 3, 3, 9)
    operands = operands_of(unit, "uniform", rng, shape=(6, 4))
    slow = count_slowly(unit.trace(unit.stimulus(operands)))
    counted = unit.count(operands)
    assert counted == {group: total / 24 for group, total in slow.items()}
    assert list(counted) == ["inputs", "internal", "accumulator_input", "sum", "register"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_sequence_is_a_dot_product(kind: str, rng: np.random.Generator) -> None:
    unit = Mac(kind, 4, 4, 16)
    operands = operands_of(unit, "uniform", rng, shape=(5, 7))
    stimulus = unit.stimulus(operands)
    register = unit.trace(stimulus)["register"][2]
    ends = np.append(np.flatnonzero(stimulus["load"])[1:], len(register) - 1)
    sums = (operands["x"] * operands["w"]).sum(1)
    assert register[ends].tolist() == [int(total) % 2**16 for total in sums]


def test_stimulus_ends_at_rest(rng: np.random.Generator) -> None:
    """More cycles of zeros change nothing any more."""
    unit = Mac("booth", 3, 3, 16)
    stimulus = unit.stimulus(operands_of(unit, "uniform", rng, shape=(5, 7)))
    longer = {port: np.append(words, [0, 0, 0]) for port, words in stimulus.items()}
    assert count_slowly(unit.trace(longer)) == count_slowly(unit.trace(stimulus))


@pytest.mark.parametrize(
    ("kind", "bits", "width", "message"),
    [
        ("booth", (1, 4), 16, r"x_bits = 1: must be 2\.\.8"),
        ("booth", (4, 9), 16, r"w_bits = 9: must be 2\.\.8"),
        ("dadda", (4, 4), 16, "multiplier 'dadda': must be one of array, baugh_wooley, booth"),
        ("array", (4, 4), 7, r"accumulator_width = 7: too narrow for the product of 8 bits"),
        ("array", (4, 4), 64, r"accumulator_width = 64: must be 2\.\.63"),
    ],
)
def test_bad_parameters(kind: str, bits: tuple[int, int], width: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mac(kind, *bits, width)
