"""An IP-XACT component (IEEE 1685-2014) of an accelerator behind a bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from pann_hw.config import AcceleratorConfig
from pann_hw.registers.map import REGISTERS, Access, Description, Field, Register, constants
from rtl_gen.bus.access import ADDRESS_BITS
from rtl_gen.bus.create import BusAccelerator, Interface, Port
from rtl_gen.packaging.fusesoc import core_name

__all__ = ["NAMESPACE", "ip_xact_component"]

NAMESPACE = "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"
"""Of all elements."""

_VLNV = ("vendor", "library", "name", "version")
_Vlnv = tuple[str, str, str, str]

_DEFINITIONS: Mapping[str, tuple[_Vlnv, _Vlnv]] = {
    "axi4-lite": (
        ("amba.com", "AMBA4", "AXI4-Lite", "r0p0_0"),
        ("amba.com", "AMBA4", "AXI4-Lite_rtl", "r0p0_0"),
    ),
    "axi4-stream": (
        ("amba.com", "AMBA4", "AXI4Stream", "r0p0_1"),
        ("amba.com", "AMBA4", "AXI4Stream_rtl", "r0p0_1"),
    ),
    "wishbone": (
        ("org.opencores", "wishbone", "wishbone", "b4"),
        ("org.opencores", "wishbone", "wishbone.absDef", "b4"),
    ),
}
"""Protocol -> bus definition and abstraction definition, which belong to their owners."""

_ACCESS = {
    Access.READ: "read-only",
    Access.WRITE: "write-only",
    Access.READ_WRITE: "read-write",
}
_MAP = "registers"


def ip_xact_component(
    accelerator: BusAccelerator, config: AcceleratorConfig, verilog: str, headers: Sequence[str]
) -> str:
    """XML of the component: interfaces, memory map, ports and files.

    Parameters
    ----------
    verilog, headers : names of files beside it; the latter are for C
    """
    names = zip(_VLNV, core_name(accelerator).split(":"), strict=True)
    root = _node(
        "component",
        *(_node(name, value) for name, value in names),
        _node("busInterfaces", *map(_interface, accelerator.interfaces)),
        _node("memoryMaps", _node("memoryMap", _node("name", _MAP), _block(accelerator, config))),
        _model(accelerator),
        _node(
            "fileSets",
            _file_set("rtl", [verilog], "verilogSource-2001"),
            _file_set("software", headers, "cSource"),
        ),
        _node("description", "Multiplier-free neural-network accelerator"),
    )
    ElementTree.register_namespace("ipxact", NAMESPACE)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _node(name: str, /, *content: Element | str, **attributes: str) -> Element:
    """An element of the namespace with what it contains: a text, or elements."""
    element = Element(f"{{{NAMESPACE}}}{name}", attributes)
    for part in content:
        if isinstance(part, str):
            element.text = part
        else:
            element.append(part)
    return element


def _reference(name: str, vlnv: _Vlnv) -> Element:
    return _node(name, **dict(zip(_VLNV, vlnv, strict=True)))


def _interface(interface: Interface) -> Element:
    bus, abstraction = _DEFINITIONS[interface.protocol]
    maps = (
        _node(
            "portMap",
            _node("logicalPort", _node("name", logical)),
            _node("physicalPort", _node("name", physical)),
        )
        for logical, physical in interface.ports.items()
    )
    streams = interface.protocol == "axi4-stream"
    mapped = [] if streams else [_node("memoryMapRef", memoryMapRef=_MAP)]
    return _node(
        "busInterface",
        _node("name", interface.name),
        _reference("busType", bus),
        _node(
            "abstractionTypes",
            _node(
                "abstractionType",
                _reference("abstractionRef", abstraction),
                _node("portMaps", *maps),
            ),
        ),
        _node(interface.role, *mapped),
    )


def _block(accelerator: BusAccelerator, config: AcceleratorConfig) -> Element:
    fixed = constants(config)
    return _node(
        "addressBlock",
        _node("name", _MAP),
        _node("baseAddress", "0"),
        _node("range", str(4 << ADDRESS_BITS)),
        _node("width", "32"),
        _node("usage", "register"),
        *(
            _register(one, fixed.get(one.register, one.reset))
            for one in REGISTERS
            if one.block in accelerator.blocks
        ),
    )


def _register(one: Description, reset: int | None) -> Element:
    return _node(
        "register",
        _node("name", one.name),
        _node("description", one.meaning),
        _node("addressOffset", f"'h{one.byte_address:X}"),
        _node("size", "32"),
        _node("access", _ACCESS[one.access]),
        *(_field(one, field, reset) for field in one.fields),
    )


def _field(one: Description, field: Field, reset: int | None) -> Element:
    # What a window gives is no value that a reset could set.
    window = one.register == Register.OUTPUT
    resets = []
    if reset is not None and one.access.reads and not window:
        value = _node("value", f"'h{field.get(reset):X}")
        resets = [_node("resets", _node("reset", value))]
    changes = one.access is Access.READ and not one.constant
    return _node(
        "field",
        _node("name", field.name),
        _node("description", field.meaning),
        _node("bitOffset", str(field.low)),
        *resets,
        _node("bitWidth", str(field.width)),
        _node("volatile", str(changes).lower()),
        *([_node("readAction", "modify")] if window else []),
    )


def _model(accelerator: BusAccelerator) -> Element:
    view = _node("view", _node("name", "rtl"), _node("componentInstantiationRef", "verilog"))
    instantiation = _node(
        "componentInstantiation",
        _node("name", "verilog"),
        _node("language", "verilog"),
        _node("moduleName", accelerator.top),
        _node("fileSetRef", _node("localName", "rtl")),
    )
    return _node(
        "model",
        _node("views", view),
        _node("instantiations", instantiation),
        _node("ports", *map(_port, accelerator.ports)),
    )


def _port(port: Port) -> Element:
    vectors = []
    if port.width > 1:
        bounds = (_node("left", str(port.width - 1)), _node("right", "0"))
        vectors = [_node("vectors", _node("vector", *bounds))]
    wire = _node("wire", _node("direction", port.direction), *vectors)
    return _node("port", _node("name", port.name), wire)


def _file_set(name: str, files: Iterable[str], kind: str) -> Element:
    return _node("fileSet", _node("name", name), *(_file(file, kind) for file in files))


def _file(name: str, kind: str) -> Element:
    included = [_node("isIncludeFile", "true")] if kind == "cSource" else []
    return _node("file", _node("name", name), _node("fileType", kind), *included)
