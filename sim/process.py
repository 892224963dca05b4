"""Simulators as processes of their own, which say a line for each inference that is done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

__all__ = ["run_simulator"]


def run_simulator(
    command: Sequence[str], progress: Callable[[], None] | None = None
) -> tuple[int, str]:
    """Run a simulator to its end: its exit status, and what it says on standard error.

    Parameters
    ----------
    progress : called for each line of its standard output
    """
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for _ in process.stdout:
            if progress:
                progress()
        message = process.stderr.read().strip()
    return process.returncode, message
