"""cocotb benches on Verilator, one call each from an ordinary test."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from pann_hw.errors import ToolError
from sim.build import build_simulator
from sim.toolchain import require_libpython

if TYPE_CHECKING:
    from amaranth.lib import wiring

__all__ = ["build_bench", "run_bench"]

_SHOWN_LOG_LINES = 40


def build_bench(verilog: str, top: str, flags: Sequence[str] = ()) -> Path:
    """Compile a design with cocotb's main; equal builds are made once.

    Parameters
    ----------
    verilog : source text of the whole design
    top : name of its top module
    flags : more options of Verilator, such as `--coverage-toggle`

    Returns
    -------
    Path : the executable, in the cache

    Raises
    ------
    ToolError : a tool or Python's shared library is missing, or a tool failed
    """
    import cocotb_tools.config as cocotb_config

    require_libpython()
    main = cocotb_config.share_dir / "lib" / "verilator" / "verilator.cpp"
    libraries = cocotb_config.libs_dir
    link = f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator"
    # cocotb's main expects a model of the name Vtop, whatever the design's top module is.
    options = ["--vpi", "--public-flat-rw", "--prefix", "Vtop", "-LDFLAGS", link, *flags]
    # A bench's time is cocotb's: -O3 would but double that of the build.
    return build_simulator(verilog, top, main.read_text(), flags=options, optimise="-O1")


def run_bench(
    component: wiring.Component,
    name: str,
    test_module: str,
    *,
    env: Mapping[str, str] | None = None,
    tests: str | Sequence[str] | None = None,
    seed: int = 1,
    flags: Sequence[str] = (),
    folder: Path | None = None,
) -> None:
    """Run the cocotb tests of a module on a component; return only if all of them pass.

    Parameters
    ----------
    component : the design under test; its ports are those of `to_verilog`
    name : of the top module
    test_module : import path of the module with the functions decorated by `cocotb.test`; a test
        module can give its own `__name__`
    env : environment variables by which the tests learn their parameters
    tests : names of the cocotb tests to run; all of the module where left out
    seed : of Python's `random` in the tests, and printed
    flags : more options of Verilator
    folder : where the simulator runs and leaves its files; a temporary one where left out

    Raises
    ------
    AssertionError : a test failed, or none ran; gives the names, the messages and the log's end
    ToolError : the simulator cannot be built or ended without results
    """
    from cocotb_tools.runner import get_runner

    from rtl_gen.verilog import to_verilog

    executable = build_bench(to_verilog(component, name), name, flags)
    with tempfile.TemporaryDirectory() as temporary:
        where = folder or Path(temporary)
        results, log = where / "results.xml", where / "bench.log"
        print(f"cocotb seed {seed}")  # noqa: T201 - shown by pytest where a test fails
        logging.getLogger("Verilator").setLevel(logging.CRITICAL)
        # Failed tests and a crash end alike: the results tell them apart.
        with contextlib.suppress(SystemExit, RuntimeError):
            get_runner("verilator").test(
                test_module=test_module,
                hdl_toplevel=name,
                hdl_toplevel_lang="verilog",
                build_dir=executable.parent,
                test_dir=where,
                results_xml=str(results.absolute()),
                log_file=log,
                testcase=tests,
                seed=seed,
                extra_env=env or {},
            )
        tail = "\n".join(log.read_text().splitlines()[-_SHOWN_LOG_LINES:])
        if not results.is_file():
            raise ToolError(f"simulator of {name} ended without results:\n{tail}")
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    failures = [
        f"{case.get('name')}: {fault.get('message') or fault.get('error_msg') or fault.tag}"
        for case in cases
        for fault in case
        if fault.tag in ("failure", "error")
    ]
    if failures or not cases:
        summary = "\n".join(failures) or f"no cocotb tests in {test_module}"
        raise AssertionError(f"{len(failures)} of {len(cases)} benches failed\n{summary}\n{tail}")
