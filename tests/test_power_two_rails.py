"""Two rails at once: flips of each net, predicted and counted."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.power.pann_adder import PannAdder
from pann_hw.power.sources import create_source
from pann_hw.power.two_rails import TwoRails
from pann_hw.power.unit import Operands, net_flips

WIDTH = 24


def data(kind: str, seed: int, bits: int = 4) -> Operands:
    return create_source(kind, seed, 2500, 60).weighted(bits, 2.0)


def rails_of(operands: Operands, max_shift: int, bits: int = 4) -> TwoRails:
    statistics = PannAdder(bits, WIDTH, 2, max_shift).measure(operands)
    return TwoRails(statistics["x"], statistics["w"], max_shift)


def counted(
    operands: Operands, max_shift: int, low_bits: int = 0, bits: int = 4
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Flips of each net per weight, and the values of each net."""
    unit = PannAdder(bits, WIDTH, 2, max_shift, low_bits)
    trace = unit.trace(unit.stimulus(operands))
    flips = {
        net: float(net_flips(values, width).sum()) / operands["w"].size
        for net, (_, width, values) in trace.items()
    }
    return flips, {net: values for net, (_, _, values) in trace.items()}


@pytest.mark.parametrize("max_shift", [0, 3])
@pytest.mark.parametrize("kind", ["gaussian", "sparse"])
def test_each_net(kind: str, max_shift: int, seed: int) -> None:
    operands = data(kind, seed)
    rails = rails_of(operands, max_shift)
    flips, _ = counted(operands, max_shift)
    shifted = sum(flips[net] for net in flips if "shifted" in net)
    assert rails.operand_flips() == pytest.approx(flips["p"] + flips["n"], rel=0.015)
    assert rails.shifter_flips(max_shift) == pytest.approx(shifted, rel=0.015)
    assert rails.addend_flips(WIDTH) == pytest.approx(flips["extended"], rel=0.03)
    total, register = rails.walk(WIDTH)
    assert total == pytest.approx(flips["sum"], rel=0.09)
    assert register == pytest.approx(flips["register"], rel=0.06)


@pytest.mark.parametrize("low_bits", [1, 4, 6, 9])
@pytest.mark.parametrize("max_shift", [0, 3])
def test_carries(max_shift: int, low_bits: int, seed: int) -> None:
    operands = data("gaussian", seed)
    rails = rails_of(operands, max_shift)
    flips, values = counted(operands, max_shift, low_bits)
    found = rails.carry_flips(low_bits, WIDTH - low_bits)
    assert found == pytest.approx(flips["step"], rel=0.06)
    moves = np.count_nonzero(values["step"]) / operands["w"].size
    assert rails.moves(low_bits) == pytest.approx(moves, rel=0.08)


@pytest.mark.parametrize("max_shift", [0, 3])
def test_cycles_are_those_of_the_longer_rail(max_shift: int, seed: int) -> None:
    operands = data("gaussian", seed)
    enable = PannAdder(4, WIDTH, 2, max_shift).stimulus(operands)["enable"].sum()
    cycles = rails_of(operands, max_shift).cycles
    assert cycles == pytest.approx(enable / operands["w"].size, rel=0.01)


def test_more_terms_of_one_sign(seed: int) -> None:
    """The other rail is done early, and the sum drifts away."""
    operands = data("gaussian", seed)
    operands = {"x": operands["x"], "w": operands["w"] + 2}
    rails = rails_of(operands, 0)
    flips, _ = counted(operands, 0)
    assert rails.addend_flips(WIDTH) == pytest.approx(flips["extended"], rel=0.03)
    assert sum(rails.walk(WIDTH)) == pytest.approx(flips["sum"] + flips["register"], rel=0.05)


def test_widest_words_are_predicted_from_small_tables(seed: int) -> None:
    """Shifts up to 7 make words of 15 bits, whose differences would fill 8 GiB as a table."""
    rng = np.random.default_rng(seed)
    operands = {
        "x": rng.integers(0, 256, (600, 40)),
        "w": np.rint(rng.normal(0, 60, (600, 40))).astype(np.int64),
    }
    rails = rails_of(operands, 7, 8)
    flips, _ = counted(operands, 7, bits=8)
    assert rails.addend_flips(WIDTH) == pytest.approx(flips["extended"], rel=0.03)
    gated, _ = counted(operands, 7, 3, 8)
    assert rails.carry_flips(3, WIDTH - 3) == pytest.approx(gated["step"], rel=0.06)


@pytest.mark.parametrize(("weights", "named"), [([0, 3], r"0\.\.3"), ([-5, -1], r"-5\.\.-1")])
def test_weights_of_one_sign_are_refused(weights: list[int], named: str) -> None:
    operands = {"x": np.array([[1, 2]]), "w": np.array([weights])}
    with pytest.raises(ValueError, match=f"weights are {named}: two rails need both signs"):
        rails_of(operands, 0)
