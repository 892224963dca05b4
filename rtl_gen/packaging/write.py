"""All files of an accelerator behind a bus, in one folder."""

from __future__ import annotations

from pathlib import Path

from pann_hw.config import AcceleratorConfig
from pann_hw.registers.c_header import c_header
from pann_hw.registers.markdown import error_table, register_table
from rtl_gen.bus.create import BusAccelerator
from rtl_gen.packaging.fusesoc import fusesoc_core
from rtl_gen.packaging.ip_xact import ip_xact_component
from rtl_gen.packaging.ports import ports_json
from rtl_gen.verilog import WAIVERS, to_verilog

__all__ = ["DRIVER", "HEADER", "write_package"]

HEADER = "pann_registers.h"
"""The C header, which the driver includes."""

DRIVER = Path(__file__).parent.parent / "bus" / "pann_driver.h"
"""The C driver, for buses with windows."""


def write_package(
    accelerator: BusAccelerator, config: AcceleratorConfig, folder: Path
) -> dict[str, str]:
    """Write Verilog and all that describes it.

    Returns
    -------
    dict : what each file is -> its name
    """
    top = accelerator.top
    files = {
        "verilog": f"{top}.v",
        "waivers": WAIVERS.name,
        "ports": f"{top}.ports.json",
        "fusesoc": f"{top}.core",
        "ip_xact": f"{top}.xml",
        "header": HEADER,
        "registers": "registers.md",
        "config": "config.json",
    }
    software = [HEADER]
    if accelerator.bus == "wishbone":
        files["driver"] = DRIVER.name
        software.append(DRIVER.name)
    tables = (register_table(accelerator.blocks, of_bytes=True), error_table())
    core = fusesoc_core(accelerator, files["verilog"], files["waivers"], software)
    component = ip_xact_component(accelerator, config, files["verilog"], software)
    texts = {
        "verilog": to_verilog(accelerator.component, top),
        "waivers": WAIVERS.read_text(),
        "ports": ports_json(accelerator),
        "fusesoc": core,
        "ip_xact": component,
        "header": c_header(config),
        "registers": "# Registers of {}\n\n{}\n\n{}\n".format(top, *tables),
    }
    if "driver" in files:
        texts["driver"] = DRIVER.read_text()
    for kind, text in texts.items():
        (folder / files[kind]).write_text(text)
    config.save(folder / files["config"])
    return files
