"""``pann-hw power --gates`` from end to end, and its wrong inputs."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from pann_hw.cli import main
from pann_hw.commands.gate_power import show
from pann_hw.errors import ToolError
from pann_hw.program.deployment import deploy, save_deployment
from pann_hw.program.stores import network_order
from pann_hw.technology import liberty
from tests.gate_designs import small
from tests.liberty_text import GATES, gates
from tests.test_commands import output, refusal


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gates")
    given = small()
    save_deployment(given.deployment, folder / "p.pann")
    np.savez(folder / "data.npz", x=given.floats)
    (folder / "small.lib").write_text(gates())
    return folder


def _command(work: Path, *more: str, library: str = "small.lib") -> tuple[str, ...]:
    base = ("power", f"{work}/p.pann", "--data", f"{work}/data.npz", "--gates")
    return (*base, "--liberty", f"{work}/{library}", *more)


def test_json(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = output(capsys, *_command(work, "--windows", "0", "--clock", "20"))
    classes, energy = result["classes"], result["energy"]
    assert isinstance(classes, list) and isinstance(energy, float)
    assert energy == pytest.approx(sum(item["energy"] for item in classes))
    assert (result["images"], result["mismatches"], result["windows"]) == (1, 0, 0)
    assert (result["library"], result["technology"]) == ("small_gates", None)
    assert result["memory_energy"] is result["energy_with_memories"] is result["deviation"] is None
    assert result["power"] == pytest.approx(energy * 1e-15 * 20e6 / result["cycles"])  # type: ignore[operator]


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="no iverilog")
def test_tables(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_command(work, "--windows", "2", "--images", "2")]) == 0
    printed = capsys.readouterr().out
    for part in ("term stream", "all cells", "x 1.", "glitches sampled: +- ", "no estimate"):
        assert part in printed
    assert "whole inferences, 2 images" in printed
    assert "2 windows of 60 cycles" in printed


def test_wires_cost_energy_and_no_clock_gating_costs_clock(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = output(capsys, *_command(work, "--windows", "0"))
    ungated = output(capsys, *_command(work, "--windows", "0", "--no-clock-gating"))
    assert ungated["clock_gates"] == 0
    wired = output(capsys, *_command(work, "--windows", "0", "--wire", "1"))
    for other in (ungated, wired):
        assert other["energy"] > plain["energy"]  # type: ignore[operator]


def test_memories_are_in_a_table_of_their_own(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = output(capsys, *_command(work, "--windows", "0"))
    memory = {"name": "store", "words": 64, "width": 8, "reads": 5.0, "writes": 1.0}
    costs = {"access": 2e6, "leakage": 1e6, "energy": 3e6}
    energy = result["energy"]
    assert isinstance(energy, float)
    result |= {"memories": [{**memory, **costs}], "memory_energy": 3e6, "technology": "sky130"}
    result |= {"energy_with_memories": energy + 3e6, "power_with_memories": 1e-3, "mismatches": 4}
    show(result)
    printed = capsys.readouterr().out
    assert "Memories: an estimate" in printed
    assert f"With memories, estimated: {(energy + 3e6) / 1e9:.4f} uJ" in printed
    assert f"Cells, measured: {energy / 1e9:.4f} uJ" in printed
    assert "4 outputs differ" in printed


def _broken(work: Path, name: str, text: str) -> str:
    (work / name).write_text(text)
    return name


def test_wrong_libraries(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(name: str, text: str) -> str:
        return refusal(capsys, 2, *_command(work, library=_broken(work, name, text)))

    assert "may be truncated" in refused("cut.lib", gates()[:2000])
    tables = gates().replace("internal_power", "external_power")
    assert "no power tables (internal_power)" in refused("power.lib", tables)
    few = gates({name: GATES[name] for name in ("INV", "BUF1", "ICG", "NAND2")})
    assert "lacks a rising-edge flip-flop" in refused("few.lib", few)
    ungated = gates({name: inside for name, inside in GATES.items() if name != "ICG"})
    assert "--no-clock-gating" in refused("ungated.lib", ungated)
    assert "cannot be read" in refusal(capsys, 2, *_command(work, library="none.lib"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--tech", "tsmc"), "technology 'tsmc': must be one of sky130, sg13g2, asap7"),
        (("--tech", "sky130"), "the library small_gates lacks sky130_fd_sc_hd__dfxtp_1"),
        (("--clock", "0"), "--clock 0: must be above 0"),
        (("--clock", "nan"), "--clock nan: must be above 0"),
        (("--clock", "9000", "--windows", "0"), "these gates take at most"),
        (("--windows", "-1"), "--windows -1: must be 0..1000"),
        (("--wire", "-2"), "--wire -2: must be 0..1000"),
        (("--images", "0"), "--images 0: must be at least 1"),
        (("--point", "3"), "--point 3: the program has points 0..0"),
    ],
)
def test_wrong_options(
    more: tuple[str, ...], message: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(capsys, 2, *_command(work, *more))


def test_options_that_go_together(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ("power", f"{work}/p.pann", "--data", f"{work}/data.npz")
    assert "give --liberty FILE" in refusal(capsys, 2, *base, "--gates")
    assert "--tech: goes with --gates" in refusal(capsys, 2, *base, "--tech", "asap7")
    assert "--windows: goes with --gates" in refusal(capsys, 2, *base, "--windows", "0")
    assert "--no-clock-gating: goes with" in refusal(capsys, 2, *base, "--no-clock-gating")


def test_one_point_at_a_time(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = small().deployment
    two = deploy([*given.networks, *given.networks], ["csd", "unary"], given.config)
    save_deployment(two, work / "two.pann")
    base = ("power", f"{work}/two.pann", "--data", f"{work}/data.npz", "--gates")
    full = (*base, "--liberty", f"{work}/small.lib", "--windows", "0")
    assert "has points 0..1; choose one with --point" in refusal(capsys, 2, *full)
    assert output(capsys, *full, "--point", "1")["mismatches"] == 0


def test_mismatches_are_exit_code_1(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pann_hw.energy import inference

    monkeypatch.setattr(inference, "network_order", lambda *given: network_order(*given) + 1)
    assert main([*_command(work, "--windows", "0"), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["mismatches"] == small().outputs.shape[1]


def test_without_the_parser(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(liberty, "version", missing)
    line = refusal(capsys, 3, *_command(work))
    assert 'pip install "pann-hw[gates]"' in line
    assert ToolError.exit_code == 3


def test_the_parser_is_imported_where_it_is_needed() -> None:
    """Its licence is another one: nothing else of the command line may need it."""
    import subprocess

    code = (
        "import sys; sys.modules['liberty'] = None\n"
        "import pann_hw.technology.liberty, pann_hw.energy.inference\n"
        "import pann_hw.commands.gate_power"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
