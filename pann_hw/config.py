"""The accelerator's configuration: what one generated netlist is, independent of any network."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pann_hw.errors import InputError

__all__ = ["FORMAT_VERSION", "AcceleratorConfig"]

FORMAT_VERSION = 1
"""Version of the program format; part of every program's header."""

_CHOICES: dict[str, tuple[object, ...]] = {
    "lane": ("unary", "csd"),
    "rails": (1, 2),
    "lanes": (4, 8, 16, 32, 64),
    "window_slots": (2, 4, 8),
    "max_shift": (1, 3, 7),
}
_RANGES = {
    "cores": (1, 16),
    "operand_width": (8, 8),
    "accumulator_width": (12, 32),
    "low_bits": (1, 31),
    "max_stride": (1, 4),
    "activation_words": (16, 65536),
    "term_words": (16, 65536),
    "descriptor_words": (64, 65536),
}


@dataclass(frozen=True)
class AcceleratorConfig:
    """Parameters of the generated hardware.

    Attributes
    ----------
    lanes : output pixels that a core works on at a time, N
    cores : output channels worked on at a time, C
    lane : "unary" (additions only) or "csd" (terms are shifted by 0..max_shift)
    rails : additions per lane and cycle; 2: one adds, one subtracts; "csd" has 2
    operand_width : bits of an activation in memory
    max_shift : largest shift of a "csd" term
    accumulator_width : signed bits of a lane's accumulator
    low_bits : accumulator bits that are clocked at every addition; the rest on carry only
    window_slots : input rows buffered for the cores (2 is double-buffering)
    max_stride : largest horizontal stride of a window operator
    activation_words : words of `lanes` activations in the activation memory
    term_words : terms per rail and core
    descriptor_words : 32-bit words for layer descriptors
    """

    lanes: int = 8
    cores: int = 4
    lane: str = "csd"
    rails: int = 2
    operand_width: int = 8
    max_shift: int = 3
    accumulator_width: int = 24
    low_bits: int = 5
    window_slots: int = 4
    max_stride: int = 2
    activation_words: int = 1024
    term_words: int = 16384
    descriptor_words: int = 4096

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            # 8.0 and True equal an 8 and a 1, but count nothing.
            if value not in choices or type(value) is not type(choices[0]):
                raise InputError(
                    f"{name} = {value!r}: must be one of {', '.join(map(str, choices))}"
                )
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise InputError(f"{name} = {value!r}: must be {low}..{high}")
        if self.lane == "csd" and self.rails != 2:
            raise InputError("rails = 1: the csd lane has 2; choose lane = unary for one rail")
        if self.low_bits >= self.accumulator_width:
            raise InputError(
                f"low_bits = {self.low_bits}: must be below accumulator_width = "
                f"{self.accumulator_width}"
            )
        if self.accumulator_width < self.term_width + 1:
            raise InputError(
                f"accumulator_width = {self.accumulator_width}: must be at least "
                f"{self.term_width + 1} for shifted operands of {self.term_width} bits"
            )

    @property
    def shift(self) -> int:
        """Largest shift that a term may have: 0 for unary lanes."""
        return self.max_shift if self.lane == "csd" else 0

    @property
    def term_width(self) -> int:
        """Bits of a shifted operand."""
        return self.operand_width + self.shift

    @property
    def row_width(self) -> int:
        """Elements of a buffered input row: a lane reaches its right neighbour and the next."""
        return self.lanes + 2

    @property
    def fingerprint(self) -> int:
        """32 bits that a program must repeat to be accepted by this hardware."""
        text = json.dumps([FORMAT_VERSION, asdict(self)], sort_keys=True)
        return zlib.crc32(text.encode())

    def save(self, path: Path) -> None:
        """Write the configuration as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> AcceleratorConfig:
        """Read a configuration from JSON; parameters left out have their default."""
        try:
            values = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a configuration in JSON ({error})") from None
        return cls.of(values, str(path))

    @classmethod
    def of(cls, values: object, where: str) -> AcceleratorConfig:
        """A configuration from a dictionary; an unknown name is an error that lists the known."""
        names = [field.name for field in fields(cls)]
        if not isinstance(values, dict) or not set(values) <= set(names):
            found = sorted(set(values) - set(names)) if isinstance(values, dict) else values
            raise InputError(f"{where}: unknown parameters {found}; known are {', '.join(names)}")
        return cls(**values)
