"""Accelerators that are candidates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.machine.cycles import CyclePredictor
from pann_hw.machine.interpret import execute
from pann_hw.sizing.hardware import Hardware, candidates, deployed
from pann_hw.sizing.points import Points, Products
from tests.sizing import small_points


@pytest.fixture(scope="module")
def points() -> Points:
    return small_points()


def network(points: Points, budget: float) -> IntegerNetwork:
    point = points.point(points.additions(budget))
    assert point is not None
    return point.network


def test_deployed(points: Points) -> None:
    wanted = network(points, 10.0)
    deployment, cycles = deployed(wanted, Hardware("csd", 8, 2))
    config = deployment.config
    assert (config.lane, config.lanes, config.cores) == ("csd", 8, 2)
    assert config.rails == 1
    assert config.unsigned
    assert CyclePredictor(deployment.image).schedules(0, [[]])[0].cycles == cycles
    stored = [tensor.bits for name, tensor in wanted.tensors.items()][:-1]
    assert config.operand_width == max(stored)
    inputs = np.zeros((1, *wanted.input.shape), np.uint8)
    assert execute(deployment.programs[0], inputs) is not None


def test_lanes_that_multiply(points: Points) -> None:
    point = points.point(Products(4))
    assert point is not None
    config = deployed(point.network, Hardware("mac", 8, 1), 4)[0].config
    assert (config.lane, config.multiplier_width, config.operand_width) == ("mac", 4, 4)


def test_hardware_is_kept_where_it_suits(points: Points) -> None:
    hardware = Hardware("csd", 8, 1)
    first = deployed(network(points, 20.0), hardware)[0].config
    near = network(points, 19.0)
    own = deployed(near, hardware)[0].config
    assert deployed(near, hardware, before=first)[0].config == first
    # Far too large a memory, or one that is too small, is not kept.
    wide = replace(first, term_words=8 * first.term_words)
    assert deployed(near, hardware, before=wide)[0].config == own
    narrow = replace(first, term_words=16)
    assert deployed(near, hardware, before=narrow)[0].config == own
    other = replace(first, cores=2)
    assert deployed(near, hardware, before=other)[0].config == own


def test_candidates() -> None:
    found = candidates(["csd", "mac"], [16, 8], [2, 1], 3)
    assert [(one.lanes, one.cores) for one in found[:4]] == [(8, 1), (8, 2), (16, 1), (16, 2)]
    assert [one.kind for one in found] == ["csd"] * 4 + ["mac"] * 4


@pytest.mark.parametrize(
    ("lanes", "cores", "shift", "message"),
    [([7], [1], 3, "lanes = 7"), ([8], [17], 3, "cores = 17"), ([8], [1], 2, "max_shift = 2")],
)
def test_refused(lanes: list[int], cores: list[int], shift: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        candidates(["csd"], lanes, cores, shift)
