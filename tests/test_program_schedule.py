"""The rails' streams: following their advances gives back the weights."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.terms import encode
from pann_hw.program.layout import term_fields, unpack_array
from pann_hw.program.schedule import rail_streams

LANES = [("csd", 2, 0), ("csd", 2, 3), ("unary", 2, 0), ("unary", 1, 0)]


def random_windows(rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Weights under 0 to 3 taps of each window; long stretches of windows without any."""
    windows: list[tuple[int, ...]] = []
    for _ in range(int(rng.integers(1, 40))):
        if rng.random() < 0.2:
            windows += [()] * int(rng.integers(1, 30))
        taps = int(rng.integers(1, 4))
        windows.append(tuple(int(w) for w in np.rint(rng.laplace(0, 1.5, taps))))
    return windows


def decoded(
    streams: tuple[np.ndarray, ...], config: AcceleratorConfig
) -> list[list[dict[str, int]]]:
    """Each rail's terms with the window that each reaches, followed one by one."""
    rails = []
    for stream in streams:
        fields = unpack_array(term_fields(config), stream)
        terms, window = [], 0
        for index in range(len(stream)):
            term = {name: int(values[index]) for name, values in fields.items()}
            window += term["advance"]
            terms.append(term | {"window": window})
        rails.append(terms)
    return rails


@pytest.mark.parametrize("slots", [2, 4, 8])
@pytest.mark.parametrize(("lane", "rails", "max_shift"), LANES)
def test_terms_give_back_the_weights(
    lane: str, rails: int, max_shift: int, slots: int, rng: np.random.Generator
) -> None:
    config = AcceleratorConfig(lane=lane, rails=rails, window_slots=slots)
    for _ in range(40):
        weights = random_windows(rng)
        found = [[0] * len(window) for window in weights]
        count = 0
        for rail, terms in enumerate(decoded(rail_streams(weights, config, max_shift), config)):
            assert all(term["advance"] < slots for term in terms)
            assert [term["last"] for term in terms] == [0] * (len(terms) - 1) + [1]
            for term in terms:
                # A term that adds nothing only moves on, and is not followed by nothing.
                assert term["add"] or term["advance"] == slots - 1 or len(terms) == 1
                if term["add"]:
                    negative = rail == 1 or term.get("subtract", 0)
                    value = 1 << term.get("shift", 0)
                    found[term["window"]][term["offset"]] += -value if negative else value
                    count += 1
            assert terms[-1]["add"] or len(terms) == 1
        assert [tuple(window) for window in found] == weights
        assert count == sum(len(encode(w, max_shift)) for window in weights for w in window)


@pytest.mark.parametrize(("lane", "rails", "max_shift"), LANES)
def test_terms_of_one_operand_stay_together(
    lane: str, rails: int, max_shift: int, rng: np.random.Generator
) -> None:
    config = AcceleratorConfig(lane=lane, rails=rails)
    for terms in decoded(rail_streams(random_windows(rng), config, max_shift), config):
        keys = [(t["window"], t.get("subtract", 0), t["offset"]) for t in terms if t["add"]]
        assert keys == sorted(keys)


@pytest.mark.parametrize(("lane", "rails", "max_shift"), LANES)
@pytest.mark.parametrize("weights", [[], [()], [(0, 0, 0)] * 20])
def test_no_weights_are_one_idle_term(
    lane: str, rails: int, max_shift: int, weights: list[tuple[int, ...]]
) -> None:
    config = AcceleratorConfig(lane=lane, rails=rails)
    streams = rail_streams(weights, config, max_shift)
    assert len(streams) == rails
    for terms in decoded(streams, config):
        assert terms == [{name: int(name == "last") for name in terms[0]}]
