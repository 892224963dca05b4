"""Simulators from Verilog and a C++ main: right results, cached, failures in one line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pann_hw.errors import InputError, ToolError
from sim.build import build_simulator, cpp_name, lint

_COUNTER = """
module counter(input clk, input step__up, output reg [7:0] value);
  reg [7:0] twice;
  initial begin value = 0; twice = 0; end
  always @(posedge clk) if (step__up) begin value <= value + 1; twice <= twice + 2; end
endmodule
"""

_MAIN = """
#include <cstdio>
#include "Vcounter.h"
#include "Vcounter___024root.h"
int main() {
    Vcounter model;
    model.step___05Fup = 1;
    for (int cycle = 0; cycle < 300; ++cycle) {
        model.clk = 0; model.eval(); model.clk = 1; model.eval();
    }
    std::printf("%d %d", model.value, model.rootp->counter__DOT__twice);
}
"""

_PUBLIC = 'public_flat_rd -module "counter" -var "twice"'


def test_model_counts_and_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANN_HW_CACHE", str(tmp_path / "a cache"))
    executable = build_simulator(_COUNTER, "counter", _MAIN, public=_PUBLIC)
    done = subprocess.run([executable], capture_output=True, text=True, check=True)
    assert done.stdout == f"{300 % 256} {600 % 256}"
    built = executable.stat().st_mtime_ns
    assert build_simulator(_COUNTER, "counter", _MAIN, public=_PUBLIC) == executable
    assert executable.stat().st_mtime_ns == built


@pytest.mark.parametrize(
    ("verilog", "main", "error"),
    [
        (_COUNTER.replace("endmodule", ""), _MAIN, "syntax error"),
        (_COUNTER, _MAIN.replace("model.value", "model.valeu"), "valeu"),
        (_COUNTER, _MAIN.replace("int main", "int mian"), "main"),
    ],
)
def test_failure_is_one_line_with_the_log(verilog: str, main: str, error: str) -> None:
    with pytest.raises(ToolError, match=error) as caught:
        build_simulator(verilog, "counter", main, public=_PUBLIC)
    assert "\n" not in str(caught.value)
    log = Path(str(caught.value).rsplit("whole log: ", 1)[1])
    assert error in log.read_text()


def test_threads_are_checked() -> None:
    with pytest.raises(InputError, match="threads = 0"):
        build_simulator(_COUNTER, "counter", _MAIN, threads=0)


def test_lint_gives_the_first_finding(tmp_path: Path) -> None:
    file = tmp_path / "counter.v"
    file.write_text(_COUNTER.replace("value + 1", "{value, value}"))
    with pytest.raises(ToolError, match=r"1 findings, .*WIDTHTRUNC"):
        lint(file, "counter")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("value", "value"),
        ("step__up", "step___05Fup"),
        ("o__0__payload", "o___05F0___05Fpayload"),
        ("i__valid$20", "i___05Fvalid__02420"),
        ("a_b", "a_b"),
    ],
)
def test_names_in_cpp(name: str, expected: str) -> None:
    assert cpp_name(name) == expected


def test_optimisation_reaches_the_compiler() -> None:
    with pytest.raises(ToolError, match=r"error: argument to .-O"):
        build_simulator(_COUNTER, "counter", _MAIN, public=_PUBLIC, optimise="-Osomehow")
