"""Encodings: terms that stand for the weight, as few as the lane can do with."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.terms import term_count
from pann_hw.program.encoding import create_encoding, encoding_names, multiples

CONFIGS = [
    AcceleratorConfig(lane="unary"),
    *(AcceleratorConfig(lane="csd", max_shift=shift) for shift in (1, 3, 7)),
    *(
        AcceleratorConfig(lane=lane, multiplier_width=width)
        for lane in ("mac", "signed_mac")
        for width in range(2, 9)
    ),
]
CASES = [(config, name) for config in CONFIGS for name in encoding_names(config)]
IDS = [f"{c.lane} {c.multiplier_width or c.shift} {name}" for c, name in CASES]


def limits(config: AcceleratorConfig) -> tuple[int, int]:
    """The least and the largest weight of one term of a lane that multiplies."""
    width = config.multiplier_width or 0
    if config.lane == "mac":
        return 1 - 2**width, 2**width - 1
    return -(2 ** (width - 1)), 2 ** (width - 1) - 1


@pytest.mark.parametrize(("config", "name"), CASES, ids=IDS)
def test_terms_add_up_to_the_weight(config: AcceleratorConfig, name: str) -> None:
    encoding = create_encoding(config, name)
    for weight in range(-300, 301):
        terms = encoding.terms(weight)
        factors = np.array([factor for factor, _ in terms], np.int64)
        negative = np.array([sign for _, sign in terms], np.int64)
        assert ((factors >= 0) & (factors < 1 << max(config.factor_bits, 1))).all()
        assert multiples(config, factors, negative).sum() == weight


@pytest.mark.parametrize(("config", "name"), CASES, ids=IDS)
def test_terms_are_as_few_as_can_be(config: AcceleratorConfig, name: str) -> None:
    encoding = create_encoding(config, name)
    weights = np.arange(-300, 301)
    if not config.multiplies:
        shift = config.shift if name == "csd" else 0
        assert encoding.count(weights) == term_count(weights, shift)
        return
    least, largest = limits(config)
    for weight in weights.tolist():
        expected = -(-weight // largest) if weight > 0 else -(weight // -least)
        if weight == 0:
            expected = int(name == "dense")
        assert len(encoding.terms(weight)) == expected, weight
    assert encoding.count(weights) == sum(len(encoding.terms(int(w))) for w in weights)
    assert all(len(encoding.terms(weight)) == 1 for weight in (least, largest))


def test_signed_factors_by_hand() -> None:
    encoding = create_encoding(AcceleratorConfig(lane="signed_mac", multiplier_width=3), "dense")
    assert encoding.terms(0) == ((0, False),)
    assert encoding.terms(3) == ((3, False),)
    assert encoding.terms(-4) == ((0, True),)
    assert encoding.terms(-1) == ((3, True),)
    assert encoding.terms(7) == ((3, False), (3, False), (1, False))


def test_lanes_have_encodings_of_their_own() -> None:
    with pytest.raises(InputError, match="encoding 'csd': must be one of sparse, dense for lanes"):
        create_encoding(AcceleratorConfig(lane="mac"), "csd")
    with pytest.raises(InputError, match="encoding 'dense': must be one of csd, unary for lanes"):
        create_encoding(AcceleratorConfig(), "dense")
