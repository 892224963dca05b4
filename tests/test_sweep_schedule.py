"""Points made by workers: threads here, local processes, a real scheduler; and how it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pann_hw.errors import InputError, ToolError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.quantise.recipe import FULL, PLAIN
from pann_hw.sweep import remote
from pann_hw.sweep.point import Outcome, Point
from pann_hw.sweep.problem import Problem, make, workbench
from pann_hw.sweep.schedule import check_address, make_all
from pann_hw.sweep.sweep import points_of
from tests.quantise_graphs import Draft
from tests.sweep_problems import cluster_here, same, small_problem

Made = dict[Point, tuple[Outcome, IntegerNetwork | None]]

POINTS = [point for point in points_of(("unary", "csd"), (0.001, 8.0), PLAIN)
          if point.bits in (3, 8)]  # fmt: skip

BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pann_hw":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""
OLDER = "import pann_hw; pann_hw.__version__ = '0.0.9'\n"


def made(problem: Problem, points: list[Point], **where: object) -> Made:
    """What all points become."""
    found: Made = {}

    def done(outcome: Outcome, network: IntegerNetwork | None) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert outcome.point not in found
        found[outcome.point] = (outcome, network)

    make_all(problem, points, done, **where)  # type: ignore[arg-type]
    return found


def expected(problem: Problem, points: list[Point]) -> Made:
    benches = {name: workbench(problem, name) for name in {point.encoding for point in points}}
    return {point: make(benches[point.encoding], point) for point in points}


def equal(found: Made, wanted: Made) -> bool:
    return found.keys() == wanted.keys() and all(same(found[p], wanted[p]) for p in wanted)


@contextmanager
def cluster(
    preludes: tuple[str, str] = ("", ""),
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a scheduler, its process, and a worker in another.

    Parameters
    ----------
    preludes : code that scheduler and worker run first
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        started: list[subprocess.Popen[str]] = []

        def start(name: str, *arguments: str) -> subprocess.Popen[str]:
            code = f"{preludes[len(started)]}\nfrom distributed.cli.{name} import main; main()"
            command = [sys.executable, "-c", code, *arguments]
            started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
            return started[-1]

        try:
            scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                              "--no-dashboard")  # fmt: skip
            assert scheduler.stderr is not None
            address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at" in line)
            threading.Thread(target=scheduler.stderr.read, daemon=True).start()
            worker = start("dask_worker", address, "--no-nanny", "--nthreads", "1")
            assert worker.stderr is not None
            next(line for line in worker.stderr if "Registered to" in line)
            threading.Thread(target=worker.stderr.read, daemon=True).start()
            yield address, scheduler
        finally:
            for process in reversed(started):
                process.kill()
                process.wait()


def test_workers_make_what_this_process_makes() -> None:
    problem = small_problem()
    with cluster_here() as address:
        found = made(problem, POINTS, scheduler=address)
    assert equal(found, expected(problem, POINTS))
    assert {outcome.figures is None for outcome, _ in found.values()} == {False, True}


def test_local_processes_make_it_too() -> None:
    problem = small_problem(FULL)
    points = points_of(("csd", "mac-signed"), (6.0,), FULL)[:3]
    assert equal(made(problem, points, jobs=2), expected(problem, points))
    assert multiprocessing.active_children() == []


def test_a_real_scheduler_and_its_worker_make_it_too() -> None:
    problem = small_problem()
    with cluster() as (address, _):
        found = made(problem, POINTS, scheduler=address)
    assert equal(found, expected(problem, POINTS))


def test_nothing_to_do_starts_nothing() -> None:
    assert made(small_problem(), [], scheduler="127.0.0.1:1") == {}


def test_calibrated_once_for_each_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = remote.calibrated

    def counted(versions: dict[str, str], problem: bytes, encoding: str) -> bytes:
        calls.append(encoding)
        return real(versions, problem, encoding)

    monkeypatch.setattr(remote, "calibrated", counted)
    with cluster_here() as address:
        made(small_problem(), POINTS, scheduler=address)
    assert sorted(calls) == ["csd", "unary"]


def test_an_error_in_a_point_is_raised_here() -> None:
    d = Draft()
    d.max_pool("x")
    problem = replace(small_problem(), graph=d.graph())
    with cluster_here() as address, pytest.raises(InputError, match="nothing to quantise"):
        made(problem, POINTS, scheduler=address)


def test_other_errors_keep_their_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> bytes:
        raise PermissionError("a worker's own file")

    monkeypatch.setattr(remote, "finished", broken)
    with cluster_here() as address, pytest.raises(PermissionError, match="own file"):
        made(small_problem(), POINTS, scheduler=address)


def test_an_error_here_ends_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the scheduler is free for others."""
    calls: list[bytes] = []
    real = remote.finished

    def counted(versions: dict[str, str], bench: bytes, point: bytes) -> bytes:
        calls.append(point)
        time.sleep(0.2)
        return real(versions, bench, point)

    def full(*given: object) -> None:
        raise InputError("no space left")

    monkeypatch.setattr(remote, "finished", counted)
    with cluster_here(1) as address:
        with pytest.raises(InputError, match="no space left"):
            make_all(small_problem(), POINTS, full, scheduler=address)
        time.sleep(0.5)
        assert len(calls) < len(POINTS)
        before = len(calls)
        assert len(made(small_problem(), POINTS[:2], scheduler=address)) == 2
        assert len(calls) == before + 2


@pytest.mark.slow
def test_an_interrupt_ends_local_processes_at_once() -> None:
    begin = 0.0

    def interrupt(*given: object) -> None:
        nonlocal begin
        begin = time.monotonic()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_all(small_problem(FULL), POINTS, interrupt, jobs=1)
    assert time.monotonic() - begin < 5
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_killed_local_processes_are_told() -> None:
    def kill() -> None:
        while not (children := multiprocessing.active_children()):
            time.sleep(0.05)
        time.sleep(1)
        assert children[0].pid is not None
        os.kill(children[0].pid, signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(ToolError, match="was killed, for memory perhaps: use fewer at a time"):
        made(small_problem(), POINTS, jobs=1)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("prelude", "message"),
    [
        (BLOCKED, "a worker has no pann_hw"),
        pytest.param(
            OLDER,
            r"worker on .*: has pann_hw 0\.0\.9, must have pann_hw ",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_workers_without_this_package(prelude: str, message: str) -> None:
    with cluster(("", prelude)) as (address, _), pytest.raises(InputError, match=message) as caught:
        made(small_problem(), POINTS, scheduler=address)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_schedulers_need_not_have_this_package() -> None:
    with cluster((BLOCKED, "")) as (address, _):
        assert len(made(small_problem(), POINTS[-2:], scheduler=address)) == 2


@pytest.mark.slow
def test_a_scheduler_that_goes_away() -> None:
    with cluster() as (address, scheduler):

        def lose(*given: object) -> None:
            scheduler.kill()

        with pytest.raises(ToolError, match=r"scheduler was lost .* goes on from here"):
            make_all(small_problem(), POINTS, lose, scheduler=address)


def test_no_workers_yet() -> None:
    """The first who would be waited for is told of."""

    class ToldError(Exception):
        pass

    def told(text: str) -> None:
        raise ToldError(text)

    with cluster_here(0) as address, pytest.raises(ToldError, match="has no workers yet, waiting"):
        make_all(small_problem(), POINTS, lambda *_: None, scheduler=address, note=told)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "missing port number"),
        ("10.0.0.1", "missing port number"),
        (":8786", "no host"),
        ("host:port", "invalid literal"),
        ("carrier://pigeon:1", "unknown address scheme 'carrier'"),
    ],
)
def test_what_is_no_address(address: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        check_address(address)
    assert str(caught.value).startswith(f"--scheduler {address}: ")
    assert "such as tcp://10.0.0.1:8786" in str(caught.value)


def test_addresses() -> None:
    for address in ("10.0.0.1:8786", "tcp://host.example:8786", "tls://host:8786", "[::1]:8786"):
        check_address(address)


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pann_hw.sweep.schedule._TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (1, silent.getsockname()[1]):
            begin = time.monotonic()
            message = rf"--scheduler tcp://127\.0\.0\.1:{port}: does not answer \(.+\); give"
            with pytest.raises(InputError, match=message):
                made(small_problem(), POINTS, scheduler=f"tcp://127.0.0.1:{port}")
            assert time.monotonic() - begin < 5
