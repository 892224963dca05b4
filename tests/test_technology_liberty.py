"""Liberty files: a small library through every error, the cache, and three real libraries."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pann_hw.errors import InputError
from pann_hw.technology import liberty
from pann_hw.technology.liberty import read_library
from pann_hw.technology.library import Cell, Library
from tests.liberty_text import CELLS, HEAD, pdk, text


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PANN_HW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def _without(*names: str) -> dict[str, str]:
    return {name: inside for name, inside in CELLS.items() if name not in names}


@pytest.mark.usefixtures("own_cache")
def test_a_small_library(tmp_path: Path) -> None:
    path = _write(tmp_path / "small.lib", text())
    library = read_library([path])
    assert library.name == "small_typical"
    assert library.voltage == 0.9
    assert list(library.cells) == list(CELLS)
    assert library.cell("NAND2").outputs["Y"].inputs == ("A", "B")


@pytest.mark.usefixtures("own_cache")
def test_several_files_are_one_library_and_may_be_packed(tmp_path: Path) -> None:
    first = tmp_path / "a.lib.gz"
    first.write_bytes(gzip.compress(text(_without("DFF"), name="small_LOGIC_tt").encode()))
    second = _write(tmp_path / "b.lib", text({"DFF": CELLS["DFF"]}, name="small_SEQ_tt"))
    library = read_library([first, second])
    assert library.name == "small"
    assert set(library.cells) == set(CELLS)


def test_the_cache_keeps_what_was_read(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "small.lib", text())
    read = read_library([path])
    with monkeypatch.context() as without_parser:
        without_parser.setattr(liberty, "_parse", None)
        again = read_library([path])
    assert _figures(again) == _figures(read)
    for entry in own_cache.rglob("*.pickle"):
        entry.write_bytes(entry.read_bytes()[:100])
    assert _figures(read_library([path])) == _figures(read)
    # Another content is another entry.
    _write(path, text().replace("area : 2.5", "area : 3.5"))
    assert read_library([path]).cell("NAND2").area == 3.5


def _figures(library: Library) -> list[object]:
    return [
        (cell.name, cell.kind, cell.leakage, e.related, e.rise.values.tolist(), e.rise.loads)
        for cell in library.cells.values()
        for output in cell.outputs.values()
        for e in output.energies
    ]


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "ends in line 1 within a group, or is no Liberty file"),
        ("module gates; endmodule\n", "or is no Liberty file"),
        (text().replace("area : 2.5;", "area 2.5;"), r"line \d+ is not Liberty"),
        ("gates (small) { }", "must be one library group, found gates"),
        (text({}), "no cells"),
        (text(head=HEAD.replace("capacitive_load_unit (1, pf);", "")), "no capacitive_load_unit"),
        (text().replace("internal_power", "external_power"), "no power tables \\(internal_power"),
        (text(_without("DFF")), "lacks a rising-edge flip-flop; give all Liberty files"),
        (text(_without("NAND2", "NOR2")), "lacks a two-input NAND or NOR;"),
        (text(_without("INV")), "lacks an inverter;"),
        (
            text(_without("INV", "NAND2", "NOR2", "DFF", "DFFNR")),
            "no power tables|lacks a rising-edge flip-flop, a two-input NAND or NOR, an inverter;",
        ),
        (text().replace('"A\'"', '"A_N"'), 'cell INV: function "A_N": A_N is no pin; correct'),
    ],
)
def test_bad_content(content: str, message: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "small.lib", content)
    with pytest.raises(InputError, match=message) as caught:
        read_library([path])
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("own_cache")
def test_a_nor_is_as_good_as_a_nand(tmp_path: Path) -> None:
    for name in ("NAND2", "NOR2"):
        library = read_library([_write(tmp_path / "small.lib", text(_without(name)))])
        assert name not in library.cells


@pytest.mark.usefixtures("own_cache")
def test_every_truncation_is_found(tmp_path: Path, rng: np.random.Generator) -> None:
    whole = text().rstrip()
    path = tmp_path / "small.lib"
    for length in [len(whole) - 1, *rng.integers(0, len(whole), 60).tolist()]:
        _write(path, whole[:length])
        with pytest.raises(InputError, match="truncated"):
            read_library([path])


@pytest.mark.usefixtures("own_cache")
def test_no_damage_is_more_than_an_input_error(tmp_path: Path, rng: np.random.Generator) -> None:
    words = re.findall(r"\s+|\w+|.", text())
    path = tmp_path / "small.lib"
    failed = 0
    for _ in range(150):
        place = int(rng.integers(len(words)))
        other = words[int(rng.integers(len(words)))]
        _write(path, "".join([*words[:place], other, *words[place + 1 :]]))
        try:
            read_library([path])
        except InputError as error:
            assert "\n" not in str(error)
            failed += 1
    assert failed > 20


@pytest.mark.usefixtures("own_cache")
def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give at least one"):
        read_library([])
    with pytest.raises(InputError, match=r"none.lib: cannot be read"):
        read_library([tmp_path / "none.lib"])
    packed = tmp_path / "small.lib.gz"
    packed.write_bytes(gzip.compress(text().encode())[:-100])
    with pytest.raises(InputError, match="truncated gzip"):
        read_library([packed])
    packed.write_bytes(text().encode())
    with pytest.raises(InputError, match="damaged or truncated gzip"):
        read_library([packed])
    first = _write(tmp_path / "a.lib", text())
    other = _write(tmp_path / "b.lib", text({"MORE": CELLS["INV"]}).replace("0.9", "0.8"))
    with pytest.raises(InputError, match=r"b.lib: 0.8 V, but .*a.lib is at 0.9 V"):
        read_library([first, other])
    with pytest.raises(InputError, match=r"a.lib: cell DFF is in another file too"):
        read_library([first, first])


_REAL = [
    pytest.param("sky130hd", id="sky130hd"),
    pytest.param("sg13g2", id="sg13g2"),
    # 28 s where nothing is in the cache.
    pytest.param("asap7", id="asap7", marks=pytest.mark.slow),
]

_COUNTS = {
    "sky130hd": {"logic": 307, "flip_flop": 45, "latch": 17, "clock_gate": 6, "other": 53},
    "sg13g2": {"logic": 54, "flip_flop": 9, "latch": 5, "clock_gate": 2, "other": 14},
    "asap7": {"logic": 169, "flip_flop": 17, "latch": 6, "clock_gate": 10},
}


@pytest.mark.parametrize("folder", _REAL)
def test_real_cells(folder: str) -> None:
    library = read_library(pdk(folder))
    kinds = [cell.kind for cell in library.cells.values()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == _COUNTS[folder]
    for cell in library.cells.values():
        if cell.kind == "logic":
            for output in cell.outputs.values():
                used = set(output.inputs)
                assert used == {arc.related for arc in output.arcs}, cell.name
                assert used == {energy.related for energy in output.energies}, cell.name
        if cell.clock:
            (energy,) = cell.inputs[cell.clock].energies
            # The edge that changes no output.
            assert max(energy.rise_share, energy.fall_share) == 1, cell.name


_NAMED = re.compile(r"(nand|nor|and|or|xor|xnor|inv|buf|[ao]\d+b*[ao]i?)(\d?)b*_")
_NAMED_ASAP7 = re.compile(r"(nand|nor|and|or|xor|xnor|inv|buf|[ao]{2}i?)(\d*)xp?\d")


def _expected(kind: str, pins: list[str], values: dict[str, int]) -> int | None:
    # What the name of a cell says: pins whose names end in _N are inverted.
    true = {pin: values[pin] ^ int(pin.endswith("_N")) for pin in pins}
    together = list(true.values())
    simple = {
        "and": all(together),
        "or": any(together),
        "xor": sum(together) % 2,
        "buf": together[0],
    }
    base = {"nand": "and", "nor": "or", "xnor": "xor", "inv": "buf"}.get(kind)
    if base:
        return 1 - int(simple[base])
    if kind in simple:
        return int(simple[kind])
    groups: dict[str, list[int]] = {}
    for pin, value in true.items():
        groups.setdefault(pin[0], []).append(value)
    inner, outer = (all, any) if kind.startswith("a") else (any, all)
    return int(outer(inner(group) for group in groups.values())) ^ int(kind.endswith("i"))


def _named(library: Library) -> Iterator[tuple[str, Cell]]:
    for name, cell in library.cells.items():
        if cell.kind != "logic":
            continue
        if "ASAP7" in name:
            match = _NAMED_ASAP7.match(name.lower())
        else:
            match = _NAMED.match(name.removeprefix("sky130_fd_sc_hd__").removeprefix("sg13g2_"))
        if match:
            yield match[1], cell


@pytest.mark.parametrize("folder", _REAL)
def test_real_functions_are_what_the_names_say(folder: str) -> None:
    checked = 0
    for kind, cell in _named(read_library(pdk(folder))):
        (output,) = cell.outputs.values()
        assert output.function is not None
        pins = list(cell.inputs)
        for row in range(1 << len(pins)):
            values = {pin: row >> bit & 1 for bit, pin in enumerate(pins)}
            assert output.function.value(values) == _expected(kind, pins, values), cell.name
        checked += 1
    assert checked >= {"sky130hd": 190, "sg13g2": 35, "asap7": 120}[folder]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mux2_1", lambda v: v["A1"] if v["S"] else v["A0"]),
        ("mux2i_1", lambda v: 1 - (v["A1"] if v["S"] else v["A0"])),
        ("mux4_1", lambda v: v[f"A{v['S0'] + 2 * v['S1']}"]),
        ("maj3_1", lambda v: int(v["A"] + v["B"] + v["C"] >= 2)),
    ],
)
def test_real_selectors(name: str, expected: object) -> None:
    assert callable(expected)
    cell = read_library(pdk("sky130hd")).cell(f"sky130_fd_sc_hd__{name}")
    (output,) = cell.outputs.values()
    assert output.function is not None
    for row in range(1 << len(output.inputs)):
        values = {pin: row >> bit & 1 for bit, pin in enumerate(output.inputs)}
        assert output.function.value(values) == expected(values)


def test_a_real_adder() -> None:
    cell = read_library(pdk("sky130hd")).cell("sky130_fd_sc_hd__fa_1")
    for row in range(8):
        values = {pin: row >> bit & 1 for bit, pin in enumerate(("A", "B", "CIN"))}
        total = sum(values.values())
        for pin, value in (("COUT", total >> 1), ("SUM", total & 1)):
            table = cell.outputs[pin].function
            assert table is not None
            assert table.value(values) == value


_RANGES = {
    # Of NAND2: input fF; fJ per change into a load like its own input; leakage in nW.
    # Of the flip-flop: fJ of both edges of the clock while its data stay.
    "sky130hd": ("sky130_fd_sc_hd__nand2_1", "sky130_fd_sc_hd__dfxtp_1", 50, 2.3, 3, 0.0021, 40),
    "sg13g2": ("sg13g2_nand2_1", "sg13g2_dfrbpq_1", 50, 2.9, 2, 0.081, 33),
    "asap7": ("NAND2xp5_ASAP7_75t_R", "DFFHQNx1_ASAP7_75t_R", 20, 0.5, 0.06, 0.05, 0.68),
}


@pytest.mark.parametrize("folder", _REAL)
def test_real_figures(folder: str) -> None:
    library = read_library(pdk(folder))
    nand, flip_flop, slew, capacitance, change, leakage, cycle = _RANGES[folder]
    cell = library.cell(nand)
    assert cell.inputs["A"].capacitance == pytest.approx(capacitance, rel=0.1)
    assert cell.leakage == pytest.approx(leakage, rel=0.1)
    load = cell.inputs["A"].capacitance
    (energy,) = (e for e in cell.outputs["Y"].energies if e.related == "A")
    both = energy.rise.at(slew, load) + energy.fall.at(slew, load)
    assert both / 2 == pytest.approx(change, rel=0.25)
    # Whatever the load, what the cell takes inside is about the same.
    heavy = energy.rise.at(slew, 10 * load) + energy.fall.at(slew, 10 * load)
    assert heavy - both == pytest.approx(0, abs=0.05 * 9 * load * library.voltage**2)
    clocked = library.cell(flip_flop)
    assert clocked.clock
    (energy,) = clocked.inputs[clocked.clock].energies
    assert energy.rise.at(slew, 0) + energy.fall.at(slew, 0) == pytest.approx(cycle, rel=0.1)
    for arc in cell.outputs["Y"].arcs:
        assert arc.rise is not None
        assert arc.sense == "negative"
        assert 5 < arc.rise.at(slew, load) < 200
