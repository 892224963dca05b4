"""An IP-XACT component (IEEE 1685-2014) of an accelerator behind a bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree

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

_Node = tuple[str, "str | Sequence[_Node]"] | tuple[str, "str | Sequence[_Node]", dict[str, str]]


def ip_xact_component(
    accelerator: BusAccelerator, config: AcceleratorConfig, verilog: str, headers: Sequence[str]
) -> str:
    """XML of the component: interfaces, memory map, ports and files.

    Parameters
    ----------
    verilog, headers : names of files beside it; the latter are for C
    """
    names = zip(_VLNV, core_name(accelerator).split(":"), strict=True)
    tree: _Node = (
        "component",
        [
            *names,
            ("busInterfaces", [_interface(one) for one in accelerator.interfaces]),
            ("memoryMaps", [("memoryMap", [("name", _MAP), _block(accelerator, config)])]),
            ("model", _model(accelerator)),
            (
                "fileSets",
                [
                    _file_set("rtl", [(verilog, "verilogSource-2001", False)]),
                    _file_set("software", [(name, "cSource", True) for name in headers]),
                ],
            ),
            ("description", "Multiplier-free neural-network accelerator"),
        ],
    )
    ElementTree.register_namespace("ipxact", NAMESPACE)
    root = _element(tree)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _element(node: _Node) -> ElementTree.Element:
    name, content, *attributes = node
    element = ElementTree.Element(f"{{{NAMESPACE}}}{name}", *attributes)
    if isinstance(content, str):
        element.text = content
    else:
        element.extend(_element(part) for part in content)
    return element


def _reference(tag: str, vlnv: _Vlnv) -> _Node:
    return (tag, [], dict(zip(_VLNV, vlnv, strict=True)))


def _interface(interface: Interface) -> _Node:
    bus, abstraction = _DEFINITIONS[interface.protocol]
    maps: list[_Node] = [
        (
            "portMap",
            [("logicalPort", [("name", logical)]), ("physicalPort", [("name", physical)])],
        )
        for logical, physical in interface.ports.items()
    ]
    mapped: list[_Node] = []
    if interface.protocol != "axi4-stream":
        mapped = [("memoryMapRef", [], {"memoryMapRef": _MAP})]
    return (
        "busInterface",
        [
            ("name", interface.name),
            _reference("busType", bus),
            (
                "abstractionTypes",
                [
                    (
                        "abstractionType",
                        [_reference("abstractionRef", abstraction), ("portMaps", maps)],
                    )
                ],
            ),
            (interface.role, mapped),
        ],
    )


def _block(accelerator: BusAccelerator, config: AcceleratorConfig) -> _Node:
    fixed = constants(config)
    registers = [
        _register(one, fixed.get(one.register, one.reset))
        for one in REGISTERS
        if one.block in accelerator.blocks
    ]
    return (
        "addressBlock",
        [
            ("name", _MAP),
            ("baseAddress", "0"),
            ("range", str(4 << ADDRESS_BITS)),
            ("width", "32"),
            ("usage", "register"),
            *registers,
        ],
    )


def _register(one: Description, reset: int | None) -> _Node:
    return (
        "register",
        [
            ("name", one.name),
            ("description", one.meaning),
            ("addressOffset", f"'h{one.byte_address:X}"),
            ("size", "32"),
            ("access", _ACCESS[one.access]),
            *(_field(one, field, reset) for field in one.fields),
        ],
    )


def _field(one: Description, field: Field, reset: int | None) -> _Node:
    resets: list[_Node] = []
    if reset is not None and one.access.reads and one.register != Register.OUTPUT:
        resets = [("resets", [("reset", [("value", f"'h{field.get(reset):X}")])])]
    effects: list[_Node] = []
    if one.register == Register.OUTPUT:
        effects = [("readAction", "modify")]
    return (
        "field",
        [
            ("name", field.name),
            ("description", field.meaning),
            ("bitOffset", str(field.low)),
            *resets,
            ("bitWidth", str(field.width)),
            ("volatile", str(one.access is Access.READ and not one.constant).lower()),
            *effects,
        ],
    )


def _model(accelerator: BusAccelerator) -> list[_Node]:
    return [
        (
            "views",
            [("view", [("name", "rtl"), ("componentInstantiationRef", "verilog")])],
        ),
        (
            "instantiations",
            [
                (
                    "componentInstantiation",
                    [
                        ("name", "verilog"),
                        ("language", "verilog"),
                        ("moduleName", accelerator.top),
                        ("fileSetRef", [("localName", "rtl")]),
                    ],
                )
            ],
        ),
        ("ports", [_port(port) for port in accelerator.ports]),
    ]


def _port(port: Port) -> _Node:
    vector: list[_Node] = []
    if port.width > 1:
        bounds: _Node = ("vector", [("left", str(port.width - 1)), ("right", "0")])
        vector = [("vectors", [bounds])]
    return ("port", [("name", port.name), ("wire", [("direction", port.direction), *vector])])


def _file_set(name: str, files: Iterable[tuple[str, str, bool]]) -> _Node:
    return (
        "fileSet",
        [
            ("name", name),
            *(
                (
                    "file",
                    [
                        ("name", file),
                        ("fileType", kind),
                        *([("isIncludeFile", "true")] if included else []),
                    ],
                )
                for file, kind, included in files
            ),
        ],
    )
