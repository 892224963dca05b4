"""``pann-hw board``: the list, a board, networks that do not fit, bad names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from numpy.random import default_rng

from boards.catalogue import BOARDS
from pann_hw.cli import main
from pann_hw.config import AcceleratorConfig
from pann_hw.integer.store import save
from tests.random_networks import NetworkBuilder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    b = NetworkBuilder(default_rng(3), (3, 12, 12), 4)
    first = b.accumulate(b.convolution("x", 6, (3, 3), padding=(1, 1)))
    b.accumulate(b.convolution(first, 4, (12, 12)), raw=True)
    path = tmp_path_factory.mktemp("board") / "network.npz"
    save(b.network(), path)
    return path


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["boards"]
    assert [one["board"] for one in found] == list(BOARDS)
    assert [one["open_tools"] for one in found] == [True] * 4 + [False]
    assert main(["board"]) == 0
    assert "iCE40UP5K-SG48" in capsys.readouterr().out


def test_one_board(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "ulx3s-85f", "--cores", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"]["cores"] == 4
    assert 0 < found["needed_blocks"] < found["memories"]["DP16KD"]
    assert main(["board", "ulx3s-85f"]) == 0
    assert "of 208 DP16KD" in capsys.readouterr().out


def test_memories_for_a_network(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "ulx3s-85f", "--json", "--for", str(network)]) == 0
    one = AcceleratorConfig(**json.loads(capsys.readouterr().out)["parameters"])
    assert main(["board", "ulx3s-85f", "--json", "--for", str(network), str(network)]) == 0
    two = AcceleratorConfig(**json.loads(capsys.readouterr().out)["parameters"])
    assert two.term_words == 2 * one.term_words
    assert two.activation_words == one.activation_words
    assert one.lanes == BOARDS["ulx3s-85f"].config.lanes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ulx3s"], "board 'ulx3s': must be one of icebreaker, ulx3s-85f, orangecrab, "),
        (["icebreaker", "--seeds", "0"], "--seeds 0: must be at least 1"),
        (
            ["icebreaker", "--weight-words", "5000", "--build"],
            (
                "icebreaker: the memories need 108 blocks SB_RAM40_4K, the iCE40UP5K-SG48 has 30; "
                "lower weight_words (now 5000)"
            ),
        ),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pann-hw: error: {message}"), error
    assert error.count("\n") == 1


def test_network_too_large(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["--layer-kinds", "all", "--weight-words", "0", "--operand-width", "8"]
    arguments = ["icebreaker", *changes, "--for", *[str(network)] * 8]
    assert main(["board", *arguments]) == 2
    error = capsys.readouterr().err
    assert "the iCE40UP5K-SG48 has 30; lower term_words (now" in error
    assert error.count("\n") == 1


def test_sources_for_vivado(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "arty"
    changes = ["--lanes", "4", "--cores", "1", "--operand-width", "2", "--weight-width", "2"]
    arguments = ["arty-a7-35t", "--build", "--output", str(folder), *changes]
    assert main(["board", *arguments]) == 0
    assert str(folder) in capsys.readouterr().out
    assert {"top.v", "top.tcl", "top.xdc", "config.json"} <= {one.name for one in folder.iterdir()}
