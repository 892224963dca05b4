"""The register map: addresses, fields, access, values after reset, meaning."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pann_hw.config import AcceleratorConfig

__all__ = [
    "IDENTITY_MAGIC",
    "INTERFACE_VERSION",
    "REGISTERS",
    "Access",
    "Block",
    "Control",
    "Description",
    "Field",
    "Interrupt",
    "Register",
    "Status",
    "constants",
    "described",
    "field",
]

IDENTITY_MAGIC = 0x50414E
"""Upper three bytes of the register IDENTITY: "PAN"."""

_Flag = TypeVar("_Flag", bound=enum.IntFlag)

INTERFACE_VERSION = 1
"""Lowest byte of the register IDENTITY: what this file says, counted up where that changes."""


class Register(enum.IntEnum):
    """Addresses of 32-bit words; on a bus a register's byte address is four times that."""

    CONTROL = 0
    STATUS = 1
    ERROR = 2
    POINT = 3
    CYCLES = 4
    FINGERPRINT = 5
    IDENTITY = 6
    SHAPE = 7
    INTERRUPT = 8
    LEVELS = 9
    PROGRAM = 10
    INPUT = 11
    INPUT_LAST = 12
    INPUT_HIGH = 13
    OUTPUT = 14


class Control(enum.IntFlag):
    """Bits of a write to CONTROL."""

    START = 1
    CLEAR = 2
    STOP_INPUT = 4


class Status(enum.IntFlag):
    """Bits of STATUS."""

    BUSY = 1
    DONE = 2
    LOADED = 4
    ERROR = 8
    READY = 16


class Interrupt(enum.IntFlag):
    """Bits of INTERRUPT."""

    DONE = 1
    ERROR = 2
    OUTPUT = 4


class Access(enum.Enum):
    """What may be done with a register; anything else is an error on a bus."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "read, write"

    @property
    def reads(self) -> bool:
        """Whether it may be read."""
        return self is not Access.WRITE

    @property
    def writes(self) -> bool:
        """Whether it may be written."""
        return self is not Access.READ


class Block(enum.Enum):
    """Which hardware has a register."""

    ACCELERATOR = "all"
    BUS = "buses"
    WINDOWS = "Wishbone"


@dataclass(frozen=True)
class Field:
    """Neighbouring bits of a register.

    Attributes
    ----------
    name : in capitals
    low : the lowest bit
    width : bits
    meaning : for people
    """

    name: str
    low: int
    width: int
    meaning: str

    def __post_init__(self) -> None:
        assert self.width > 0 <= self.low <= 32 - self.width, self

    @property
    def mask(self) -> int:
        """The field's bits in the register."""
        return ((1 << self.width) - 1) << self.low

    def get(self, word: int) -> int:
        """The field's value in a register's value."""
        return (word & self.mask) >> self.low

    def put(self, value: int) -> int:
        """The field's bits for a value.

        Raises
        ------
        ValueError : the value does not fit
        """
        if not 0 <= value < 1 << self.width:
            raise ValueError(f"{self.name} = {value}: must be 0..{(1 << self.width) - 1}")
        return value << self.low


@dataclass(frozen=True)
class Description:
    """What is known of a register.

    Attributes
    ----------
    register : its address
    block : which hardware has it
    access : what may be done with it
    fields : from the lowest bit up; bits without a field are 0, and are ignored where written
    meaning : of the whole, for people
    reset : value after reset; None where the hardware's parameters decide it
    constant : whether it never changes; see :func:`constants`
    """

    register: Register
    block: Block
    access: Access
    fields: tuple[Field, ...]
    meaning: str
    reset: int | None = 0
    constant: bool = False

    @property
    def name(self) -> str:
        """The register's name."""
        return self.register.name

    @property
    def byte_address(self) -> int:
        """The register's address on a bus."""
        return 4 * self.register


def _flags(meanings: Mapping[_Flag, str]) -> tuple[Field, ...]:
    return tuple(
        Field(str(flag.name), flag.bit_length() - 1, 1, meaning)
        for flag, meaning in meanings.items()
    )


def _whole(name: str, meaning: str, width: int = 32) -> tuple[Field, ...]:
    return (Field(name, 0, width, meaning),)


REGISTERS = (
    Description(
        Register.CONTROL, Block.ACCELERATOR, Access.WRITE,
        _flags({
            Control.START: "starts an inference",
            Control.CLEAR: "clears error and interrupt",
            Control.STOP_INPUT: "gives up an input that does not come to its end",
        }),
        "what to do",
    ),
    Description(
        Register.STATUS, Block.ACCELERATOR, Access.READ,
        _flags({
            Status.BUSY: "an inference is under way",
            Status.DONE: "one is done, and the next not started",
            Status.LOADED: "a program is loaded",
            Status.ERROR: "ERROR is not 0",
            Status.READY: "a start is taken",
        }),
        "what goes on",
        reset=Status.READY,
    ),
    Description(
        Register.ERROR, Block.ACCELERATOR, Access.READ,
        _whole("CODE", "see the table of errors", 4),
        "first error since it was cleared",
    ),
    Description(
        Register.POINT, Block.ACCELERATOR, Access.READ_WRITE,
        _whole("POINT", "0..7", 3),
        "operating point of the next inference",
    ),
    Description(
        Register.CYCLES, Block.ACCELERATOR, Access.READ,
        _whole("CYCLES", "clock cycles"),
        "cycles of the last inference: from its start, or from the end of the one before where "
        "that was later, to its end",
    ),
    Description(
        Register.FINGERPRINT, Block.ACCELERATOR, Access.READ,
        _whole("FINGERPRINT", "CRC-32 of the configuration"),
        "of the configuration; a program must carry the same",
        reset=None,
        constant=True,
    ),
    Description(
        Register.IDENTITY, Block.ACCELERATOR, Access.READ,
        (
            Field("VERSION", 0, 8, f"of this interface, {INTERFACE_VERSION}"),
            Field("MAGIC", 8, 24, f"{IDENTITY_MAGIC:#x}"),
        ),
        "tells that this is such an accelerator",
        reset=None,
        constant=True,
    ),
    Description(
        Register.SHAPE, Block.ACCELERATOR, Access.READ,
        (
            Field("LANES", 0, 8, "`lanes`"),
            Field("CORES", 8, 8, "`cores`"),
            Field("INPUT_ELEMENTS", 16, 4, "`input_elements`"),
            Field("OPERAND_WIDTH", 20, 4, "`operand_width`"),
            Field("ACCUMULATOR_WIDTH", 24, 6, "`accumulator_width`"),
        ),
        "parameters that a host needs",
        reset=None,
        constant=True,
    ),
    Description(
        Register.INTERRUPT, Block.BUS, Access.READ_WRITE,
        _flags({
            Interrupt.DONE: "while STATUS has DONE",
            Interrupt.ERROR: "while STATUS has ERROR",
            Interrupt.OUTPUT: "while there is an output to read (Wishbone)",
        }),
        "when the interrupt line is 1",
        reset=Interrupt.DONE,
    ),
    Description(
        Register.LEVELS, Block.WINDOWS, Access.READ,
        (
            Field("INPUT_ROOM", 0, 12, "beats that INPUT takes"),
            Field("OUTPUTS", 12, 12, "sums that OUTPUT gives"),
            Field("PROGRAM_ROOM", 24, 1, "PROGRAM takes a word"),
            Field("OUTPUT_LAST", 25, 1, "the next of OUTPUT is the last of its inference"),
            Field("REFUSED", 26, 1, "an access to a window was refused since CLEAR"),
        ),
        "of the windows below",
        reset=None,
    ),
    Description(
        Register.PROGRAM, Block.WINDOWS, Access.WRITE,
        _whole("WORD", "of a program stream"),
        "window: the next word of a program; refused where there is no room",
    ),
    Description(
        Register.INPUT, Block.WINDOWS, Access.WRITE,
        _whole("ELEMENTS", "a byte each, the first in the lowest"),
        "window: the next beat of an input; refused where there is no room",
    ),
    Description(
        Register.INPUT_LAST, Block.WINDOWS, Access.WRITE,
        _whole("ELEMENTS", "a byte each, the first in the lowest"),
        "window: as INPUT, the last beat of an inference's input",
    ),
    Description(
        Register.INPUT_HIGH, Block.WINDOWS, Access.WRITE,
        _whole("ELEMENTS", "the fifth to the eighth, a byte each"),
        "upper half of the beats that INPUT and INPUT_LAST complete; only with `input_elements` 8",
    ),
    Description(
        Register.OUTPUT, Block.WINDOWS, Access.READ,
        _whole("SUM", "two's complement"),
        "window: takes the next sum of the last layer; refused where there is none",
    ),
)  # fmt: skip
"""All registers, in the order of their addresses."""


def described(register: Register) -> Description:
    """What is known of a register."""
    return REGISTERS[register]


def field(register: Register, name: str) -> Field:
    """A register's field.

    Raises
    ------
    KeyError : it has no such field
    """
    fields = {one.name: one for one in described(register).fields}
    return fields[name]


def constants(config: AcceleratorConfig) -> dict[Register, int]:
    """Values of the registers that say what the hardware is."""
    shape = described(Register.SHAPE).fields
    version, magic = described(Register.IDENTITY).fields
    return {
        Register.FINGERPRINT: config.fingerprint,
        Register.IDENTITY: version.put(INTERFACE_VERSION) | magic.put(IDENTITY_MAGIC),
        Register.SHAPE: sum(one.put(getattr(config, one.name.lower())) for one in shape),
    }
