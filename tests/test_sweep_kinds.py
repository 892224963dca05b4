"""Each kind's points, what it makes of them, and the budgets that it says are enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.quantise import post_training
from pann_hw.quantise.budget import LARGEST, WIDTHS, flips_per_mac, mac_flips
from pann_hw.quantise.post_training import Prepared, least_flips, prepare
from pann_hw.quantise.recipe import FULL, PLAIN, Recipe
from pann_hw.sweep.kinds import KINDS, Multiplier, Terms
from pann_hw.sweep.point import Point
from tests.quantise_graphs import images
from tests.sweep_problems import small_graph

UNIFORM_WIDTHS = replace(FULL, layer_budgets=False)


@pytest.mark.parametrize("name", ["unary", "csd"])
def test_points_of_terms(name: str) -> None:
    kind = KINDS[name]
    assert kind.points(name, [16.5, 10.0], FULL) == [
        Point(name, 10.0, None),
        Point(name, 16.5, None),
    ]
    for recipe in (PLAIN, UNIFORM_WIDTHS):
        points = kind.points(name, [16.5, 10.0], recipe)
        assert [(p.budget, p.bits) for p in points] == [
            (budget, bits) for budget in (10.0, 16.5) for bits in range(2, 9)
        ]


@pytest.mark.parametrize("name", ["mac-unsigned", "mac-signed"])
def test_multipliers_have_a_point_for_each_width_whatever_the_budgets(name: str) -> None:
    for recipe in (FULL, PLAIN):
        points = KINDS[name].points(name, [10.0, 24.0], recipe)
        assert points == [Point(name, None, bits) for bits in range(2, 9)]


def test_only_csd_has_shifts() -> None:
    assert {name: kind.shift(3) for name, kind in KINDS.items()} == {
        "unary": 0, "csd": 3, "mac-unsigned": 0, "mac-signed": 0,
    }  # fmt: skip


@pytest.mark.parametrize("shifts", [False, True])
@pytest.mark.parametrize("recipe", [PLAIN, UNIFORM_WIDTHS, FULL])
def test_terms_keep_their_budget(recipe: Recipe, shifts: bool) -> None:
    prepared = prepare(small_graph(), images(24), recipe)
    kind, shift = Terms(shifts), 3 * shifts
    for point in kind.points("any", [6.0, 12.0], recipe):
        if point.bits in (None, 3, 6):
            network = kind.fit(prepared, point, shift)
            assert network is not None
            assert network.bits == point.bits
            spent = kind.flips_per_mac(point, network, shift)
            assert spent == flips_per_mac(network, shift)
            assert point.budget is not None
            assert 0.9 * point.budget < spent <= point.budget


@pytest.mark.parametrize("recipe", [FULL, PLAIN])
def test_prepare_measures_what_all_points_share(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(*given: object) -> None:
        raise AssertionError("measured for a point")

    prepared, kind = prepare(small_graph(), images(16), recipe), KINDS["csd"]
    if recipe is PLAIN:
        monkeypatch.setattr(post_training, "measure", again)
    kind.prepare(prepared, 3)
    monkeypatch.setattr(post_training, "measure", again)
    for point in kind.points("csd", [6.0, 10.0], recipe)[:2]:
        assert kind.fit(prepared, point, 3) is not None


@pytest.mark.parametrize("recipe", [PLAIN, UNIFORM_WIDTHS, FULL])
def test_what_is_enough_is_enough_and_hardly_more(recipe: Recipe) -> None:
    prepared, kind = prepare(small_graph(), images(16), recipe), KINDS["csd"]
    for bits in (None,) if recipe.layer_budgets else (4, 8):
        least = min(least_flips(prepared, b, 3) for b in ([bits] if bits else WIDTHS))
        point = Point("csd", 0.001, bits)
        assert kind.fit(prepared, point, 3) is None
        enough = kind.enough(prepared, point, 3)
        assert enough is not None
        assert float(f"{enough:.3g}") == enough >= least
        assert kind.fit(prepared, replace(point, budget=enough), 3) is not None
        if enough > 1.01 * least:
            assert kind.fit(prepared, replace(point, budget=enough / 1.22), 3) is None
        else:
            assert enough < 1.01 * least


def test_what_is_enough_is_more_than_the_budget() -> None:
    """A budget that is above the least and fails all the same: the next steps are tried."""

    class Picky(Terms):
        def fit(self, prepared: Prepared, point: Point, shift: int) -> IntegerNetwork | None:
            assert point.budget is not None
            return super().fit(prepared, point, shift) if point.budget > 40 else None

    prepared = prepare(small_graph(), images(8), PLAIN)
    enough = Picky(shifts=False).enough(prepared, Point("unary", 30.0, 8), 0)
    assert enough is not None and 40 < enough <= 40 * 1.22
    assert Picky(shifts=False).enough(prepared, Point("unary", 38.0, 8), 0) == 45.6


def test_no_budget_is_enough_where_none_is() -> None:
    tried: list[float | None] = []

    class Never(Terms):
        def fit(self, prepared: Prepared, point: Point, shift: int) -> None:
            tried.append(point.budget)

    prepared = prepare(small_graph(), images(8), PLAIN)
    assert Never(shifts=False).enough(prepared, Point("unary", 2.0, 8), 0) is None
    assert tried[-1] is not None and LARGEST / 1.25 < tried[-1] <= LARGEST


@pytest.mark.parametrize("signed", [False, True])
def test_multipliers_flip_by_their_formula(signed: bool) -> None:
    prepared = prepare(small_graph(), images(16), FULL)
    kind = Multiplier(signed)
    for bits in (2, 5, 8):
        point = Point("any", None, bits)
        network = kind.fit(prepared, point, 0)
        assert network.bits == bits and network.input.bits == 8
        tensors = network.tensors
        total = 0.0
        for layer in network.layers:
            _, height, width = layer.output.shape
            assert isinstance(layer, Accumulate)
            [source] = layer.sources
            flips = mac_flips(bits, signed=signed, x_bits=tensors[source.tensor].bits)
            total += flips * source.weights.size * height * width
        assert kind.flips_per_mac(point, network, 0) == pytest.approx(total / network.macs)
        with pytest.raises(ValueError, match="no budget that could be too small"):
            kind.enough(prepared, point, 0)
