"""``pann-hw run``: against the simulated board, and each kind of wrong input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.program.stores import network_order
from sim.board import SimulatedBoard, simulated_board
from tests.board_cases import BOARD, OTHER, save_case


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A program and its data, as arguments."""
    program, data = save_case(tmp_path_factory.mktemp("run"))
    return program, "--data", data


@pytest.fixture(scope="module")
def board() -> Iterator[SimulatedBoard]:
    with simulated_board(BOARD) as running:
        yield running


def result(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """Run with --json; standard output must be one object and nothing else."""
    code = main(["run", *arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    found = json.loads(captured.out)
    assert isinstance(found, dict)
    return found


def refusal(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """Run what must fail with ``code`` and one line."""
    assert main(["run", *arguments]) == code
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("pann-hw: error: ")]
    assert len(lines) == 1 and captured.out == "" and "Traceback" not in captured.err
    return lines[0]


def test_all_points_in_one_connection(
    case: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    found = result(capsys, *case, "--port", "simulated")
    assert (found["images"], found["inferences"], found["mismatches"]) == (12, 36, 0)
    assert found["compared"] == 36 * 5
    points, link = found["points"], found["link"]
    assert isinstance(points, list) and isinstance(link, dict)
    assert [point["point"] for point in points] == [0, 1, 2]
    assert all(point["images"] == 12 and point["mismatches"] == 0 for point in points)
    assert link["repeated"] == link["refused"] == link["damaged"] == link["timeouts"] == 0
    cycles = sum(point["images"] * point["cycles_per_image"] for point in points)
    computing = sum(point["images"] * point["cycles_predicted"] for point in points)
    assert found["board_seconds"] == pytest.approx(cycles / 12e6)
    assert found["inferences_per_second"] == pytest.approx(36 / (cycles / 12e6))
    assert found["link_share"] == pytest.approx(1 - computing / cycles)


def test_points_and_images_are_chosen(
    case: tuple[str, ...], board: SimulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    here = (*case, "--port", board.port)
    one = result(capsys, *here, "--point", "1", "--images", "3")
    assert (one["images"], one["inferences"], one["mismatches"]) == (3, 3, 0)
    turns = result(capsys, *here, "--schedule", "2,0,0")
    assert isinstance(turns["points"], list)
    assert [(point["point"], point["images"]) for point in turns["points"]] == [(0, 8), (2, 4)]


def test_what_it_prints(
    case: tuple[str, ...], board: SimulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *case, "--port", board.port]) == 0
    shown = capsys.readouterr().out
    assert f"12 images on the board at {board.port}, 12 MHz" in shown
    assert "0 mismatches in 180 outputs, board against integer network" in shown
    assert "the accelerator waited for the link" in shown


def test_a_mismatch_is_exit_code_1(
    case: tuple[str, ...],
    board: SimulatedBoard,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "pann_hw.report.board.network_order", lambda *args: network_order(*args) + 1
    )
    assert main(["run", *case, "--port", board.port]) == 1
    shown = capsys.readouterr().out
    assert "board: layer 'o': 60 of 60 elements differ; first in image 0" in shown
    assert "180 mismatches in 180 outputs" in shown


def test_wrong_arguments(
    case: tuple[str, ...], board: SimulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    here = (*case, "--port", board.port)
    for more, message in (
        (("--point", "3"), "--point 3: the program has points 0..2"),
        (("--schedule", "0,3"), "operating point 3 is not loaded"),
        (("--images", "0"), "--images 0: must be at least 1"),
        (("--timeout", "0"), "--timeout 0: must be above 0"),
        (("--baud", "0"), "baud = 0: must be at least 1"),
    ):
        assert message in refusal(capsys, 2, *here, *more)
    message = refusal(capsys, 2, *case, "--port", "simulated", "--baud", "4000000")
    assert "baud = 4000000: must be a whole part of the clock, 12 MHz" in message


def test_a_port_that_does_not_exist(
    case: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    message = refusal(capsys, 2, *case, "--port", "/dev/there_is_no_such_port")
    assert "(No such file or directory); connect the board, or choose another port" in message


def test_another_configuration(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program, data = save_case(tmp_path, OTHER)
    message = refusal(capsys, 2, program, "--data", data, "--port", board.port)
    assert "lanes 4, cores 2" in message and "compile it for the board's configuration" in message


def test_a_board_that_goes_away(
    case: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pann_hw.link.driver import BoardDriver

    load = BoardDriver.load
    with simulated_board(BOARD) as running:

        def and_stop(driver: BoardDriver, *args: object) -> None:
            load(driver, *args)  # type: ignore[arg-type]
            running.stop()

        monkeypatch.setattr(BoardDriver, "load", and_stop)
        message = refusal(capsys, 3, *case, "--port", running.port)
    assert "the port has gone" in message and "connect the board again" in message


def test_data_of_another_shape(
    case: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros((2, 1, 6, 6), np.float32))
    message = refusal(capsys, 2, case[0], "--data", f"{tmp_path}/other.npz", "--port", "simulated")
    assert "samples are (1, 6, 6), the program takes (2, 6, 6)" in message
