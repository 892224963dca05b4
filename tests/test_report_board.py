"""Runs on a board: order of images and points, mismatches, cycles, the link's share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import run
from pann_hw.link.driver import BoardDriver, open_board
from pann_hw.machine.machine import Machine
from pann_hw.program.deployment import Deployment
from pann_hw.report.board import run_on_board
from sim.board import simulated_board
from tests.board_cases import BOARD, expected_outputs, images, small_deployment


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return small_deployment()


@pytest.fixture(scope="module")
def driver(deployment: Deployment) -> Iterator[BoardDriver]:
    with simulated_board(BOARD) as board, open_board(board.port, BOARD) as opened:
        opened.load(deployment.image)
        yield opened


def test_every_image_at_every_point(
    driver: BoardDriver, deployment: Deployment, rng: np.random.Generator
) -> None:
    x = images(rng)
    seen: list[int] = []
    runs = run_on_board(driver, deployment, x, progress=lambda: seen.append(1))
    assert len(seen) == 3 * len(x)
    assert list(runs.points) == [0, 1, 2]
    for point, one in runs.points.items():
        assert one.mismatch is None
        assert one.images.tolist() == list(range(len(x)))
        assert np.array_equal(one.outputs, expected_outputs(deployment, point, x.astype(int)))
    predicted = np.concatenate([one.predicted_cycles for one in runs.points.values()])
    counted = np.concatenate([one.cycles for one in runs.points.values()])
    order = [point for point in range(3) for _ in x]
    assert predicted.tolist() == Machine(deployment.image).intervals(order)
    assert runs.cycles == counted.sum()
    assert runs.link_share == 1 - predicted.sum() / counted.sum()
    # An element takes 40 cycles on the line, and the accelerator few.
    assert 0.5 < runs.link_share < 1
    assert runs.bytes_sent > 3 * x.size
    assert runs.bytes_received > 3 * len(x) * (5 * 3 + 4)


def test_points_in_turn(
    driver: BoardDriver, deployment: Deployment, rng: np.random.Generator
) -> None:
    x = images(rng)
    runs = run_on_board(driver, deployment, x, [2, 0])
    assert {point: one.images.tolist() for point, one in runs.points.items()} == {
        0: [1, 3, 5, 7, 9, 11],
        2: [0, 2, 4, 6, 8, 10],
    }
    for point, one in runs.points.items():
        assert one.mismatch is None
        expected = expected_outputs(deployment, point, x[one.images].astype(int))
        assert np.array_equal(one.outputs, expected)


def test_a_difference_is_found(
    driver: BoardDriver,
    deployment: Deployment,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def other(network: IntegerNetwork, x: np.ndarray) -> dict[str, torch.Tensor]:
        values = run(network, x)
        values["o"][3, 2] += 1
        return values

    monkeypatch.setattr("pann_hw.report.board.run", other)
    runs = run_on_board(driver, deployment, images(rng))
    for one in runs.points.values():
        assert one.mismatch is not None
        assert (one.mismatch.count, one.mismatch.image, one.mismatch.channel) == (1, 3, 2)
        assert str(one.mismatch).startswith("board: layer 'o': 1 of 60 elements differ")
