"""Runs the benches of this folder, one call each from an ordinary test."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.lib import wiring

from rtl_gen.accelerator import Accelerator
from sim.bench import run_bench
from sim.benches.link_units import link_units
from sim.benches.units import BEATS, Units

__all__ = ["run_accelerator", "run_bus", "run_link_unit", "run_unit"]


def run_unit(name: str, seed: int) -> None:
    """Run the benches of ``sim.benches.<name>`` on all units.

    Raises
    ------
    AssertionError, ToolError : as :func:`sim.bench.run_bench`
    """
    _run(Units(), "units", name, seed, {})


def run_link_unit(name: str, seed: int) -> None:
    """Run the benches of ``sim.benches.<name>`` on all units of the host link.

    Raises
    ------
    AssertionError, ToolError : as :func:`sim.bench.run_bench`
    """
    _run(Units(link_units()), "link_units", name, seed, {})


def run_accelerator(seed: int, env: Mapping[str, str]) -> None:
    """Run ``sim.benches.accelerator``; ``env`` says where its cases are.

    Raises
    ------
    AssertionError, ToolError : as :func:`sim.bench.run_bench`
    """
    _run(Accelerator(BEATS), "pann", "accelerator", seed, env)


def run_bus(component: wiring.Component, name: str, seed: int, env: Mapping[str, str]) -> None:
    """Run ``sim.benches.<name>`` on an accelerator behind a bus.

    Raises
    ------
    AssertionError, ToolError : as :func:`sim.bench.run_bench`
    """
    _run(component, "pann", name, seed, env)


def _run(
    component: wiring.Component, top: str, name: str, seed: int, env: Mapping[str, str]
) -> None:
    # By default cocotb has pytest rewrite the assertions of all that is imported, torch included.
    rewritten = {"COCOTB_REWRITE_ASSERTION_FILES": "*/benches/*.py"}
    run_bench(component, top, f"sim.benches.{name}", env={**rewritten, **env}, seed=seed % 2**31)
