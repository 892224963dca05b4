"""Finished points as files: whole, of one key, and never another's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pann_hw.errors import InputError
from pann_hw.files import whole_file
from pann_hw.integer import store as network_store
from pann_hw.integer.network import IntegerNetwork
from pann_hw.sweep import store
from pann_hw.sweep.point import Outcome, Point
from pann_hw.sweep.problem import make, workbench
from pann_hw.sweep.store import (
    load_outcome,
    network_file,
    outcome_from,
    outcome_to,
    save_outcome,
)
from tests.sweep_problems import small_problem

POINT = Point("csd", 10.0, 4)
UNREACHED = Outcome(Point("csd", 0.1, 4), None, 2.25)


@pytest.fixture(scope="module")
def made() -> tuple[Outcome, IntegerNetwork | None]:
    return make(workbench(small_problem(), "csd"), POINT)


def test_what_is_saved_is_loaded(made: tuple[Outcome, IntegerNetwork], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "points"
    save_outcome(folder, *made, key="k")
    assert load_outcome(folder, POINT, "k") == made[0]
    assert sorted(path.name for path in folder.iterdir()) == ["csd-2bit-b4.json", "csd-2bit-b4.npz"]
    loaded = network_store.load(network_file(folder, POINT))
    assert loaded.macs == made[1].macs and loaded.bits == 4


def test_points_without_a_network_are_kept_too(tmp_path: Path) -> None:
    save_outcome(tmp_path, UNREACHED, None, "k")
    assert load_outcome(tmp_path, UNREACHED.point, "k") == UNREACHED
    assert [path.name for path in tmp_path.iterdir()] == ["csd-0.1flips-b4.json"]


def test_json_has_the_figures(made: tuple[Outcome, IntegerNetwork], tmp_path: Path) -> None:
    save_outcome(tmp_path, *made, key="k")
    plain = json.loads((tmp_path / "csd-2bit-b4.json").read_text())
    figures = made[0].figures
    assert figures is not None
    assert plain["key"] == "k" and plain["reached"] is True
    assert (plain["encoding"], plain["budget"], plain["bits"]) == ("csd", 10.0, 4)
    assert plain["flips"] == figures.flips and plain["agreement"] == figures.agreement


@pytest.mark.parametrize("key", ["", "K", "kk"])
def test_another_key_is_another_point(
    key: str, made: tuple[Outcome, IntegerNetwork], tmp_path: Path
) -> None:
    save_outcome(tmp_path, *made, key="k")
    assert load_outcome(tmp_path, POINT, key) is None


def test_nothing_there(tmp_path: Path) -> None:
    assert load_outcome(tmp_path / "nowhere", POINT, "k") is None


def test_damaged_files_count_for_nothing(
    made: tuple[Outcome, IntegerNetwork], tmp_path: Path
) -> None:
    outcome_file, network = tmp_path / "csd-2bit-b4.json", tmp_path / "csd-2bit-b4.npz"
    save_outcome(tmp_path, *made, key="k")
    text, content = outcome_file.read_text(), network.read_bytes()
    plain = json.loads(text)
    bad = ["", text[:-20], "[]", "null", json.dumps({**plain, "format": "other"}),
           json.dumps({**plain, "bits": 5}), json.dumps({**plain, "network": "0"})]  # fmt: skip
    bad += [json.dumps({k: v for k, v in plain.items() if k != name}) for name in plain
            if name != "name"]  # fmt: skip
    for other in bad:
        outcome_file.write_text(other)
        assert load_outcome(tmp_path, POINT, "k") is None, other
    outcome_file.write_bytes(b"\xff\xfe")
    assert load_outcome(tmp_path, POINT, "k") is None
    outcome_file.write_text(text)
    assert load_outcome(tmp_path, POINT, "k") is not None
    network.write_bytes(content[:-1])
    assert load_outcome(tmp_path, POINT, "k") is None
    network.unlink()
    assert load_outcome(tmp_path, POINT, "k") is None


def test_killed_between_network_and_outcome(
    made: tuple[Outcome, IntegerNetwork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier point's outcome is left beside the new network: it must not be taken for it."""
    other = make(workbench(small_problem(), "csd"), Point("csd", 10.0, 6))[1]
    save_outcome(tmp_path, made[0], other, "old")
    assert load_outcome(tmp_path, POINT, "old") == made[0]

    def killed(path: Path) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "whole_file", killed)
    with pytest.raises(KeyboardInterrupt):
        save_outcome(tmp_path, *made, key="new")
    monkeypatch.setattr(store, "whole_file", whole_file)
    assert load_outcome(tmp_path, POINT, "old") is None
    assert load_outcome(tmp_path, POINT, "new") is None
    save_outcome(tmp_path, *made, key="new")
    assert load_outcome(tmp_path, POINT, "new") == made[0]


def test_a_point_that_lost_its_network_leaves_none(
    made: tuple[Outcome, IntegerNetwork], tmp_path: Path
) -> None:
    save_outcome(tmp_path, *made, key="old")
    save_outcome(tmp_path, Outcome(POINT, None, 3.0), None, "new")
    assert not network_file(tmp_path, POINT).exists()


def test_plain_values_come_back(made: tuple[Outcome, IntegerNetwork]) -> None:
    for outcome in (made[0], UNREACHED, Outcome(POINT, None, None)):
        assert outcome_from(json.loads(json.dumps(outcome_to(outcome)))) == outcome


def test_a_folder_that_cannot_be_written(
    made: tuple[Outcome, IntegerNetwork], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        save_outcome(tmp_path / "file" / "points", *made, key="k")
    with pytest.raises(InputError, match="cannot be written"):
        save_outcome(tmp_path / "file", UNREACHED, None, "k")
