"""The register map: no two things in one place, and values of constant registers."""

from __future__ import annotations

import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.registers.error import Error
from pann_hw.registers.map import (
    REGISTERS,
    Access,
    Block,
    Control,
    Field,
    Interrupt,
    Register,
    Status,
    constants,
    described,
    field,
)


def test_every_register_is_described_at_its_address() -> None:
    assert [one.register for one in REGISTERS] == list(Register)
    assert [one.register.value for one in REGISTERS] == list(range(len(Register)))
    assert all(described(register).register is register for register in Register)
    assert [one.byte_address for one in REGISTERS[:3]] == [0, 4, 8]


def test_fields_do_not_overlap() -> None:
    for one in REGISTERS:
        masks = [part.mask for part in one.fields]
        assert sum(masks) < 1 << 32
        total = 0
        for mask in masks:
            assert not total & mask, one
            total |= mask
        assert (one.reset or 0) & ~total == 0


def test_the_accelerator_has_the_first_eight() -> None:
    owned = [one.register.value for one in REGISTERS if one.block is Block.ACCELERATOR]
    assert owned == list(range(8))


@pytest.mark.parametrize(
    ("register", "bits"),
    [
        (Register.CONTROL, Control),
        (Register.STATUS, Status),
        (Register.INTERRUPT, Interrupt),
    ],
)
def test_flags_are_the_fields(register: Register, bits: type[Control | Status | Interrupt]) -> None:
    assert {one.name: one.mask for one in described(register).fields} == {
        one.name: one.value for one in bits
    }


def test_access() -> None:
    assert (Access.READ.reads, Access.READ.writes) == (True, False)
    assert (Access.WRITE.reads, Access.WRITE.writes) == (False, True)
    assert Access.READ_WRITE.reads and Access.READ_WRITE.writes


def test_a_field_takes_its_values_and_no_others() -> None:
    part = Field("X", 5, 3, "")
    assert (part.mask, part.put(6), part.get(0xFFFFFFDF)) == (0xE0, 0xC0, 6)
    for value in (-1, 8):
        with pytest.raises(ValueError, match=rf"X = {value}: must be 0\.\.7"):
            part.put(value)
    with pytest.raises(KeyError):
        field(Register.SHAPE, "WIDTH")


def test_all_error_codes_fit_their_field() -> None:
    code = field(Register.ERROR, "CODE")
    assert [code.get(code.put(error)) for error in Error] == list(Error)


@pytest.mark.parametrize(
    "config",
    [
        AcceleratorConfig(),
        AcceleratorConfig(
            lanes=64, cores=16, operand_width=3, accumulator_width=32, input_elements=8
        ),
    ],
)
def test_constants_say_what_the_hardware_is(config: AcceleratorConfig) -> None:
    values = constants(config)
    assert values[Register.FINGERPRINT] == config.fingerprint
    assert values[Register.IDENTITY] == 0x50414E01
    for one in described(Register.SHAPE).fields:
        assert one.get(values[Register.SHAPE]) == getattr(config, one.name.lower())
    assert set(values) == {one.register for one in REGISTERS if one.constant}
