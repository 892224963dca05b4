"""``pann-hw sweep`` from end to end: what it makes, how it goes on, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.integer import store
from pann_hw.integer.run import predict
from pann_hw.quantise.budget import flips_per_mac
from pann_hw.sweep import schedule
from tests.sweep_problems import cluster_here

FACTORY = """
import torch
from torch import nn

print("a network's own file may print")

def make(outputs=3):
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(),
                         nn.Flatten(), nn.Linear(64, outputs))

def regression():
    return make(1)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, data to calibrate with, and data to measure on."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "net.py").write_text(FACTORY)
    rng = np.random.default_rng(7)
    for name, count in (("train", 40), ("test", 30)):
        x = rng.normal(size=(count, 1, 6, 6)).astype(np.float32)
        np.savez(folder / f"{name}.npz", x=x, y=rng.integers(0, 3, count))
        np.savez(folder / f"{name}_unlabelled.npz", x=x)
    np.savez(folder / "wide.npz", x=np.zeros((4, 1, 7, 6), np.float32))
    return folder


def command(work: Path, output: Path | str, *more: str, factory: str = "make") -> list[str]:
    return ["sweep", f"{work}/net.py:{factory}", "--data", f"{work}/train.npz",
            "--test", f"{work}/test.npz", "--output", str(output), *more]  # fmt: skip


def swept(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> dict[str, Any]:
    """The JSON of a sweep that must succeed, with standard output to itself."""
    code = main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    result = json.loads(captured.out)
    assert isinstance(result, dict)
    return result


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local processes are threads of this one, which start at once."""
    real = schedule.make_all

    def threads(*given: Any, jobs: int, scheduler: str | None, **more: Any) -> None:
        with cluster_here(jobs) as address:
            real(*given, scheduler=address, **more)

    monkeypatch.setattr(schedule, "make_all", threads)


def test_in_local_processes(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "sweep"
    result = swept(capsys, command(work, folder, "--budgets", "3bit,6,2bit,16.5", "--jobs", "1"))
    files = {path.name for path in folder.iterdir()}
    assert files == {"sweep.json", "sweep.svg", "points"}
    assert {**json.loads((folder / "sweep.json").read_text()), "folder": str(folder)} == result
    assert ElementTree.parse(folder / "sweep.svg").getroot().tag.endswith("}svg")
    points = {point["name"]: point for point in result["points"]}
    names = {f"{e}-{b}" for e in ("unary", "csd") for b in ("6flips", "2bit", "3bit")}
    assert points.keys() == names
    assert result["budgets"] == [6.0, 10.0, 16.5]
    assert (result["images"], result["test_images"], result["metric"]) == (40, 30, "accuracy")
    with np.load(work / "test.npz") as data:
        x, y = data["x"], data["y"]
    for name, point in points.items():
        network = store.load(folder / "points" / f"{name}.npz")
        shift = 3 if point["encoding"] == "csd" else 0
        assert point["flips_per_mac"] == flips_per_mac(network, shift) <= point["budget"]
        assert point["flips"] == pytest.approx(network.macs * point["flips_per_mac"])
        assert point["accuracy"] == (predict(network, x) == y).mean()
    flips = [point["flips"] for point in result["points"]]
    assert flips == sorted(flips)
    best = max(point["accuracy"] for point in result["points"])
    assert best in [point["accuracy"] for point in result["points"] if point["front"]]


def test_each_network_compiles(
    here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    more = ("--recipe", "plain", "--budgets", "2bit", "--encodings", "csd,mac-unsigned")
    result = swept(capsys, command(work, tmp_path / "s", *more))
    assert len(result["points"]) == 14
    networks = [f"{tmp_path}/s/points/{name}.npz" for name in ("csd-2bit-b4", "mac-unsigned-b8")]
    small = ("--lanes", "4", "--cores", "2", "--accumulator-width", "24",
             "--output", f"{tmp_path}/p.pann")  # fmt: skip
    assert main(["compile", *networks, *small]) == 0


def test_table(here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    more = ("--recipe", "plain", "--budgets", "0.001,2bit", "--encodings", "csd")
    assert main(command(work, tmp_path / "s", *more)) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[0].startswith(f"Measured on 30 images of {work}/test.npz; float accuracy ")
    rows = [line.split() for line in lines if line.startswith(" csd-2bit-b")]
    assert sorted(row[0] for row in rows) == [f"csd-2bit-b{bits}" for bits in range(2, 9)]
    assert any(row[-1] == "front" for row in rows)
    [few] = [line for line in lines if "too few" in line]
    assert re.fullmatch(
        r"csd, 0\.001 flips per MAC: too few; enough: "
        + ", ".join(rf"[0-9.]+ for b{bits}" for bits in range(2, 9)),
        few,
    )
    assert "Front of fewest flips and best accuracy" in lines
    assert max(len(line) for line in lines[1:] if line.startswith(" ")) <= 120


def test_nothing_reached_is_a_result_too(
    here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    more = ("--budgets", "0.001", "--encodings", "unary")
    assert main(command(work, tmp_path / "s", *more)) == 0
    assert "unary, 0.001 flips per MAC: too few; enough: 0." in capsys.readouterr().out
    assert not (tmp_path / "s/sweep.svg").exists()


def test_without_test_data_it_says_so(
    here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["sweep", f"{work}/net.py:make", "--data", f"{work}/train.npz", "--images", "20",
                 "--recipe", "plain",
                 "--encodings", "mac-signed", "--output", f"{tmp_path}/s"]  # fmt: skip
    assert main(arguments) == 0
    title = capsys.readouterr().out.splitlines()[0]
    assert title.startswith("Measured on the 20 calibration images, for want of --test; float")
    result = swept(capsys, arguments)
    assert (result["test"], result["images"], result["test_images"]) == (None, 20, 20)


@pytest.mark.parametrize(
    ("factory", "more", "metric"),
    [
        ("make", (), "agreement"),
        ("make", ("--metric", "error"), "error"),
        ("regression", (), "error"),
    ],
)
def test_metric_without_labels(
    factory: str, more: tuple[str, ...], metric: str, here: None, work: Path,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    arguments = [f"{work}/net.py:{factory}", "--data", f"{work}/train_unlabelled.npz",
                 "--recipe", "plain",
                 "--encodings", "mac-signed", "--output", f"{tmp_path}/s"]  # fmt: skip
    result = swept(capsys, ["sweep", *arguments, *more])
    assert result["metric"] == metric and result["float_accuracy"] is None
    assert {point["accuracy"] for point in result["points"]} == {None}
    merits = [point[metric] for point in result["points"] if point["front"]]
    assert merits == sorted(merits, reverse=metric == "error")


def made(folder: Path) -> dict[str, int]:
    """When each point's outcome was written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "points").glob("*.json")}


def test_only_what_is_missing_is_made(
    here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "s"
    arguments = command(work, folder, "--recipe", "plain", "--encodings", "csd")
    first = swept(capsys, [*arguments, "--budgets", "6"])
    before = made(folder)
    (folder / "points/csd-6flips-b4.json").unlink()
    (folder / "points/csd-6flips-b5.npz").write_bytes(b"damaged")
    second = swept(capsys, [*arguments, "--budgets", "6,2bit"])
    after = made(folder)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"csd-6flips-b4.json", "csd-6flips-b5.json"}
    assert len(after) == 14

    def figures(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {
            point["name"]: {k: v for k, v in point.items() if k not in ("seconds", "front")}
            for point in result["points"]
        }

    assert figures(first).items() <= figures(second).items()

    def never(*given: object, **more: object) -> None:
        raise AssertionError("a point was made again")

    monkeypatch.setattr(schedule, "make_all", never)
    assert main([*arguments, "--budgets", "6,2bit"]) == 0
    captured = capsys.readouterr()
    assert "14 of 14 points are in" in captured.err
    assert "csd-6flips-b4" in captured.out


@pytest.mark.parametrize(
    "more", [("--no-correct-biases",), ("--images", "39"), ("--max-shift", "2")]
)
def test_points_of_other_parameters_are_not_taken(
    more: tuple[str, ...], here: None, work: Path, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    arguments = command(work, tmp_path / "s", "--recipe", "plain", "--encodings", "csd",
                        "--budgets", "6")  # fmt: skip
    assert main(arguments) == 0
    before = made(tmp_path / "s")
    assert main([*arguments, *more]) == 0
    after = made(tmp_path / "s")
    assert len(after) == 7 and all(after[name] != before[name] for name in before)


def test_points_of_other_data_and_networks_are_not_taken(
    here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    more = ("--recipe", "plain", "--encodings", "mac-signed")
    assert main(command(work, tmp_path / "s", *more)) == 0
    times = [made(tmp_path / "s")]
    changes = (("--test", f"{work}/train.npz"), ("--data", f"{work}/test.npz"))
    for change in changes:
        assert main([*command(work, tmp_path / "s", *more), *change]) == 0
        times.append(made(tmp_path / "s"))
    assert main(command(work, tmp_path / "s", *more, factory="regression")) == 0
    times.append(made(tmp_path / "s"))
    for before, after in pairwise(times):
        assert all(after[name] != before[name] for name in before)


@pytest.mark.parametrize(
    "end", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_sweep_goes_on_where_it_was(
    end: signal.Signals, here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Killed in the middle, or interrupted as from a terminal; then to its end."""
    folder = tmp_path / "s"
    arguments = command(work, folder, "--recipe", "plain", "--encodings", "csd",
                        "--budgets", "4,6,2bit,3bit,4bit,6bit", "--jobs", "1")  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "pann_hw.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while len(made(folder)) < 5:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    # A terminal interrupts the whole group; a kill meets one process.
    (os.kill if end == signal.SIGKILL else os.killpg)(process.pid, end)
    shown, errors = process.communicate(timeout=20)
    assert process.returncode == (-signal.SIGKILL if end == signal.SIGKILL else 130)
    assert shown == ""
    if end == signal.SIGINT:
        assert errors.splitlines()[-1] == "pann-hw: error: interrupted"
        assert "Traceback" not in errors
    assert not (folder / "sweep.json").exists()
    total, before = 6 * 7, made(folder)
    assert 5 <= len(before) < total
    result = swept(capsys, arguments)
    assert len(result["points"]) == total
    after = made(folder)
    assert len(after) == total and before.items() <= after.items()


def refusal(capsys: pytest.CaptureFixture[str], arguments: Sequence[str], code: int = 2) -> str:
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("pann-hw: error: ")]
    assert len(lines) == 1 and captured.out == ""
    return lines[0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--budgets", "2bit,9bit"), "budget '9bit': must be 2bit, 3bit"),
        (("--budgets", ""), "budget '': must be"),
        (("--budgets", "4,,5"), "budget '': must be"),
        (("--budgets", "65"), "at most 64"),
        (("--encodings", "csd,booth"), "'booth' must be one of unary, csd, mac-unsigned"),
        (("--metric", "loss"), "--metric loss: must be one of accuracy, agreement, error"),
        (("--recipe", "best"), "--recipe best: must be one of plain, full"),
        (("--thrift", "-1"), "must be at least 0"),
        (("--images", "0"), "--images 0: must be at least 1"),
        (("--max-shift", "9"), "--max-shift 9: must be 1..7"),
        (("--jobs", "0"), "--jobs 0: must be 1..64"),
        (("--jobs", "65"), "--jobs 65: must be 1..64"),
        (("--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"), "--jobs and --scheduler: give one"),
        (("--scheduler", "127.0.0.1"), "--scheduler 127.0.0.1: missing port number"),
        (("--test", "none.npz"), "none.npz: no such file"),
        (("--output", "/proc/nowhere"), "choose another --output"),
    ],
)
def test_bad_arguments(
    more: tuple[str, ...], message: str, work: Path, capsys: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, command(work, tmp_path / "s", *more))
    assert list(tmp_path.iterdir()) == []


def test_data_that_do_not_fit(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = refusal(capsys, command(work, tmp_path / "s", "--test", f"{work}/wide.npz"))
    assert "wide.npz: samples are (1, 7, 6), those of" in found
    unlabelled = ("--test", f"{work}/test_unlabelled.npz", "--metric", "accuracy")
    found = refusal(capsys, command(work, tmp_path / "s", *unlabelled))
    assert "test_unlabelled.npz holds no 'y' (classes): take agreement or error" in found


def test_an_error_of_a_point_is_one_line(
    here: None, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pool = "import torch\ndef make(): return torch.nn.MaxPool2d(2)\n"
    (tmp_path / "pool.py").write_text(pool)
    arguments = command(work, tmp_path / "s")
    arguments[1] = f"{tmp_path}/pool.py:make"
    assert "there is nothing to quantise" in refusal(capsys, arguments)


def test_a_scheduler_that_does_not_answer(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_TIMEOUT", 0.5)
    arguments = command(work, tmp_path / "s", "--scheduler", "tcp://127.0.0.1:1")
    assert "--scheduler tcp://127.0.0.1:1: does not answer" in refusal(capsys, arguments)
