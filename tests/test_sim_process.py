"""Processes of simulators: a line for each inference, the exit status, the message."""

from __future__ import annotations

import sys

from sim.process import run_simulator


def test_lines_status_and_message() -> None:
    lines: list[int] = []
    code = "import sys; print(1); print(2); print(' no input ', file=sys.stderr); sys.exit(4)"
    found = run_simulator([sys.executable, "-c", code], lambda: lines.append(1))
    assert found == (4, "no input")
    assert len(lines) == 2
    assert run_simulator([sys.executable, "-c", "print(1)"]) == (0, "")
