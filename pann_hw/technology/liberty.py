"""Reading Liberty files."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import shutil
import zlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.cache import cached
from pann_hw.errors import InputError, ToolError
from pann_hw.technology.library import Cell, Library

if TYPE_CHECKING:
    from liberty.types import Group

__all__ = ["read_library"]

_ENTRY = "library.pickle"

_NAND, _NOR, _INVERTER = 0b0111, 0b0001, 0b01


def read_library(paths: Sequence[Path]) -> Library:
    """The library that one or more Liberty files are together; ``.gz`` files are unpacked.

    Parsing takes 0.1 to 10 s a file; the result is kept in the cache, by the file's content.

    Parameters
    ----------
    paths : Liberty files at one supply voltage, each cell in one of them

    Raises
    ------
    InputError : a file is missing, truncated or no Liberty file, has no units, or is at another
        voltage; a cell is in two files; there are no power tables; or it lacks what every design
        needs: a rising-edge flip-flop, a two-input NAND or NOR, an inverter
    ToolError : the parser, which is optional for the sake of its licence, is not installed
    """
    if not paths:
        raise InputError("no Liberty file: give at least one")
    cells: dict[str, Cell] = {}
    parts = [(path, _read_file(path)) for path in paths]
    first = parts[0][1]
    for path, part in parts:
        if part.voltage != first.voltage:
            raise InputError(
                f"{path}: {part.voltage:g} V, but {paths[0]} is at {first.voltage:g} V; give "
                "files of one corner"
            )
        twice = sorted(set(cells) & set(part.cells))
        if twice:
            raise InputError(f"{path}: cell {twice[0]} is in another file too; give each file once")
        cells.update(part.cells)
    where = ", ".join(map(str, paths))
    _check_power(where, cells)
    _check_needed(where, cells)
    return Library(_common([part.name for _, part in parts]), first.voltage, cells)


def _common(names: Sequence[str]) -> str:
    # What all names begin with: files of one library differ in what they are for.
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike).strip("_") or names[0]


def _read_file(path: Path) -> Library:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give a Liberty file"
        ) from None
    key = ["liberty", hashlib.sha256(content).hexdigest(), _readers()]

    def build(folder: Path) -> None:
        with (folder / _ENTRY).open("wb") as file:
            pickle.dump(_parse(path, content), file, protocol=5)

    entry = cached(key, build)
    try:
        return _load(entry)
    except Exception:
        # Damaged, whatever the damage made of it.
        shutil.rmtree(entry, ignore_errors=True)
        return _load(cached(key, build))


def _load(entry: Path) -> Library:
    with (entry / _ENTRY).open("rb") as file:
        library = pickle.load(file)
    if not isinstance(library, Library):
        raise TypeError(type(library))
    return library


def _readers() -> list[str]:
    # What reads a file decides what becomes of it.
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    try:
        return [digest, version("liberty-parser")]
    except PackageNotFoundError:
        raise ToolError('liberty-parser is missing: pip install "pann-hw[gates]"') from None


def _parse(path: Path, content: bytes) -> Library:
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(
                f"{path}: a damaged or truncated gzip file ({error}); get it again"
            ) from None
    # These need the parser.
    from pann_hw.technology.cells import read_cell
    from pann_hw.technology.tables import Tables

    group = _library_group(path, content.decode("utf-8", errors="replace"))
    name = str(group.args[0]).strip('"') if group.args else path.name
    try:
        tables = Tables(group)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    cells = {}
    for cell in group.get_groups("cell"):
        named = str(cell.args[0]).strip('"') if cell.args else ""
        try:
            cells[named] = read_cell(cell, tables)
        except ValueError as error:
            raise InputError(f"{path}: cell {named}: {error}; correct the file") from None
    if not cells:
        raise InputError(f"{path}: no cells; give a Liberty file of standard cells")
    return Library(name, tables.voltage, cells)


def _library_group(path: Path, text: str) -> Group:
    from liberty.parser import LibertyParser

    try:
        groups = LibertyParser().parse_multi_liberty(text)
    except Exception as error:
        # The parser fails in many ways, assertions and missing attributes among them.
        line = getattr(error, "line_num", 0) + 1
        if line >= text.rstrip().count("\n") + 1:
            raise InputError(
                f"{path}: ends in line {line} within a group, or is no Liberty file; it may be "
                "truncated, get it again"
            ) from None
        raise InputError(f"{path}: line {line} is not Liberty; give a Liberty file") from None
    if len(groups) != 1 or groups[0].group_name != "library":
        raise InputError(
            f"{path}: must be one library group, found {groups[0].group_name}; give a Liberty file"
        )
    return groups[0]


def _check_power(where: str, cells: dict[str, Cell]) -> None:
    of_inputs = any(pin.energies for cell in cells.values() for pin in cell.inputs.values())
    of_outputs = any(pin.energies for cell in cells.values() for pin in cell.outputs.values())
    if not of_inputs and not of_outputs:
        raise InputError(
            f"{where}: no power tables (internal_power); give a library that is characterised for "
            "power"
        )


def _check_needed(where: str, cells: dict[str, Cell]) -> None:
    usable = [cell for cell in cells.values() if cell.usable]
    logic = [
        output.function
        for cell in usable
        if cell.kind == "logic"
        for output in cell.outputs.values()
        if output.function
    ]
    missing = []
    if not any(cell.flip_flop and _plain(cell) for cell in usable):
        missing.append("a rising-edge flip-flop")
    if not any(len(table.inputs) == 2 and table.table in (_NAND, _NOR) for table in logic):
        missing.append("a two-input NAND or NOR")
    if not any(len(table.inputs) == 1 and table.table == _INVERTER for table in logic):
        missing.append("an inverter")
    if missing:
        raise InputError(
            f"{where}: lacks {', '.join(missing)}; give all Liberty files of the library"
        )


def _plain(cell: Cell) -> bool:
    # Takes one pin, or its complement, at the rising edge.
    flip_flop = cell.flip_flop
    return bool(flip_flop and flip_flop.rising and len(flip_flop.next_state.inputs) == 1)
