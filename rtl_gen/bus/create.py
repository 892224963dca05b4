"""The accelerator behind a bus, by the bus's name, with what tools need to know of its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.registers.map import Block
from rtl_gen.bus.axi import AxiAccelerator
from rtl_gen.bus.axi_lite import AXI_LITE
from rtl_gen.bus.windows import check_fifo_depth
from rtl_gen.bus.wishbone import FIFO_DEPTH, WishboneAccelerator

__all__ = ["BUSES", "BusAccelerator", "Interface", "Port", "check_bus", "create_bus"]

BUSES = ("axi", "wishbone")
"""Names of the buses."""


@dataclass(frozen=True)
class Port:
    """A port of the top module: ``direction`` is in or out, ``width`` in bits."""

    name: str
    direction: str
    width: int


@dataclass(frozen=True)
class Interface:
    """Ports that are one interface of a bus.

    Attributes
    ----------
    name : of the interface
    protocol : axi4-lite, axi4-stream or wishbone
    role : master or slave
    ports : the protocol's name of a signal -> the port
    """

    name: str
    protocol: str
    role: str
    ports: Mapping[str, str]


@dataclass(frozen=True)
class BusAccelerator:
    """An accelerator behind a bus.

    Attributes
    ----------
    bus : one of BUSES
    top : name of the top module
    component : the hardware
    blocks : whose registers it has
    interfaces : those of its ports that belong to a bus
    clock, reset, interrupt : names of ports
    reset_active_low : whether the reset acts where it is 0
    """

    bus: str
    top: str
    component: wiring.Component
    blocks: tuple[Block, ...]
    interfaces: tuple[Interface, ...]
    clock: str
    reset: str
    reset_active_low: bool
    interrupt: str

    @property
    def ports(self) -> tuple[Port, ...]:
        """All ports of the top module."""
        return tuple(
            Port(
                "__".join(map(str, path)),
                "in" if member.flow == In else "out",
                Shape.cast(member.shape).width,
            )
            for path, member, _ in self.component.signature.flatten(self.component)
        )


def create_bus(
    bus: str, config: AcceleratorConfig, fifo_depth: int | None = None
) -> BusAccelerator:
    """The accelerator behind a bus.

    Parameters
    ----------
    bus : one of BUSES
    config : of the accelerator
    fifo_depth : of the queues of Wishbone's windows

    Raises
    ------
    InputError : an unknown bus, a depth that is not allowed, or one for a bus without windows
    """
    check_bus(bus, fifo_depth)
    if bus == "axi":
        return _axi(config)
    return _wishbone(config, FIFO_DEPTH if fifo_depth is None else fifo_depth)


def check_bus(bus: str, fifo_depth: int | None) -> None:
    """Check create_bus()'s arguments, before any hardware is made.

    Raises
    ------
    InputError : as create_bus()
    """
    if bus not in BUSES:
        raise InputError(f"bus = {bus!r}: must be one of {', '.join(BUSES)}")
    if fifo_depth is None:
        return
    if bus != "wishbone":
        raise InputError(f"fifo_depth = {fifo_depth}: only for wishbone, AXI has streams")
    check_fifo_depth(fifo_depth)


def _axi(config: AcceleratorConfig) -> BusAccelerator:
    common = {"ACLK": "aclk", "ARESETN": "aresetn"}
    component = AxiAccelerator(config)
    lite = {name.upper(): f"s_axi_{name}" for name in AXI_LITE}
    streams = []
    for name, role in (
        ("s_axis_program", "slave"),
        ("s_axis_input", "slave"),
        ("m_axis_output", "master"),
    ):
        mine = {
            member.removeprefix(f"{name}_").upper(): member
            for member in component.signature.members
            if member.startswith(f"{name}_")
        }
        streams.append(Interface(name, "axi4-stream", role, {**common, **mine}))
    return BusAccelerator(
        "axi",
        "pann_axi",
        component,
        (Block.ACCELERATOR, Block.BUS),
        (Interface("s_axi", "axi4-lite", "slave", {**common, **lite}), *streams),
        "aclk",
        "aresetn",
        True,
        "irq",
    )


def _wishbone(config: AcceleratorConfig, fifo_depth: int) -> BusAccelerator:
    component = WishboneAccelerator(config, fifo_depth)
    mine = {
        name.removeprefix("wb_"): name
        for name in component.signature.members
        if name.startswith("wb_")
    }
    return BusAccelerator(
        "wishbone",
        "pann_wishbone",
        component,
        tuple(Block),
        (Interface("wb", "wishbone", "slave", mine),),
        "wb_clk_i",
        "wb_rst_i",
        False,
        "irq_o",
    )
