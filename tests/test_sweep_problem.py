"""One point made: its figures against the search's, and keys of all that decides them."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.integer.run import predict
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import flips_per_mac, mean_additions
from pann_hw.quantise.recipe import FULL, PLAIN
from pann_hw.quantise.search import search
from pann_hw.sweep.point import Point
from pann_hw.sweep.problem import Problem, make, workbench
from tests.quantise_graphs import Draft, images
from tests.sweep_problems import small_problem


@pytest.mark.parametrize("encoding", ["unary", "csd"])
def test_figures_are_the_searchs_where_data_are_the_same(encoding: str) -> None:
    problem = small_problem()
    problem = replace(problem, calibration=problem.test.x)
    shift = 3 if encoding == "csd" else 0
    candidates = search(problem.graph, problem.test.x, problem.test.y, 10.0, shift)
    bench = workbench(problem, encoding)
    for wanted in candidates[::3]:
        outcome, network = make(bench, Point(encoding, 10.0, int(wanted.bits)))
        found = outcome.figures
        assert found is not None and network is not None and outcome.enough is None
        assert (found.bx, found.R) == (wanted.bits, wanted.additions)
        assert (found.accuracy, found.agreement, found.error) == (
            wanted.accuracy, wanted.agreement, wanted.error,
        )  # fmt: skip
        assert found.flips_per_mac == wanted.flips_per_mac
        assert found.flips == pytest.approx(found.flips_per_mac * network.macs)
        assert found.seconds > 0


def test_figures_are_of_the_test_images() -> None:
    problem = small_problem(FULL)
    outcome, network = make(workbench(problem, "csd"), Point("csd", 6.0, None))
    assert network is not None and outcome.figures is not None
    classes = predict(network, problem.test.x)
    assert outcome.figures.accuracy == (classes == problem.test.y).mean()
    assert outcome.figures.agreement == (classes == problem.wanted.argmax(1)).mean()
    assert outcome.figures.flips_per_mac == flips_per_mac(network, 3) <= 6
    assert mean_additions(network) == outcome.figures.R
    assert all(
        type(getattr(outcome.figures, f.name)) in (int, float) for f in fields(outcome.figures)
    )


def test_a_budget_that_is_too_small() -> None:
    outcome, network = make(workbench(small_problem(), "unary"), Point("unary", 0.001, 8))
    assert network is None and outcome.figures is None
    assert outcome.enough is not None and outcome.enough > 0.001


def test_unlabelled_images_have_no_accuracy() -> None:
    problem = small_problem(labels=False)
    outcome, _ = make(workbench(problem, "mac-signed"), Point("mac-signed", None, 6))
    assert outcome.figures is not None and outcome.figures.accuracy is None


def test_pickled_benches_make_the_same() -> None:
    bench = workbench(small_problem(FULL), "csd")
    point = Point("csd", 6.0, None)
    (one, _), (other, _) = make(bench, point), make(pickle.loads(pickle.dumps(bench)), point)
    assert one.figures is not None and other.figures is not None
    assert replace(one.figures, seconds=0) == replace(other.figures, seconds=0)


def test_nothing_to_quantise() -> None:
    d = Draft()
    d.max_pool("x")
    problem = replace(small_problem(), graph=d.graph())
    with pytest.raises(InputError, match="nothing to quantise"):
        workbench(problem, "csd")


def changed(graph: FloatGraph) -> FloatGraph:
    graph.nodes[0].bias[0] += 1  # type: ignore[attr-defined]
    return graph


def test_keys_differ_with_whatever_decides() -> None:
    problem, point = small_problem(), Point("csd", 10.0, 4)
    y = problem.test.y
    assert y is not None
    x = problem.test.x.copy()
    x[3, 1, 2, 2] = np.nextafter(x[3, 1, 2, 2], np.float32(9))
    others: list[tuple[Problem, Point]] = [
        (problem, Point("unary", 10.0, 4)),
        (problem, Point("csd", 10.5, 4)),
        (problem, Point("csd", 10.0, 5)),
        (problem, Point("csd", 10.0, None)),
        (replace(problem, recipe=replace(PLAIN, clip="none")), point),
        (replace(problem, max_shift=4), point),
        (replace(problem, calibration=images(23)), point),
        (replace(problem, calibration=problem.calibration[::-1].copy()), point),
        (replace(problem, test=Data(x, y)), point),
        (replace(problem, test=Data(problem.test.x, (y + 1) % 5)), point),
        (replace(problem, test=Data(problem.test.x)), point),
        (replace(problem, graph=changed(small_problem().graph)), point),
    ]
    keys = [problem.key(point), *(one.key(other) for one, other in others)]
    assert len(set(keys)) == len(keys)
    assert small_problem().key(point) == keys[0]


def test_unary_does_not_care_for_shifts() -> None:
    problem, point = small_problem(), Point("unary", 10.0, 4)
    assert replace(problem, max_shift=5).key(point) == problem.key(point)


def test_other_software_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    point = Point("csd", 10.0, 4)
    before = small_problem().key(point)
    monkeypatch.setattr("pann_hw.sweep.problem.versions", lambda: {"sources": "other"})
    assert small_problem().key(point) != before
