"""What runs in worker processes, wherever they are.

Arguments and results are bytes: whoever passes them on, schedulers and other workers, needs
nothing to read them. So versions can be compared before anything else is.
"""

from __future__ import annotations

import pickle
import socket
from collections.abc import Mapping

from pann_hw.errors import InputError

__all__ = ["calibrated", "finished"]


def calibrated(expected: Mapping[str, str], problem: bytes, encoding: str) -> bytes:
    """The pickled workbench of a pickled problem.

    Parameters
    ----------
    expected : the versions of whoever asks

    Raises
    ------
    InputError : other versions here; all of :func:`pann_hw.sweep.problem.workbench`
    """
    _begin(expected)
    from pann_hw.sweep.problem import workbench

    return pickle.dumps(workbench(pickle.loads(problem), encoding))


def finished(expected: Mapping[str, str], bench: bytes, point: bytes) -> bytes:
    """The pickled outcome and network of a pickled point, on a pickled workbench.

    Parameters
    ----------
    expected : the versions of whoever asks

    Raises
    ------
    InputError : other versions here; all of :func:`pann_hw.sweep.problem.make`
    """
    _begin(expected)
    from pann_hw.sweep.problem import make

    return pickle.dumps(make(pickle.loads(bench), pickle.loads(point)))


def _begin(expected: Mapping[str, str]) -> None:
    import torch

    from pann_hw.sweep.key import versions

    found = versions()
    other = [name for name in expected if found.get(name) != expected[name]]
    if other:
        here = ", ".join(f"{name} {found.get(name, 'missing')}" for name in other)
        there = ", ".join(f"{name} {expected[name]}" for name in other)
        raise InputError(
            f"worker on {socket.gethostname()}: has {here}, must have {there}: install the same "
            f"versions on all workers"
        )
    # A worker is a core; and sums are then the same wherever they are made.
    torch.set_num_threads(1)
