"""The command of the whole sets: what it prints and refuses, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import whole_sets_run
from benchmarks.networks import NETWORKS, Network
from benchmarks.whole_sets import main
from benchmarks.whole_sets_run import BASE, Result, WholeSet

SET = WholeSet("ResNet-8", 1017, 10170, 0, None, 0.8722, 33333, 0, 7.25, None)
GOOD = Result(BASE, (SET,), 15.4, 61.2, {"ResNet-8": 1.5, "ResNet-20": 4.5})
BAD = replace(
    GOOD, sets=(replace(SET, mismatches=1, first="rtl: layer 'y': 1 of 10170 elements differ"),)
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files by the names of the networks', for a measurement that is replaced."""
    for network in NETWORKS.values():
        for name in network.files:
            (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(("result", "code"), [(GOOD, 0), (BAD, 1)])
@pytest.mark.parametrize("json_wanted", [False, True])
def test_output_and_exit_codes(
    result: Result,
    code: int,
    json_wanted: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given: dict[str, object] = {}

    def measure(
        networks: Sequence[Network], compiled: Sequence[Network], _folder: Path, **named: object
    ) -> Result:
        given.update(named, networks=[one.name for one in [*networks, *compiled]])
        return result

    monkeypatch.setattr(whole_sets_run, "measure", measure)
    arguments = ["--data-folder", str(folder), "--networks", "dscnn,resnet8", "--toggles"]
    arguments += ["--threads", "1", "--images", "5", *(["--json"] if json_wanted else [])]
    assert main(arguments) == code
    assert given == {
        "networks": ["resnet8", "dscnn", "resnet20"], "images": 5, "threads": 1, "toggles": 24,
    }  # fmt: skip
    shown = capsys.readouterr()
    if json_wanted:
        assert json.loads(shown.out) == json.loads(json.dumps(result.plain()))
    else:
        rows = [line.split() for line in shown.out.splitlines()]
        [row] = [row for row in rows if row[:2] == ["ResNet-8", "1017"]]
        mismatches = str(result.sets[0].mismatches)
        assert row[2:6] == ["10170", mismatches, "87.22", "33333"]
        assert row[-2:] == ["7.2", "-"]
        assert ["build", "the", "simulator", "61.2"] in rows
        assert ["compile", "ResNet-20", "to", "a", "program", "4.5"] in rows
    assert ("ResNet-8: rtl: layer 'y': 1 of 10170" in shown.err) == bool(code)


def test_without_data_it_says_why_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data-folder", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("skipped") == 3 and str(tmp_path) in shown.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--images", "0"), "--images 0: must be at least 1"),
        (("--threads", "0"), "--threads 0: must be at least 1"),
        (("--toggles", "-1"), "--toggles -1: must be at least 0"),
        (("--networks", "resnet20"), "'resnet20' must be one of resnet8, mnist_cnn, dscnn"),
    ],
)
def test_bad_arguments(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(arguments)) == 2
    assert message in capsys.readouterr().err
