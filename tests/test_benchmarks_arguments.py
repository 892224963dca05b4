"""Arguments: lists of names, checks before work, skips with a reason, exit codes."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from benchmarks.arguments import add_arguments, at_hand, check, chosen, ended
from benchmarks.networks import NETWORKS
from pann_hw.errors import InputError, ToolError
from tests.benchmark_data import made_up_folder

ITEMS = {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    ("text", "found"), [(None, [1, 2, 3]), ("c, a", [1, 3]), ("b", [2]), ("b,b", [2])]
)
def test_lists_of_names(text: str | None, found: list[int]) -> None:
    assert chosen("--letters", text, ITEMS) == found


@pytest.mark.parametrize("text", ["", "d", "a,d", "a b"])
def test_names_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--letters .*must be one of a, b, c"):
        chosen("--letters", text, ITEMS)


@pytest.mark.parametrize("option", ["--jobs", "--threads"])
def test_counts_are_checked(option: str, tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    output = ["--output", str(tmp_path / "cells.json")]
    check(parser.parse_args(output))
    with pytest.raises(InputError, match=f"{option} 0: must be at least 1"):
        check(parser.parse_args([*output, option, "0"]))
    with pytest.raises(InputError, match="is a folder"):
        check(parser.parse_args(["--output", str(tmp_path)]))


def test_networks_without_files_are_left_out_and_told(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made_up_folder(tmp_path, rng)
    networks = list(NETWORKS.values())
    assert at_hand(networks, folder) == networks
    assert capsys.readouterr().err == ""
    (folder / "mnist.npz").unlink()
    (folder / NETWORKS["dscnn"].file).unlink()
    assert [one.name for one in at_hand(networks, folder)] == ["resnet8", "resnet20", "autoencoder"]
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"DS-CNN: skipped, {folder} lacks {NETWORKS['dscnn'].file}",
        f"MNIST CNN: skipped, {folder} lacks mnist.npz",
    ]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("two\nlines"), 2, "bench: error: two lines\n"),
        (ToolError("gone"), 3, "bench: error: gone\n"),
        (KeyboardInterrupt(), 130, "bench: interrupted\n"),
    ],
)
def test_errors_end_with_one_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> int:
        raise error

    assert ended("bench", run) == code
    assert capsys.readouterr().err == line
    assert ended("bench", lambda: 1) == 1
