"""A netlist of standard cells and memories, as Yosys writes it in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pann_hw.errors import ToolError

__all__ = ["ONE", "ZERO", "Instance", "Memory", "Netlist", "ReadPort", "WritePort", "read_netlist"]

ZERO, ONE = 0, 1
"""The nets that are always 0 and always 1."""


@dataclass(frozen=True)
class Instance:
    """A cell of the library.

    Attributes
    ----------
    cell : its name in the library
    path : instance names of the modules around it, the top module left out, joined by dots
    pins : pin -> net; outputs that drive nothing are left out
    """

    cell: str
    path: str
    pins: Mapping[str, int]


@dataclass(frozen=True)
class ReadPort:
    """``data`` is read at the clock's edge where ``enable`` is 1, else stays."""

    enable: int
    address: tuple[int, ...]
    data: tuple[int, ...]


@dataclass(frozen=True)
class WritePort:
    """``data`` is written at the clock's edge, each bit of which ``enable`` is 1."""

    enable: tuple[int, ...]
    address: tuple[int, ...]
    data: tuple[int, ...]


@dataclass(frozen=True)
class Memory:
    """A memory macro: words by width, all 0 at first; reads see what was before a write."""

    name: str
    words: int
    width: int
    reads: tuple[ReadPort, ...]
    writes: tuple[WritePort, ...]


@dataclass(frozen=True, eq=False)
class Netlist:
    """Nets are numbers; 0 and 1 are the constants.

    Attributes
    ----------
    name : of the top module
    nets : their number
    names : net -> a name that somebody gave it, with the path of instances; others have none
    inputs, outputs : port -> nets, lowest bit first
    instances : in the order in which Yosys has them
    memories : macros
    """

    name: str
    nets: int
    names: Mapping[int, str]
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    instances: tuple[Instance, ...]
    memories: tuple[Memory, ...] = field(default=())

    @property
    def clock(self) -> int:
        """The net of the port ``clk``."""
        return self.inputs["clk"][0]


_LEVEL = re.compile(r"\\([A-Za-z_][\w$]*)\.")


def read_netlist(module: Mapping[str, Any], name: str) -> Netlist:
    """A netlist from one flat module of Yosys' JSON.

    Parameters
    ----------
    module : the module's entry
    name : its name

    Raises
    ------
    ToolError : it has a cell that is neither of a library nor a memory, or a memory of another
        kind than those of this project
    """
    numbers: dict[object, int] = {"0": ZERO, "1": ONE, "x": ZERO, "z": ZERO}

    def net(bit: object) -> int:
        return numbers.setdefault(bit, len(numbers) - 2)

    def nets(bits: list[object]) -> tuple[int, ...]:
        return tuple(net(bit) for bit in bits)

    ports: dict[str, dict[str, tuple[int, ...]]] = {"input": {}, "output": {}}
    for port, entry in module["ports"].items():
        ports[entry["direction"]][port] = nets(entry["bits"])
    instances, memories = [], []
    for label, cell in module["cells"].items():
        kind, connections = cell["type"], cell["connections"]
        if kind == "$mem_v2":
            memories.append(_memory(label, cell["parameters"], connections, nets))
        elif kind.startswith("$"):
            raise ToolError(f"{kind} {label} is not mapped to a cell of the library")
        else:
            pins = {pin: net(bits[0]) for pin, bits in connections.items() if bits}
            instances.append(Instance(kind, ".".join(_path(label)), pins))
    names: dict[int, str] = {}
    for label, entry in module["netnames"].items():
        if entry["hide_name"]:
            continue
        for index, bit in enumerate(entry["bits"]):
            names.setdefault(net(bit), label if len(entry["bits"]) == 1 else f"{label}[{index}]")
    return Netlist(
        name,
        len(numbers) - 2,
        names,
        ports["input"],
        ports["output"],
        tuple(instances),
        tuple(memories),
    )


def _path(label: str) -> Iterator[str]:
    """The instances around a cell: `$flatten\\array.\\core_0.$abc$7` is in `array`, `core_0`."""
    if not label.startswith("$"):
        return
    for match in _LEVEL.finditer(label.removeprefix("$flatten")):
        yield match[1]


def _memory(
    label: str, parameters: Mapping[str, str], pins: Mapping[str, list[Any]], nets: Any
) -> Memory:
    def number(name: str) -> int:
        return int(parameters[name], 2)

    width, address = number("WIDTH"), number("ABITS")
    reads, writes = number("RD_PORTS"), number("WR_PORTS")
    for what, ports in (("RD_CLK_ENABLE", reads), ("WR_CLK_ENABLE", writes)):
        if number(what) != (1 << ports) - 1:
            raise ToolError(f"memory {label} has a port without a clock: {what}")
    if number("RD_TRANSPARENCY_MASK"):
        raise ToolError(f"memory {label} reads what is being written; only what was before can be")

    def part(name: str, port: int, size: int) -> tuple[int, ...]:
        return nets(pins[name][port * size : (port + 1) * size])

    return Memory(
        label,
        number("SIZE"),
        width,
        tuple(
            ReadPort(
                part("RD_EN", port, 1)[0],
                part("RD_ADDR", port, address),
                part("RD_DATA", port, width),
            )
            for port in range(reads)
        ),
        tuple(
            WritePort(
                part("WR_EN", port, width),
                part("WR_ADDR", port, address),
                part("WR_DATA", port, width),
            )
            for port in range(writes)
        ),
    )
