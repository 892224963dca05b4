"""Columns of the frontier: their names are their own, and they name themselves."""

from __future__ import annotations

import json

from benchmarks.frontier_columns import FRONTIER


def test_names_and_settings_tell_columns_apart() -> None:
    assert all(column.name == name for name, column in FRONTIER.items())
    assert len({column.label for column in FRONTIER.values()}) == len(FRONTIER)
    texts = [json.dumps(column.settings, sort_keys=True) for column in FRONTIER.values()]
    assert len(set(texts)) == len(texts)


def test_both_sides_are_there_with_training_and_without() -> None:
    sides = {(column.group, column.trains) for column in FRONTIER.values()}
    assert {("PANN", False), ("PANN", True), ("Uniform, signed MACs", True)} <= sides
    assert {("Uniform, signed MACs", False), ("Uniform, unsigned MACs", False)} <= sides
