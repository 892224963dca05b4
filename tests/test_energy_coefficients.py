"""Default coefficients: the fit, what is shipped, and estimates of a small accelerator."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from pann_hw.energy.classes import CLASSES
from pann_hw.energy.coefficients import (
    GLITCH,
    Coefficients,
    Count,
    default_coefficients,
    estimate,
    fit,
    quick,
)
from pann_hw.errors import InputError
from pann_hw.program.deployment import Deployment, deploy
from pann_hw.technology.known import TECHNOLOGIES
from tests.gate_designs import SMALL
from tests.random_networks import NetworkBuilder

__all__ = ["small"]


@cache
def small() -> tuple[Deployment, np.ndarray]:
    """Two convolutions, and float images."""
    b = NetworkBuilder(np.random.default_rng(5), (2, 4, 4), 4)
    first = b.accumulate(b.convolution("x", 3, (3, 3), padding=(1, 1)), bits=4)
    b.accumulate(b.convolution(first, 2, (1, 1)), raw=True)
    network = b.network()
    tensor = network.input
    x = (b.images - tensor.zero_point) * tensor.scale
    return deploy([network], ["csd"], SMALL), x.astype(np.float32)


def _counts(rng: np.random.Generator, number: int) -> list[Count]:
    return [Count(*(rng.uniform(1, 1000, 4) * scale).tolist()) for scale in range(1, number + 1)]


def test_a_glitch_counts_less_than_a_settled_change() -> None:
    assert Count(10, 6, 0, 0).toggles == 10 + 6 * GLITCH
    assert 0 < GLITCH < 1


@pytest.mark.parametrize("number", [2, 9])
def test_fit_finds_the_coefficients_back(number: int, rng: np.random.Generator) -> None:
    counts = _counts(rng, number)
    energies = [3.25 * count.toggles + 40.5 * count.pulses for count in counts]
    assert fit(counts, energies) == pytest.approx((3.25, 40.5))
    assert fit(counts, energies, [7e9] * number) == pytest.approx((3.25, 40.5))


def test_fit_has_the_least_squares(rng: np.random.Generator) -> None:
    counts = _counts(rng, 8)
    noise = rng.uniform(0.8, 1.2, 8)
    energies = [
        (3 * count.toggles + 40 * count.pulses) * factor
        for count, factor in zip(counts, noise, strict=True)
    ]
    wholes = rng.uniform(1e3, 1e6, 8).tolist()

    def squares(toggle: float, pulse: float, parts: list[float]) -> float:
        return sum(
            ((toggle * count.toggles + pulse * count.pulses - energy) / part) ** 2
            for count, energy, part in zip(counts, energies, parts, strict=True)
        )

    for parts, given in ((energies, None), (wholes, wholes)):
        toggle, pulse = fit(counts, energies, given)
        least = squares(toggle, pulse, parts)
        for one, other in ((1.01, 1), (0.99, 1), (1, 1.01), (1, 0.99), (1.01, 0.99)):
            assert squares(toggle * one, pulse * other, parts) > least


@pytest.mark.parametrize(
    ("counts", "energies", "wholes", "message"),
    [
        ([Count(1, 0, 1, 1)], [1.0], None, "1 counts: two coefficients need two or more"),
        ([], [], None, "0 counts"),
        ([Count(1, 0, 2, 1), Count(2, 0, 4, 9)], [1.0, 2.0], None, "of different ratios"),
        ([Count(1, 0, 0, 1), Count(2, 0, 0, 9)], [1.0, 2.0], None, "of different ratios"),
        ([Count(1, 0, 2, 1), Count(2, 0, 1, 9)], [1.0], None, "2 counts, 1 energies"),
        ([Count(1, 0, 2, 1), Count(2, 0, 1, 9)], [1.0, 0.0], None, "must be above 0"),
        ([Count(1, 0, 2, 1), Count(2, 0, 1, 9)], [1.0, 2.0], [3.0], "1 wholes"),
    ],
)
def test_bad_data_for_a_fit(
    counts: list[Count], energies: list[float], wholes: list[float] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit(counts, energies, wholes)


def test_every_known_technology_has_coefficients() -> None:
    for name in TECHNOLOGIES:
        found = default_coefficients(name)
        assert found.technology == name
        assert min(found.toggle, found.pulse, found.leakage, found.area) > 0
        # Clocking a flip-flop costs more than changing a pin.
        assert found.pulse > found.toggle


def test_unknown_technology() -> None:
    deployment, x = small()
    for call in (lambda: default_coefficients("tsmc"), lambda: estimate(deployment, "tsmc", x)):
        with pytest.raises(InputError, match="'tsmc': must be one of sky130, sg13g2, asap7"):
            call()


def test_an_estimate_is_the_sum_of_what_is_counted() -> None:
    deployment, x = small()
    coefficients = [Coefficients("sky130", *row) for row in np.eye(4).tolist()]
    toggle, pulse, leakage, area = (
        estimate(deployment, "sky130", x, coefficients=one, clock=1e6) for one in coefficients
    )
    for found in (toggle, pulse, leakage, area):
        # PyTorch's outputs, in the predicted cycles.
        assert found.mismatches == 0 and found.images == len(x)
        assert tuple(item.name for item in found.classes) == CLASSES
        assert found.cells > found.flip_flops > found.clock_gates > 0
    assert all(item.logic > 0 or item.name == "pooling" for item in toggle.classes)
    assert toggle.dynamic == sum(item.logic for item in toggle.classes)
    assert all(item.glitch_factor >= 1 for item in toggle.classes)
    lanes = toggle.classes[CLASSES.index("lanes")]
    assert lanes.glitch_factor > 1.1
    # No flip-flop has more than a pulse a cycle, some have fewer, some have all.
    clocked = pulse.flip_flops + pulse.clock_gates
    assert 0.05 * clocked * pulse.cycles < pulse.energy < 0.6 * clocked * pulse.cycles
    assert leakage.leakage_power == pytest.approx(area.area)
    # 1 nW for each NAND2, 1 us a cycle.
    assert leakage.energy == pytest.approx(area.area * leakage.cycles)
    assert leakage.power(7.0) == pytest.approx(area.area * 1e-9)
    assert toggle.power(7.0) == pytest.approx(toggle.energy * 7e-15)
    both = estimate(deployment, "sky130", x, coefficients=Coefficients("sky130", 2, 3, 4, 5))
    assert both.dynamic == pytest.approx(2 * toggle.dynamic + 3 * pulse.dynamic)
    assert both.area == pytest.approx(5 * area.area)
    assert both.memory_energy > 0


def test_without_clock_gates_every_flip_flop_has_every_pulse() -> None:
    deployment, x = small()
    one = Coefficients("sky130", 0, 1, 0, 0)
    found = estimate(deployment, "sky130", x[:1], clock_gating=False, coefficients=one)
    assert found.clock_gates == 0 and found.mismatches == 0
    assert found.energy == pytest.approx(found.flip_flops * found.cycles, rel=0.01)


def test_quick_is_the_estimate_of_the_first_image() -> None:
    deployment, x = small()
    for name in ("sky130", "asap7"):
        assert quick(deployment, name, x) == estimate(deployment, name, x[:1])
