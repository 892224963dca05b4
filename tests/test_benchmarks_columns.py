"""Columns: their names, what they keep of themselves, and the budgets that they keep."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.columns import COLUMNS, post_training
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.quantise.budget import flips_per_mac, parse_budget
from pann_hw.quantise.recipe import FULL, PLAIN
from tests.quantise_graphs import Draft, images


def quantised(budget: str, encoding: str, recipe: str) -> IntegerNetwork:
    d = Draft()
    d.linear(d.relu(d.convolution(d.relu(d.convolution("x", 8)), 8)), 10)
    column = post_training(budget, encoding, recipe)
    network = column.quantise(d.graph(), Data(images(48), np.arange(48) % 10), None)
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


def test_names_and_titles() -> None:
    named = {(one.name, one.title) for one in COLUMNS.values()}
    assert {
        ("2bit-unary", "2-bit unary"),
        ("2bit-csd", "2-bit CSD"),
        ("3bit-csd", "3-bit CSD"),
        ("2bit-csd-plain", "2-bit CSD, plain recipe"),
    } <= named
    assert all(column.name == name for name, column in COLUMNS.items())
    assert len({column.title for column in COLUMNS.values()}) == len(COLUMNS)


def test_settings_tell_columns_apart_and_survive_json() -> None:
    texts = [json.dumps(column.settings, sort_keys=True) for column in COLUMNS.values()]
    assert len(set(texts)) == len(texts)
    for column in COLUMNS.values():
        assert json.loads(json.dumps(column.settings)) == column.settings
    assert COLUMNS["2bit-csd"].settings["recipe"] == asdict(FULL)
    assert COLUMNS["2bit-csd-plain"].settings["recipe"] == asdict(PLAIN)
