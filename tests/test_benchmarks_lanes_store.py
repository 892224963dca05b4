"""Figures that are kept: found again, whole, and only for what decided them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.lanes_run import Measured, Process
from benchmarks.lanes_store import FORMAT, Store, accuracy_key, measured_key
from benchmarks.lanes_variants import METHOD
from pann_hw.errors import InputError
from pann_hw.technology.known import technology
from pann_hw.technology.library import Library
from tests.lane_tiles import MEASURED, random_tile


def never() -> Measured:
    raise AssertionError("is known")


def test_figures_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "measured.json"
    store = Store(path)
    assert store.measured("a", lambda: MEASURED) == MEASURED
    assert store.accuracy("b", lambda: 0.875) == 0.875
    again = Store(path)
    assert again.measured("a", never) == MEASURED
    assert again.accuracy("b", lambda: 0.5) == 0.875
    assert json.loads(path.read_text())["format"] == FORMAT


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": "other"}'])
def test_another_file_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text(content)
    with pytest.raises(InputError, match="holds no measured lanes, choose another --output"):
        Store(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Store(tmp_path)


def test_the_key_knows_what_decides(tmp_path: Path, rng: np.random.Generator) -> None:
    liberty = tmp_path / "a.lib"
    liberty.write_text("one")
    process = Process(technology("sky130"), Library("a", 1.8, {}), [liberty])
    tile = random_tile(METHOD.config, rng)
    key = measured_key(METHOD, [tile], 20, process)
    assert key == measured_key(replace(METHOD, title="other"), [tile], 20, process)
    other = replace(tile, windows=tile.windows + 1)
    keys = {
        key,
        measured_key(replace(METHOD, low_bits=7), [tile], 20, process),
        measured_key(METHOD, [other], 20, process),
        measured_key(METHOD, [tile], 21, process),
    }
    liberty.write_text("two")
    keys.add(measured_key(METHOD, [tile], 20, process))
    assert len(keys) == 5
    found = accuracy_key(liberty, liberty)
    liberty.write_text("three")
    assert accuracy_key(liberty, liberty) != found
