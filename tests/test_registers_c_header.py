"""The C header: a C compiler reads it, and finds in it what Python has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.registers.c_header import c_header
from pann_hw.registers.error import Error
from pann_hw.registers.map import REGISTERS, constants

CONFIG = AcceleratorConfig(lanes=16, cores=2, input_elements=4, accumulator_width=20)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a C program that includes the header twice prints, by name."""
    folder = tmp_path_factory.mktemp("header")
    (folder / "pann_registers.h").write_text(c_header(CONFIG))
    names = [f"PANN_{one.name}" for one in REGISTERS]
    for one in REGISTERS:
        for field in one.fields:
            base = f"PANN_{one.name}_{field.name}"
            if field.width == 1:
                names.append(base)
            elif field.width < 32:
                names += [f"{base}_SHIFT", f"{base}_MASK"]
    names += [f"PANN_THIS_{register.name}" for register in constants(CONFIG)]
    names += [f"PANN_ERROR_{error.name}" for error in Error]
    prints = [f'    printf("{name} %lu\\n", (unsigned long)({name}));' for name in names]
    prints += [
        f'    printf("meaning{code} %s\\n", pann_error_meaning({code}u));'
        for code in (*range(len(Error)), 15)
    ]
    include = '#include "pann_registers.h"'
    body = "\n".join(prints)
    source = (
        f"#include <stdio.h>\n{include}\n{include}\nint main(void)\n{{\n{body}\n    return 0;\n}}"
    )
    (folder / "main.c").write_text(source)
    flags = ["-std=c99", "-pedantic-errors", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "main.c", "-o", "main"], cwd=folder, check=True)
    done = subprocess.run([folder / "main"], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_addresses_and_fields(compiled: dict[str, str]) -> None:
    for one in REGISTERS:
        assert int(compiled[f"PANN_{one.name}"]) == one.byte_address
        for field in one.fields:
            base = f"PANN_{one.name}_{field.name}"
            if field.width == 1:
                assert int(compiled[base]) == field.mask
            elif field.width < 32:
                assert int(compiled[f"{base}_SHIFT"]) == field.low
                assert int(compiled[f"{base}_MASK"]) == field.mask


def test_constants(compiled: dict[str, str]) -> None:
    for register, value in constants(CONFIG).items():
        assert int(compiled[f"PANN_THIS_{register.name}"]) == value


def test_errors(compiled: dict[str, str]) -> None:
    for error in Error:
        assert int(compiled[f"PANN_ERROR_{error.name}"]) == error
        assert compiled[f"meaning{error.value}"] == error.meaning
    assert compiled["meaning15"] == "unknown error code"


def test_compiles_as_cpp_too(tmp_path: Path) -> None:
    (tmp_path / "header.hpp").write_text(c_header(CONFIG))
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    subprocess.run(["g++", *flags, "header.hpp"], cwd=tmp_path, check=True)
