"""Power of PANN's adders at three levels, in all variants."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pann_hw.integer.terms import encode
from pann_hw.power import formulas
from pann_hw.power.nets import unsigned
from pann_hw.power.pann_adder import PannAdder
from pann_hw.power.sources import create_source
from pann_hw.power.unit import Operands, Stimulus
from pann_hw.quantise.budget import mac_flips
from tests.unit_operands import assert_close, count_slowly

SOURCES = ("uniform", "gaussian", "sparse", "digits")
LIMITS = {
    (rails, source): limit
    for rails, limits in ((1, (0.015, 0.015, 0.02, 0.03)), (2, (0.04, 0.04, 0.05, 0.05)))
    for source, limit in zip(SOURCES, limits, strict=True)
}
"""Largest error with so many rails, as a share of the total; counts vary by 1 to 2 % themselves."""


def variants(x_bits: int, width: int, low_bits: int) -> list[PannAdder]:
    """One rail or two, unary or CSD, gated or not."""
    return [
        PannAdder(x_bits, width, *choice)
        for choice in itertools.product((1, 2), (0, 3), (0, low_bits))
    ]


UNITS = [*variants(2, 32, 3), *variants(5, 20, 6)]


def operands_of(source: str, bits: int, seed: int, shape: tuple[int, int] = (1000, 64)) -> Operands:
    """Activations and weights of R = 2; those of "digits" are pixels, row after row."""
    if source != "digits":
        return create_source(source, seed, *shape).weighted(bits, 2.0)
    x = load_digits().data.astype(np.int64) * (2**bits - 1) // 16
    return {"x": x, "w": create_source("gaussian", seed, *x.shape).weighted(bits, 2.0)["w"]}


def few(
    rng: np.random.Generator, bits: int, shape: tuple[int, int] = (6, 5)
) -> dict[str, np.ndarray]:
    return {
        "x": rng.integers(0, 2**bits, shape),
        "w": np.rint(rng.normal(0, 3, shape)).astype(np.int64),
    }


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("unit", [*UNITS[:8], *UNITS[9::3]], ids=lambda unit: unit.name)
def test_statistics_predict_the_count(unit: PannAdder, source: str, seed: int) -> None:
    operands = operands_of(source, unit.x_bits, seed)
    statistics = unit.measure(operands)
    assert_close(unit.predict(statistics), unit.count(operands), LIMITS[unit.rails, source])
    clocked = unit.count_clocked(operands)
    assert unit.predict_clocked(statistics) == pytest.approx(clocked, rel=0.04)


@pytest.mark.parametrize("unit", variants(8, 24, 9), ids=lambda unit: unit.name)
def test_widest_activations(unit: PannAdder, seed: int) -> None:
    operands = operands_of("gaussian", 8, seed, (400, 64))
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands), 0.04)


@pytest.mark.parametrize("unit", variants(4, 20, 5), ids=lambda unit: unit.name)
def test_sequences_of_nine_weights(unit: PannAdder, seed: int) -> None:
    """Those of a depthwise 3 x 3 kernel: the first sums after 0 are less exact with two rails."""
    operands = operands_of("gaussian", 4, seed, (8000, 9))
    share = 0.02 if unit.rails == 1 else 0.08
    assert_close(unit.predict(unit.measure(operands)), unit.count(operands), share)


@pytest.mark.parametrize("low_bits", [1, 9, 19])
@pytest.mark.parametrize("rails", [1, 2])
def test_any_number_of_low_bits(rails: int, low_bits: int, seed: int) -> None:
    unit = PannAdder(4, 20, rails, 3, low_bits)
    operands = operands_of("gaussian", 4, seed)
    statistics = unit.measure(operands)
    assert_close(unit.predict(statistics), unit.count(operands), 0.02 * rails)
    clocked = unit.count_clocked(operands)
    assert unit.predict_clocked(statistics) == pytest.approx(clocked, rel=0.05)


def test_tables_are_kept_for_other_widths_only(seed: int) -> None:
    """The same statistics again and others between them: nothing of one is left in the other."""
    one, other = (operands_of(source, 3, seed, (50, 20)) for source in ("uniform", "sparse"))
    unit = PannAdder(3, 16, 2, 3, 4)
    first = unit.predict(unit.measure(one))
    for width, operands in ((24, one), (16, other)):
        found = PannAdder(3, width, 2, 3, 4)
        assert found.predict(found.measure(operands)) != first
    assert unit.predict(unit.measure(one)) == first


def slow_stimulus(unit: PannAdder, operands: Operands) -> dict[str, list[int]]:
    """Cycle after cycle: a load, then one term a rail and cycle, for each sequence."""
    ports: dict[str, list[int]] = {port: [] for port in unit.ports}

    def cycle(**values: int) -> None:
        for port, words in ports.items():
            words.append(values.get(port, 0))

    for row_x, row_w in zip(operands["x"].tolist(), operands["w"].tolist(), strict=True):
        terms: dict[int, list[tuple[int, int]]] = {1: [], -1: []}
        for operand, weight in zip(row_x, row_w, strict=True):
            for sign, shift in encode(weight, unit.max_shift):
                terms[sign].append((operand, shift))
        if unit.rails == 1:
            for sign in (1, -1):
                cycle(load=1)
                for operand, shift in terms[sign]:
                    cycle(p=operand, p_shift=shift, enable=1)
        else:
            cycle(load=1)
            for p, n in itertools.zip_longest(terms[1], terms[-1], fillvalue=(0, 0)):
                cycle(p=p[0], p_shift=p[1], n=n[0], n_shift=n[1], enable=1)
    cycle()
    return ports


@pytest.mark.parametrize("unit", UNITS[:8], ids=lambda unit: unit.name)
def test_stimulus_is_that_of_a_loop(unit: PannAdder, rng: np.random.Generator) -> None:
    operands = few(rng, unit.x_bits)
    operands["w"][2] = 0
    operands["w"][3] = np.abs(operands["w"][3])
    found = {port: words.tolist() for port, words in unit.stimulus(operands).items()}
    assert found == slow_stimulus(unit, operands)


def slow_nets(unit: PannAdder, stimulus: Stimulus) -> dict[str, list[int]]:
    """Nets of the accumulator in every cycle, by one Python integer after another."""
    nets: dict[str, list[int]] = {}
    register = 0
    split = unit.low_bits
    for cycle in range(len(stimulus["load"])):
        value = {port: int(words[cycle]) for port, words in stimulus.items()}
        addend = (value["p"] << value.get("p_shift", 0)) - (
            value.get("n", 0) << value.get("n_shift", 0)
        )
        total = register + addend
        words = {"extended": addend, "sum": total, "register": register}
        sizes = dict.fromkeys(words, unit.width)
        if split:
            low, high = register % 2**split, register >> split
            step = (low + addend) >> split
            words = {
                "addend": addend,
                "step": step,
                "sum_low": low + addend,
                "sum_high": high + step,
                "low": low,
                "high": high,
            }
            sizes = {net: split if "low" in net else unit.width - split for net in words}
            sizes["addend"] = unit.addend_bits
        for net, word in words.items():
            nets.setdefault(net, []).append(word % 2 ** sizes[net])
        if value["load"]:
            register = 0
        elif value["enable"]:
            register = total % 2**unit.width
    return nets


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_trace_is_that_of_a_loop_over_cycles(unit: PannAdder, rng: np.random.Generator) -> None:
    """With ports at random, so that sums wrap and a rail shifts by what no term does."""
    stimulus = {port: rng.integers(0, 2**width, 300) for port, width in unit.ports.items()}
    if unit.max_shift:
        for port in unit.ports:
            if "shift" in port:
                stimulus[port] = stimulus[port].clip(0, unit.max_shift)
    trace = unit.trace(stimulus)
    for net, expected in slow_nets(unit, stimulus).items():
        assert trace[net][2].tolist() == expected, net
    for net, (net_class, width, values) in trace.items():
        assert values.min() >= 0, net
        assert values.max() < 2**width, net
        assert (net_class == "internal") == ("shifted" in net)
        assert (net_class == "inputs") == (net in ("p", "n"))


@pytest.mark.parametrize("max_shift", range(1, 8))
@pytest.mark.parametrize("rails", [1, 2])
def test_shifters_stages(rails: int, max_shift: int) -> None:
    """Every shift of every activation; with one rail the last stage is the addend itself."""
    unit = PannAdder(3, 16, rails, max_shift)
    words, shifts = (grid.ravel() for grid in np.mgrid[0:8, 0 : max_shift + 1])
    stimulus = {port: np.zeros(len(words), np.int64) for port in unit.ports}
    stimulus |= {"p": words, "p_shift": shifts}
    trace = unit.trace(stimulus)
    stages = [net for net in trace if net.startswith("p_shifted")]
    assert len(stages) == max_shift.bit_length() - (rails == 1)
    for stage, net in enumerate(stages):
        expected = words << (shifts % 2 ** (stage + 1))
        assert trace[net][2].tolist() == expected.tolist()
        assert trace[net][1] == int(expected.max()).bit_length()
    assert trace["extended"][2].tolist() == (words << shifts).tolist()


def final_values(unit: PannAdder, stimulus: Stimulus) -> np.ndarray:
    """The register at each sequence's end, without sign."""
    trace = unit.trace(stimulus)
    if unit.low_bits:
        register = trace["low"][2] + (trace["high"][2] << unit.low_bits)
    else:
        register = trace["register"][2]
    ends = np.append(np.flatnonzero(stimulus["load"])[1:], -1)
    values: np.ndarray = register[ends]
    return values


@pytest.mark.parametrize("width", [8, 9, 16, 63])
@pytest.mark.parametrize("unit", UNITS[8:], ids=lambda unit: unit.name)
def test_registers_end_with_dot_products(
    unit: PannAdder, width: int, rng: np.random.Generator
) -> None:
    """Modulo ``2**width``: a narrow accumulator wraps. One rail's two sums are to be subtracted."""
    if width < unit.addend_bits:
        width = unit.addend_bits
    unit = PannAdder(5, width, unit.rails, unit.max_shift, unit.low_bits)
    operands = few(rng, 5, (20, 40))
    values = final_values(unit, unit.stimulus(operands))
    if unit.rails == 1:
        values = values[::2] - values[1::2]
    dots = (operands["x"] * operands["w"]).sum(1)
    assert unsigned(values, width).tolist() == unsigned(dots, width).tolist()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_at_rest_nothing_flips(unit: PannAdder, rng: np.random.Generator) -> None:
    stimulus = unit.stimulus(few(rng, unit.x_bits))
    assert all(words[-1] == 0 for words in stimulus.values())
    longer = {port: np.append(words, [0, 0, 0]) for port, words in stimulus.items()}
    assert count_slowly(unit.trace(longer)) == count_slowly(unit.trace(stimulus))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_count_is_that_of_every_net_and_cycle(unit: PannAdder, rng: np.random.Generator) -> None:
    operands = few(rng, unit.x_bits)
    slow = count_slowly(unit.trace(unit.stimulus(operands)))
    assert unit.count(operands) == {group: total / 30 for group, total in slow.items()}


@pytest.mark.parametrize("unit", UNITS[:4], ids=lambda unit: unit.name)
def test_clock_edges_are_those_of_registers_that_may_change(
    unit: PannAdder, rng: np.random.Generator
) -> None:
    operands = few(rng, unit.x_bits)
    stimulus = unit.stimulus(operands)
    edges = 0
    steps = slow_nets(unit, stimulus).get("step")
    for cycle in np.flatnonzero(stimulus["enable"]).tolist():
        if steps is None:
            edges += unit.width
        else:
            edges += unit.low_bits + (steps[cycle] != 0) * (unit.width - unit.low_bits)
    assert unit.count_clocked(operands) == edges / 30


@pytest.mark.parametrize("additions", [0.5, 2, 3.5])
@pytest.mark.parametrize("x_bits", range(1, 9))
def test_closed_formula(x_bits: int, additions: float) -> None:
    found = PannAdder(x_bits, 32, additions=additions).formula()
    assert sum(found.values()) == (additions + 0.5) * x_bits
    assert found["accumulator_input"] == 0.5 * x_bits


@pytest.mark.parametrize("x_bits", [2, 4, 8])
def test_formula_leaves_carries_out(x_bits: int, seed: int) -> None:
    """Uniform activations on one rail: sum and register flip above the activation's bits too.

    At R = 2 a count is 3 to 4 flips per weight above the formula, whatever the width, which is
    over half of it at 2 bits. The activation itself flips as the formula says or less: not where
    the weight is 0.
    """
    unit = PannAdder(x_bits, 32, additions=2.0)
    counted, formula = unit.count(operands_of("uniform", x_bits, seed)), unit.formula()
    assert 2.5 < sum(counted.values()) - sum(formula.values()) < 4.5
    assert counted["accumulator_input"] < formula["accumulator_input"]
    for name in ("sum", "register"):
        assert 1 < counted[name] - formula[name] < 2.5


@pytest.mark.parametrize("bits", range(2, 9))
def test_budgets_are_unsigned_macs(bits: int) -> None:
    assert sum(formulas.mac(bits, bits, 2 * bits, signed=False).values()) == mac_flips(bits)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"x_bits": 0}, r"x_bits = 0: must be 1\.\.8"),
        ({"x_bits": 9}, r"x_bits = 9: must be 1\.\.8"),
        ({"rails": 3}, r"rails = 3: must be 1\.\.2"),
        ({"max_shift": -1}, r"max_shift = -1: must be 0\.\.7"),
        ({"max_shift": 8}, r"max_shift = 8: must be 0\.\.7"),
        ({"low_bits": 16}, r"low_bits = 16: must be 0\.\.15"),
        ({"low_bits": 2.0}, r"low_bits = 2\.0: must be a whole number, 0\.\.15"),
        ({"width": 64}, r"accumulator_width = 64: must be 2\.\.63"),
        ({"width": 3}, r"accumulator_width = 3: too narrow for the shifted activation of 4 bits"),
        ({"width": 8, "rails": 2, "max_shift": 4}, r"of 9 bits, must be 9\.\.63"),
        ({"additions": 0.0}, r"additions = 0\.0: must be above 0"),
        ({"additions": float("nan")}, r"additions = nan: must be above 0"),
    ],
)
def test_parameters_are_checked(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PannAdder(**{"x_bits": 4, "width": 16} | parameters)  # type: ignore[arg-type]


def test_operands_are_checked() -> None:
    unit = PannAdder(2, 16, 2)
    x, w = np.array([[0, 3, 1]]), np.array([[1, -2, 1]])
    with pytest.raises(ValueError, match=r"x has the value 4, 2 bits hold 0\.\.3"):
        unit.count({"x": x + 1, "w": w})
    with pytest.raises(ValueError, match=r"w is constant at 1"):
        unit.measure({"x": x, "w": w * 0 + 1})
    with pytest.raises(ValueError, match=r"weights are 1\.\.2: two rails need both signs"):
        unit.predict(unit.measure({"x": x, "w": np.abs(w)}))
    one_rail = PannAdder(2, 16)
    assert one_rail.predict(one_rail.measure({"x": x, "w": np.abs(w)}))["sum"] > 0


def test_names_tell_variants_apart() -> None:
    names = [unit.name for bits in (2, 4) for unit in variants(bits, 32, bits + 1)]
    assert len(set(names)) == len(names)
    assert PannAdder(4, 24, 2, 3, 5).name == "pann_csd3_2rail_gated5_4_into_24"
    assert PannAdder(8, 32).name == "pann_unary_1rail_8_into_32"
