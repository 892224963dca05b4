"""Digests: the same for the same values in every process, another for any difference."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import pann_hw
from pann_hw.quantise.recipe import FULL, PLAIN
from pann_hw.sweep import key
from pann_hw.sweep.key import digest, versions
from tests.sweep_problems import small_graph

DIFFERENT: list[object] = [
    None, False, 0, 0.0, -0.0, "", "0", 1, 1.0, "ab", ("a", "b"), ["a", ("b",)], (), ((),),
    {"a": 1}, {"a": "1"}, {"b": 1}, {"a": 1, "b": None}, PLAIN, FULL, replace(FULL, thrift=0.2),
    np.zeros(4, np.float32), np.zeros(4, np.float64), np.zeros((2, 2), np.float32),
    np.zeros(4, np.int32), np.array([0, 0, 0, -0.0], np.float32), np.float64(0.0), np.int64(0),
]  # fmt: skip


def test_whatever_differs_has_another_digest() -> None:
    found = [digest(value) for value in DIFFERENT]
    assert len(set(found)) == len(DIFFERENT)
    assert digest("a", "b") != digest("ab") != digest("ab", None)


def test_equal_values_have_one_digest() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) == digest((1, 2))
    x = torch.arange(6.0).view(2, 3)
    assert digest(x) == digest(x.numpy()) == digest(x.T.contiguous().T)
    assert digest(small_graph()) == digest(small_graph())


def test_any_bit_of_a_network_counts() -> None:
    graph = small_graph()
    before = digest(graph)
    weight = graph.nodes[0].weight  # type: ignore[attr-defined]
    weight.view(torch.int32)[1, 1, 1, 1] ^= 1
    assert digest(graph) != before
    weight.view(torch.int32)[1, 1, 1, 1] ^= 1
    assert digest(graph) == before
    assert digest(replace(graph, output_name="x")) != before


def test_classes_of_equal_fields_differ() -> None:
    @dataclass
    class One:
        value: int

    @dataclass
    class Other:
        value: int

    assert digest(One(1)) != digest(Other(1))


@pytest.mark.parametrize("value", [object(), np.array([None]), {1, 2}, int])
def test_what_has_no_digest(value: object) -> None:
    with pytest.raises(TypeError):
        digest(value)


def test_another_process_gives_the_same() -> None:
    code = (
        "from tests.sweep_problems import small_problem; from pann_hw.sweep.key import digest\n"
        "from pann_hw.sweep.point import Point\n"
        "print(small_problem().key(Point('csd', 10.0, 4)))"
    )
    from pann_hw.sweep.point import Point
    from tests.sweep_problems import small_problem

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == small_problem().key(Point("csd", 10.0, 4))


def test_versions_name_the_sources_that_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert set(versions()) == {"pann_hw", "sources", "torch", "numpy"}
    assert all(type(value) is str for value in versions().values())
    for place in ("quantise/search.py", "integer/run.py", "network/graph.py", "sweep/kinds.py",
                  "power/formulas.py"):  # fmt: skip
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("a = 1\n")
    (tmp_path / "__init__.py").touch()
    monkeypatch.setattr(pann_hw, "__file__", str(tmp_path / "__init__.py"))

    def sources() -> str:
        key.versions.cache_clear()
        return versions()["sources"]

    request.addfinalizer(key.versions.cache_clear)
    before = sources()
    (tmp_path / "quantise/notes.txt").write_text("no source")
    assert sources() == before
    (tmp_path / "quantise/search.py").write_text("a = 2\n")
    changed = sources()
    assert changed != before
    (tmp_path / "quantise/search.py").rename(tmp_path / "quantise/find.py")
    assert sources() not in (before, changed)
