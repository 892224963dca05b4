"""The simulator that commands need, built before any bar of progress is drawn."""

from __future__ import annotations

from pann_hw.commands.console import say
from pann_hw.config import AcceleratorConfig

__all__ = ["ready_simulator"]


def ready_simulator(config: AcceleratorConfig) -> None:
    """Build the simulator of a configuration, or find it in the cache.

    Raises
    ------
    ToolError : Verilator, g++, make or perl is missing or fails
    """
    from sim.harness import build
    from sim.toolchain import environment

    environment()
    say("building the simulator (kept for the next time)")
    build(config)
