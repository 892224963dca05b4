"""The ports of an accelerator behind a bus, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import pann_hw
from rtl_gen.bus.create import BusAccelerator

__all__ = ["ports_json"]


def ports_json(accelerator: BusAccelerator) -> str:
    """Ports with direction and width, and the interfaces that they make."""
    return (
        json.dumps(
            {
                "top": accelerator.top,
                "version": pann_hw.__version__,
                "ports": [asdict(port) for port in accelerator.ports],
                "interfaces": [
                    {**asdict(interface), "ports": dict(interface.ports)}
                    for interface in accelerator.interfaces
                ],
                "clock": accelerator.clock,
                "reset": {"port": accelerator.reset, "active_low": accelerator.reset_active_low},
                "interrupt": accelerator.interrupt,
            },
            indent=2,
        )
        + "\n"
    )
