"""Columns: their names, what they keep of themselves, and the budgets that they keep."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.columns import COLUMNS, Column, post_training, trained, uniform
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import flips_per_mac, mac_flips, parse_budget
from pann_hw.quantise.quality import float_outputs, quality
from pann_hw.quantise.recipe import FULL, PLAIN
from pann_hw.quantise.training import Schedule
from pann_hw.quantise.uniform import weight_limits
from tests.quantise_graphs import Draft, images

LONGER = Schedule(epochs=8, rate=1e-2)


def graph() -> FloatGraph:
    d = Draft()
    d.linear(d.relu(d.convolution(d.relu(d.convolution("x", 8)), 8)), 10)
    return d.graph()


def made(column: Column) -> IntegerNetwork:
    x = images(320, 2)
    training = Data(x, float_outputs(graph(), x).argmax(1)) if column.trains else None
    return column.quantise(graph(), Data(images(48), np.arange(48) % 10), training)


def quantised(budget: str, encoding: str, recipe: str) -> IntegerNetwork:
    column = post_training(budget, encoding, recipe)
    network = made(column)
    flips = column.flips(network)
    assert 0.9 * parse_budget(budget) < flips <= parse_budget(budget)
    assert flips == flips_per_mac(network, 3 if encoding == "csd" else 0)
    return network


def widths(network: IntegerNetwork) -> set[int]:
    return {layer.output.bits for layer in network.layers[:-1] if isinstance(layer, Accumulate)}


@pytest.mark.parametrize("budget", ["2bit", "3bit"])
@pytest.mark.parametrize("encoding", ["unary", "csd"])
def test_budget_is_kept(budget: str, encoding: str) -> None:
    assert quantised(budget, encoding, "full").bits is None  # widths of their own


def test_recipe_is_the_named_one() -> None:
    network = quantised("2bit", "csd", "plain")
    assert widths(network) == {network.bits}


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [2, 5])
def test_uniform_weights_are_in_range_and_the_input_has_8_bits(bits: int, signed: bool) -> None:
    column = uniform(bits, signed=signed)
    network = made(column)
    limits = weight_limits(bits, signed=signed)
    assert network.input.bits == 8 and widths(network) == {bits}
    for layer in network.layers:
        assert isinstance(layer, Accumulate)
        (source,) = layer.sources
        assert limits[0] <= source.weights.min() and source.weights.max() <= limits[1]
    # Between MACs of equal widths, and those that read the input.
    low, high = mac_flips(bits, signed=signed), mac_flips(bits, signed=signed, x_bits=8)
    assert low < column.flips(network) < high


@pytest.mark.parametrize("encoding", ["unary", "csd"])
def test_training_keeps_the_budget_and_brings_the_outputs_closer(encoding: str) -> None:
    column = trained("2bit", encoding)
    start, network = made(post_training("2bit", encoding, "plain")), made(column)
    assert 5 < column.flips(network) <= 10
    x = images(500, 3)
    wanted = float_outputs(graph(), x)
    assert quality(network, x, None, wanted).error < quality(start, x, None, wanted).error


def test_names_and_titles() -> None:
    named = {(one.name, one.title) for one in COLUMNS.values()}
    assert {
        ("2bit-unary", "2-bit unary"),
        ("2bit-csd", "2-bit CSD"),
        ("3bit-csd", "3-bit CSD"),
        ("2bit-csd-trained", "2-bit CSD, trained"),
        ("2bit-csd-plain", "2-bit CSD, plain recipe"),
    } <= named
    assert all(column.name == name for name, column in COLUMNS.items())
    assert COLUMNS["unsigned-4bit"].label == "Uniform, unsigned MACs: 4-bit"
    assert len({column.label for column in COLUMNS.values()}) == len(COLUMNS)


def test_settings_tell_columns_apart() -> None:
    texts = [json.dumps(column.settings, sort_keys=True) for column in COLUMNS.values()]
    assert len(set(texts)) == len(texts)
    assert COLUMNS["2bit-csd"].settings["recipe"] == asdict(FULL)
    assert COLUMNS["2bit-csd-plain"].settings["recipe"] == asdict(PLAIN)


def test_columns_for_lanes_of_some_width() -> None:
    narrow = post_training("8", "csd", widest=3)
    assert (narrow.name, narrow.title) == ("8-csd-x3", "P = 8 CSD, bx <= 3")
    assert narrow.settings["widest"] == 3
    network = made(narrow)
    assert max(widths(network)) <= 3 and network.input.bits <= 8
    assert narrow.flips(network) <= 8
    free = post_training("8", "csd")
    assert "widest" not in free.settings and free.name == "8-csd"


def test_training_with_narrow_activations() -> None:
    column = trained("6", "csd", 4)
    assert (column.name, column.title) == ("6-csd-x4-trained", "P = 6 CSD, bx <= 4, trained")
    network = made(column)
    assert 3 < column.flips(network) <= 6
    assert max(widths(network)) <= 4


def test_trained_multipliers_of_unequal_widths() -> None:
    column = uniform(2, signed=True, activation_bits=5, schedule=LONGER)
    assert (column.name, column.title) == ("signed-2x5bit-trained", "2 x 5 bits, trained")
    assert column.trains and column.settings["activation_bits"] == 5
    assert column.settings["schedule"] == asdict(LONGER)
    start, network = made(uniform(2, signed=True, activation_bits=5)), made(column)
    assert network.input.bits == 8 and widths(network) == {5}
    x = images(500, 3)
    wanted = float_outputs(graph(), x)
    classes = wanted.argmax(1)
    errors = [1 - (quality(one, x, classes, wanted).accuracy or 0) for one in (start, network)]
    assert errors[1] < errors[0]
