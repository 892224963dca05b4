"""A FuseSoC core (CAPI=2) of an accelerator behind a bus."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

import pann_hw
from rtl_gen.bus.create import BusAccelerator

__all__ = ["CORE_LIBRARY", "core_name", "fusesoc_core"]

CORE_LIBRARY = ("pann-hw", "accelerator")
"""Vendor and library of the cores."""


def core_name(accelerator: BusAccelerator) -> str:
    """Vendor, library, name and version, as FuseSoC writes them."""
    # FuseSoC's versions are three numbers and a revision.
    version = re.match(r"\d+\.\d+\.\d+", pann_hw.__version__)
    assert version is not None
    return ":".join((*CORE_LIBRARY, accelerator.top, version[0]))


def fusesoc_core(
    accelerator: BusAccelerator, verilog: str, waivers: str, software: Sequence[str]
) -> str:
    """Text of the core file. Its targets are ``default``, the files for designs that have it as a
    part, and ``lint``, which runs Verilator on it alone.

    Parameters
    ----------
    verilog, waivers, software : names of files beside it; the last are for C
    """
    core = {
        "name": core_name(accelerator),
        "description": f"Multiplier-free neural-network accelerator behind {accelerator.bus}",
        "filesets": {
            "rtl": {"files": [verilog], "file_type": "verilogSource"},
            "waivers": {"files": [waivers], "file_type": "vlt"},
            "software": {"files": list(software), "file_type": "user"},
        },
        "targets": {
            "default": {"filesets": ["rtl"], "toplevel": accelerator.top},
            "lint": {
                "description": "Verilator's warnings, all of them",
                "flow": "lint",
                "flow_options": {"tool": "verilator", "verilator_options": ["-Wall"]},
                "filesets": ["waivers", "rtl"],
                "toplevel": accelerator.top,
            },
        },
    }
    return "CAPI=2:\n" + yaml.safe_dump(core, sort_keys=False)
