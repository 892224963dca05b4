"""Points made side by side: on local cores or on a Dask cluster, by the same tasks."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import pickle
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager

import dask
from distributed import (
    CancelledError,
    Client,
    Future,
    KilledWorker,
    LocalCluster,
    Security,
    as_completed,
    connect,
)
from distributed.comm.addressing import get_address_host_port

from pann_hw.errors import InputError, PannError, ToolError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.sweep.key import versions
from pann_hw.sweep.point import Outcome, Point
from pann_hw.sweep.problem import Problem

__all__ = ["check_address", "make_all"]

_TIMEOUT = 10
"""Seconds for a scheduler to answer."""

_ALLOWED = "give the address that dask scheduler prints, such as tcp://10.0.0.1:8786"

_CONFIG = {
    # The network and its data go with the tasks: a worker that is lost then takes nothing along.
    "distributed.admin.large-graph-warning-threshold": "1 TB",
    # A point that brought a local process down does so again.
    "distributed.scheduler.allowed-failures": 0,
}

_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")


def check_address(scheduler: str) -> None:
    """Check the address of a Dask scheduler, not yet whether one answers there.

    Raises
    ------
    InputError : it is no address with a host and a port
    """
    try:
        host, _ = get_address_host_port(scheduler)
        if not host:
            raise ValueError("no host")
    except ValueError as error:
        raise InputError(f"--scheduler {scheduler}: {error}; {_ALLOWED}") from None


def make_all(
    problem: Problem,
    points: Sequence[Point],
    done: Callable[[Outcome, IntegerNetwork | None], None],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> None:
    """Make all points, and hand each over as soon as it is finished, in any order.

    An exception here, in ``done`` or in a point ends all: local processes at once, on a cluster
    when the points that are being made are finished.

    Parameters
    ----------
    done : called in this thread with an outcome and its network
    jobs : local processes of one thread each, at least 1
    scheduler : address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``; None: local processes
    note : called with a sentence where there is something to wait for

    Raises
    ------
    InputError : no scheduler answers there; a worker without this package, or with another version;
        all that a point raises
    ToolError : local processes were killed, or the cluster was lost
    """
    if not points:
        return
    with _quiet(), dask.config.set(_CONFIG), _client(min(jobs, len(points)), scheduler) as client:
        if not client.nthreads():
            note(f"the scheduler {scheduler} has no workers yet, waiting for some")
        with closing(_results(client, problem, points)) as results:
            for found in results:
                done(*found)


def _results(
    client: Client, problem: Problem, points: Sequence[Point]
) -> Generator[tuple[Outcome, IntegerNetwork | None]]:
    calibrate, finish = _task("calibrated"), _task("finished")
    expected, given = versions(), pickle.dumps(problem)
    benches = {
        encoding: client.submit(calibrate, expected, given, encoding, pure=False)
        for encoding in dict.fromkeys(point.encoding for point in points)
    }
    futures = [
        client.submit(finish, expected, benches[point.encoding], pickle.dumps(point), pure=False)
        for point in points
    ]
    try:
        for future in as_completed(futures, loop=client.loop):
            yield pickle.loads(_result(future))
            future.release()
    finally:
        client.cancel(futures + list(benches.values()))


def _task(name: str) -> Callable[..., bytes]:
    """A function of :mod:`pann_hw.sweep.remote` that is sent as it is, not as a name to import.

    Otherwise workers and schedulers without this package fail as they read it, not as they run it,
    and nobody is told.
    """

    def task(*arguments: object) -> bytes:
        from pann_hw.sweep import remote

        result: bytes = getattr(remote, name)(*arguments)
        return result

    return task


def _result(future: Future[bytes]) -> bytes:
    """A task's result, or one line that says why there is none."""
    try:
        return future.result()
    except PannError:
        raise
    except KilledWorker:
        raise ToolError(
            "a process that quantises was killed, for memory perhaps: use fewer at a time (--jobs)"
        ) from None
    except ModuleNotFoundError as error:
        raise InputError(
            f"a worker has no {error.name}, or an older version: install the same pann_hw on all"
        ) from None
    except (CancelledError, OSError) as error:
        if future.status == "error":
            raise
        raise ToolError(
            f"the scheduler was lost ({type(error).__name__}); the same command goes on from here"
        ) from None


@contextmanager
def _client(jobs: int, scheduler: str | None) -> Iterator[Client]:
    if scheduler is None:
        with _local(jobs) as cluster, Client(cluster, set_as_default=False) as client:
            yield client
        return
    check_address(scheduler)
    try:
        asyncio.run(asyncio.wait_for(_answers(scheduler), _TIMEOUT))
    except (OSError, OverflowError, TypeError) as error:
        reason = str(error) or f"nothing that speaks Dask's protocol in {_TIMEOUT} s"
        raise InputError(
            f"--scheduler {scheduler}: does not answer ({reason}); {_ALLOWED}"
        ) from None
    with Client(scheduler, timeout=_TIMEOUT, set_as_default=False) as client:
        yield client


async def _answers(scheduler: str) -> None:
    """Connect, and leave again: a client that fails to takes long to go."""
    arguments = Security().get_connection_args("client")
    comm = await connect(scheduler, timeout=_TIMEOUT, **arguments)
    comm.abort()


@contextmanager
def _local(jobs: int) -> Iterator[LocalCluster]:
    """A cluster of local processes, which end at once where it ends."""
    others = set(multiprocessing.active_children())
    cluster = LocalCluster(
        n_workers=jobs,
        threads_per_worker=1,
        host="127.0.0.1",
        # None would still open one port, the same for all.
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        # What all of them may take is for the system to say.
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    )
    with cluster:
        try:
            yield cluster
        finally:
            # Asked to close, a worker would finish its point first.
            for nanny in cluster.workers.values():
                nanny.close_gracefully()
            for process in set(multiprocessing.active_children()) - others:
                process.kill()


@contextmanager
def _quiet() -> Iterator[None]:
    """No messages of the scheduler's own: what matters of them is raised."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
