"""Bundles of terms: following them gives back the weights, within reach of what is buffered."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.program.encoding import Encoding, Shifts, create_encoding, multiples
from pann_hw.program.layout import NO_TERM, ahead_bits, bundle_fields, unpack
from pann_hw.program.schedule import Term, WeightWindow, bundles

LANES = [
    ("csd", "unary"),
    ("csd", "csd"),
    ("unary", "unary"),
    ("mac", "sparse"),
    ("signed_mac", "dense"),
]
"""Kinds, and the encoding of their weights."""

SIZES = [(1, 4), (2, 4), (2, 8), (4, 8), (4, 16)]
"""Banks and window slots."""

CONFIGS = [
    (
        AcceleratorConfig(
            lane=lane, rails=rails, terms_per_rail=terms, banks=banks, window_slots=slots,
            multiplier_width=3, accumulator="signed",
        ),
        name,
    )
    for (lane, name), rails, terms, (banks, slots) in product(LANES, (1, 2), (1, 2), SIZES)
]  # fmt: skip
IDS = [
    f"{c.lane} {name} {c.rails}x{c.terms_per_rail} {c.banks}/{c.window_slots}"
    for c, name in CONFIGS
]
ENCODED = [(config, create_encoding(config, name)) for config, name in CONFIGS]


def room(config: AcceleratorConfig) -> int:
    """Windows that can be there without the next group, which is fetched as a whole."""
    return config.window_slots - config.banks + 1


def random_windows(rng: np.random.Generator) -> list[WeightWindow]:
    """Weights under 0 to 3 taps of each window; long stretches of windows without any."""
    windows: list[WeightWindow] = []
    for _ in range(int(rng.integers(1, 30))):
        if rng.random() < 0.2:
            windows += [()] * int(rng.integers(1, 30))
        first, taps = int(rng.integers(0, 3)), int(rng.integers(1, 4))
        weights = np.rint(rng.laplace(0, 1.5, taps)).astype(int).tolist()
        windows.append(tuple(enumerate(weights[: 3 - first], first)))
    return windows


def decoded(packed: np.ndarray, config: AcceleratorConfig) -> list[tuple[int, list[Term | None]]]:
    """Of each bundle the window that it reaches, and the term at each place."""
    fields, window, found = bundle_fields(config), 0, []
    for number, word in enumerate(packed.tolist()):
        record = unpack(fields, word)
        window += record["advance"]
        assert record["last"] == int(number == len(packed) - 1)
        terms: list[Term | None] = []
        for place in range(config.terms):
            offset, ahead = record[f"offset{place}"], record[f"ahead{place}"]
            factor = record.get(f"factor{place}", 0)
            term = (window + ahead, offset, factor, bool(record[f"negative{place}"]))
            terms.append(None if offset == NO_TERM else term)
        found.append((window, terms))
    return found


def expected_terms(weights: list[WeightWindow], encoding: Encoding) -> list[Term]:
    return [
        (window, offset, factor, negative)
        for window, taps in enumerate(weights)
        for offset, weight in taps
        for factor, negative in encoding.terms(weight)
    ]


@pytest.mark.parametrize(("config", "encoding"), ENCODED, ids=IDS)
def test_terms_give_back_the_weights(
    config: AcceleratorConfig, encoding: Encoding, rng: np.random.Generator
) -> None:
    for _ in range(12):
        weights = random_windows(rng)
        found = [dict.fromkeys(dict(window), 0) for window in weights]
        terms = [t for _, there in decoded(bundles(weights, config, encoding), config)
                 for t in there if t is not None]  # fmt: skip
        for window, offset, factor, negative in terms:
            multiple = multiples(config, np.array(factor), np.array(negative, int))
            found[window][offset] += int(multiple)
        assert [tuple(window.items()) for window in found] == [tuple(w) for w in weights]
        assert sorted(terms) == sorted(expected_terms(weights, encoding))


@pytest.mark.parametrize(("config", "encoding"), ENCODED, ids=IDS)
def test_bundles_are_within_reach(
    config: AcceleratorConfig, encoding: Encoding, rng: np.random.Generator
) -> None:
    """A core never waits for a window that is not fetched before it moves on."""
    for _ in range(12):
        weights = random_windows(rng)
        before, empty = 0, 0
        packed = decoded(bundles(weights, config, encoding), config)
        for window, terms in packed:
            there = [term[0] for term in terms if term is not None]
            assert max([window, *there]) - before < room(config)
            assert all(0 <= found - window < 2 ** ahead_bits(config) for found in there)
            # One that adds nothing moves on, unless there is nothing to do at all.
            assert there or window > before or len(packed) == 1
            empty += not there
            before = window
        assert before < len(weights) <= before + config.window_slots
        assert empty <= 1 + len(weights) // config.banks


@pytest.mark.parametrize(("config", "encoding"), ENCODED, ids=IDS)
def test_every_cycle_takes_what_it_can(
    config: AcceleratorConfig, encoding: Encoding, rng: np.random.Generator
) -> None:
    """No place is empty, and none has the other rail's sign, while a term for it is in reach."""
    reach = min(1 << ahead_bits(config), room(config), max(2, config.window_slots // 4))
    for _ in range(12):
        weights = random_windows(rng)
        left = expected_terms(weights, encoding)
        for window, terms in decoded(bundles(weights, config, encoding), config):
            if not any(terms):
                continue
            assert window == left[0][0]
            for term in terms:
                if term is not None:
                    left.remove(term)
            near = [term for term in left if term[0] < window + reach]
            for place, found in enumerate(terms):
                negative = config.rails == 2 and place % 2 == 1
                assert found is not None or not near
                if found is None or found[3] != negative:
                    assert not any(term[3] == negative for term in near)
        assert left == []


@pytest.mark.parametrize(("config", "encoding"), ENCODED, ids=IDS)
def test_terms_of_one_operand_stay_together(
    config: AcceleratorConfig, encoding: Encoding, rng: np.random.Generator
) -> None:
    """Terms of a sign come in the order of their operands."""
    for _ in range(6):
        packed = decoded(bundles(random_windows(rng), config, encoding), config)
        for negative in (False, True):
            cycles = [[t[:2] for t in terms if t and t[3] == negative] for _, terms in packed]
            keys = [key for cycle in cycles for key in sorted(cycle)]
            assert keys == sorted(keys)


@pytest.mark.parametrize(("config", "encoding"), ENCODED, ids=IDS)
def test_no_weights_are_one_empty_bundle(config: AcceleratorConfig, encoding: Encoding) -> None:
    zeros: list[WeightWindow] = [((1, 0),)] * config.window_slots
    for weights in ([()], [()] * 2 if encoding.terms(0) else zeros):
        (found,) = decoded(bundles(weights, config, encoding), config)
        assert found[1] == [None] * config.terms
    longer: list[WeightWindow] = [()] * (3 * config.window_slots + 1)
    packed = decoded(bundles(longer, config, encoding), config)
    assert not any(any(terms) for _, terms in packed)
    assert packed[-1][0] >= len(longer) - config.window_slots


def test_bundles_by_hand() -> None:
    """Weights 2, -1 | 3 on two rails of unary terms: the second rail helps when it has none."""
    config = AcceleratorConfig(lane="unary", rails=2, banks=1, window_slots=4)
    packed = bundles([((0, 2), (1, -1)), ((1, 3),)], config, Shifts(0))
    plus, minus, next_plus = (0, 0, 0, False), (0, 1, 0, True), (1, 1, 0, False)
    assert decoded(packed, config) == [
        (0, [plus, minus]),
        (0, [plus, next_plus]),
        (1, [next_plus, next_plus]),
    ]


UNSIGNED = [
    AcceleratorConfig(
        lane=lane, rails=1, terms_per_rail=terms, banks=banks, window_slots=slots,
        accumulator="unsigned",
    )
    for lane in ("csd", "mac")
    for terms in (1, 2)
    for banks, slots in SIZES
]  # fmt: skip


@pytest.mark.parametrize("config", UNSIGNED, ids=lambda c: f"{c.lane}-{c.terms}-{c.window_slots}")
def test_unsigned_accumulators_turn_seldom(
    config: AcceleratorConfig, rng: np.random.Generator
) -> None:
    """The weights come back; a bundle has one sign; signs change once a group of windows."""
    encoding = create_encoding(config, "csd" if config.lane == "csd" else "sparse")
    reach = min(room(config), 3 * config.window_slots // 4)
    for _ in range(12):
        weights = random_windows(rng)
        packed = decoded(bundles(weights, config, encoding), config)
        there = [[term for term in terms if term is not None] for _, terms in packed]
        found = [term for terms in there for term in terms]
        assert sorted(found) == sorted(expected_terms(weights, encoding))
        signs = [{term[3] for term in terms} for terms in there if terms]
        assert all(len(sign) == 1 for sign in signs)
        turns = sum(one != other for one, other in pairwise(signs))
        assert turns <= -(-len(weights) // reach)
        # What the last bundle leaves is not negated.
        assert not there[-1] or not there[-1][0][3]
        before = 0
        for (window, _), terms in zip(packed, there, strict=True):
            assert max([window, *(term[0] for term in terms)]) - before < room(config)
            before = window
        assert before < len(weights) <= before + config.window_slots
