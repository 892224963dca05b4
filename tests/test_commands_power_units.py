"""``pann-hw power units`` from end to end, and what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.power.sources import SOURCES
from pann_hw.report import unit_measure
from pann_hw.report.unit_plots import PLOTS
from pann_hw.report.unit_store import load_report, save_report
from tests.unit_reports import invented_report, software_runs

COMMAND = ("power", "units")
FACTORY = """
import torch
def make():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 4, 3, padding=1), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(36, 3))
"""


@pytest.fixture
def software(monkeypatch: pytest.MonkeyPatch) -> None:
    """Software in Verilator's place."""
    monkeypatch.setattr(unit_measure, "run_units", software_runs)


def refusal(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """Run a command that must fail with ``code`` and one line, and print nothing else."""
    assert main([*COMMAND, *arguments]) == code
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("pann-hw: error: ")]
    assert len(lines) == 1 and captured.out == ""
    return lines[0]


def test_two_words_name_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["power", "units"], ["power units"]):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--help"])
        assert stopped.value.code == 0
        shown = capsys.readouterr().out
        assert shown.startswith("usage: pann-hw power units ")
        assert "--additions R" in shown
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "\n    power units" in capsys.readouterr().out


def test_program_files_named_units_are_still_programs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["power", "./units", "--data", "x.npz"]) == 2
    assert "units: no such file; make it with pann-hw compile" in capsys.readouterr().err


def test_help_answers_at_once() -> None:
    times = []
    for _ in range(5):
        begin = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "pann_hw.cli", *COMMAND, "--help"],
            check=True, capture_output=True,
        )  # fmt: skip
        times.append(time.monotonic() - begin)
    assert min(times) < 0.5


def test_measures_in_verilator(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("--bits", "2", "--widths", "16,32", "--units", "mac,multiplier_booth_*",
                 "--sources", "uniform,sparse", "--seed", "5")  # fmt: skip
    assert main([*COMMAND, *arguments, "--output", f"{tmp_path}/new/out", "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    files = {path.name for path in (tmp_path / "new/out").iterdir()}
    drawn = {"mac_flips", "model_errors", "flip_classes", "signed_saving"}
    assert files == {"units.json", *(f"{name}.svg" for name in drawn)}
    assert result == json.loads((tmp_path / "new/out/units.json").read_text())
    assert (result["bits"], result["widths"], result["seed"]) == ([2], [16, 32], 5)
    assert len(result["measurements"]) == (1 + 3 * 2) * 2
    assert result["summary"]["differences"] == 0
    assert result["summary"]["bits"] == sum(row["net_bits"] for row in result["measurements"])
    for row in result["measurements"]:
        assert abs(row["errors"]["predicted"]) < 5, row
        assert sum(row["counted"].values()) > 0
    [saving] = [
        row
        for row in result["claims"]["signed_to_unsigned"]
        if (row["width"], row["kind"], row["source"]) == (32, "booth", "uniform")
    ]
    assert saving["formula"] == pytest.approx(100 * 14 / 24)
    assert "14/14" in captured.err


def test_shows_and_draws_an_earlier_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = invented_report()
    save_report(report, tmp_path / "units.json")
    monkeypatch.setenv("PATH", str(tmp_path))  # No compiler is needed.
    load = ("--load", f"{tmp_path}/units.json", "--output", f"{tmp_path}/out")
    assert main([*COMMAND, *load]) == 0
    shown = capsys.readouterr().out
    for text in (
        "mac_baugh_wooley_8x8_into_24", "mac_array_8x8_into_24, 4-bit w", "recorded",
        "Saving of unsigned against signed MACs, B = 24", "two rails, CSD, gated, bx = 8",
        "Largest error of the prediction: +2.0 %", "0 differences",
    ):  # fmt: skip
        assert text in shown, text
    assert max(len(line) for line in shown.splitlines()) <= 120
    assert "…" not in shown
    assert load_report(tmp_path / "out/units.json") == report
    assert {path.stem for path in (tmp_path / "out").glob("*.svg")} == set(PLOTS)


def test_records_a_given_network(
    software: None, capsys: pytest.CaptureFixture[str], tmp_path: Path, rng: np.random.Generator
) -> None:
    (tmp_path / "net.py").write_text(FACTORY)
    x = rng.normal(size=(20, 1, 6, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x)
    network = f"{tmp_path}/net.py:make"
    arguments = ("--network", network, "--data", f"{tmp_path}/data.npz", "--bits", "3",
                 "--units", "mac_array_3x3*,pann_unary_1rail_3*")  # fmt: skip
    output = ("--output", f"{tmp_path}/out", "--json")
    capsys.readouterr()
    assert main([*COMMAND, *arguments, "--widths", "16", *output]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["network"] == network
    rows = {(row["unit"], row["source"]): row for row in result["measurements"]}
    assert {source for _, source in rows} == set(SOURCES)
    assert rows["mac_array_3x3_into_16", "recorded"]["operations"] > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bits", "1-4"), "--bits 1-4: 1 must be 2..8"),
        (("--bits", "2,9"), "--bits 2,9: 9 must be 2..8"),
        (("--bits", "6-3"), "--bits 6-3: 6-3 is empty, give 3-6"),
        (("--bits", "4,,5"), "--bits 4,,5: '' is no number or range"),
        (("--bits", "four"), "--bits four: 'four' is no number or range"),
        (("--widths", "12"), "--widths 12: 12 must be 16..64, twice the widest operand at least"),
        (("--bits", "2", "--widths", "3"), "--widths 3: 3 must be 4..64"),
        (("--widths", "65"), "--widths 65: 65 must be 16..64"),
        (("--additions", "0"), "--additions 0.0: must be 0.5..128"),
        (("--additions", "nan"), "--additions nan: must be 0.5..128"),
        (("--sources", "uniform,laplace"), "'laplace' must be uniform, gaussian, sparse, recorded"),
        (("--units", "divider"), "--units divider: matches no unit; groups are accumulator, mac,"),
        (("--jobs", "0"), "--jobs 0: must be 1..64"),
        (("--seed", "-1", "--sources", "uniform"), "seed = -1: must be 0..4294967295"),
        (("--network", "net.pt2"), "--network and --data: give both"),
        (("--data", "x.npz"), "--network and --data: give both"),
        (("--network", "a.pt2", "--data", "x.npz", "--sources", "sparse"), "needs recorded"),
        (("--network", "none.pt2", "--data", "none.npz"), "none.npz: no such file"),
        (("--load", "none.json"), "none.json: cannot be read"),
        (("--output", "/proc/nowhere"), "choose another --output"),
    ],
)
def test_bad_arguments(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, 2, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_missing_compiler_is_named_before_any_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for tool in ("make", "perl"):
        place = shutil.which(tool)
        assert place is not None
        (tmp_path / tool).symlink_to(place)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    begin = time.monotonic()
    assert "apt-get install g++" in refusal(capsys, 3)
    assert time.monotonic() - begin < 10
    assert set(tmp_path.iterdir()) == before


def test_a_difference_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def wrong(*given: object) -> object:
        runs = software_runs(*given)  # type: ignore[arg-type]
        runs[0]["residual_add_2"].flips["x"][1] += 1
        return runs

    monkeypatch.setattr(unit_measure, "run_units", wrong)
    arguments = ("--bits", "2", "--units", "residual", "--sources", "uniform")
    message = refusal(capsys, 1, *arguments, "--output", f"{tmp_path}/out")
    assert "residual_add_2 on uniform data: net x, bit 1: " in message
    assert list(tmp_path.iterdir()) == []
