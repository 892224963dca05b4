"""Tables of cells: each figure in its place, gaps, and Markdown."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.accuracy_tables import Table, accuracy_tables, cost_tables, markdown
from benchmarks.columns import COLUMNS
from benchmarks.networks import NETWORKS
from pann_hw.quantise.quality import Quality
from tests.benchmark_data import CELL, cells_of

PAIR = [NETWORKS["resnet8"], NETWORKS["autoencoder"]]
CSD = COLUMNS["2bit-csd"]
OTHER = replace(CSD, name="4bit", title="4-bit", group="uniform")


def test_accuracies_by_group() -> None:
    cells = cells_of([("resnet8", "2bit-csd"), ("resnet8", "4bit")])
    cells["autoencoder", "4bit"] = replace(
        CELL, network="autoencoder", float_accuracy=None, quality=Quality(None, 0.9, 0.00174)
    )
    first, second = accuracy_tables(cells, PAIR, [CSD, OTHER])
    assert first.title.startswith("PANN: accuracy %")
    assert second.title.startswith("uniform: accuracy %")
    assert first.headings == ("network", "float", "2-bit CSD")
    assert second.headings == ("network", "float", "4-bit")
    assert list(first.rows) == [
        ("ResNet-8", "88.00", "87.50 / 97.15"),
        ("Autoencoder", "-", "-"),
    ]
    assert second.rows[1] == ("Autoencoder", "-", "0.17")


def test_float_accuracies_that_differ_are_all_shown() -> None:
    cells = cells_of([("resnet8", "2bit-csd"), ("resnet8", "4bit")])
    cells["resnet8", "4bit"] = replace(CELL, column="4bit", float_accuracy=0.8761)
    (table,) = accuracy_tables(cells, PAIR[:1], [CSD, replace(OTHER, group=CSD.group)])
    assert table.rows[0][1] == "87.61 or 88.00"


def test_costs_by_network() -> None:
    (table,) = cost_tables(cells_of([("resnet8", "2bit-csd")]), PAIR, [CSD, OTHER])
    assert table.title.startswith("ResNet-8")
    assert dict(zip(table.headings, table.rows[0], strict=True)) == {
        "column": "PANN: 2-bit CSD",
        "bx": "5.69",
        "R": "3.27",
        "flips/MAC": "10.00",
        "output error %": "0.72",
        "seconds": "11.2",
        "CPU seconds": "10.5",
        "peak MB": "871",
    }
    assert len(table.rows) == 1


def test_markdown() -> None:
    text = markdown([Table("One", ("a", "b"), [("x", "1"), ("y", "2")]), Table("Two", ("c",), [])])
    assert text.split("\n") == [
        "One", "", "| a | b |", "| --- | ---: |", "| x | 1 |", "| y | 2 |", "",
        "Two", "", "| c |", "| --- |", "",
    ]  # fmt: skip
