"""The accelerator's configuration: what one generated netlist is, independent of any network."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pann_hw.errors import InputError

__all__ = ["FORMAT_VERSION", "AcceleratorConfig"]

FORMAT_VERSION = 3
"""Version of the program format; part of every program's header."""

_CHOICES: dict[str, tuple[object, ...]] = {
    "layer_kinds": ("all", "linear"),
    "lane": ("unary", "csd", "mac", "signed_mac"),
    "rails": (1, 2),
    "terms_per_rail": (1, 2),
    "lanes": (4, 8, 16, 32, 64),
    "banks": (1, 2, 4),
    "window_slots": (4, 8, 16),
    "input_elements": (1, 2, 4, 8),
    "max_shift": (1, 3, 7),
    "register_stages": (0, 1),
}
_RANGES = {
    "cores": (1, 16),
    "operand_width": (2, 8),
    "accumulator_width": (12, 32),
    "low_bits": (1, 32),
    "activation_words": (16, 65536),
    "term_words": (16, 131072),
    "descriptor_words": (64, 65536),
    "weight_words": (0, 65536),
    "weight_width": (2, 9),
}


@dataclass(frozen=True)
class AcceleratorConfig:
    """Parameters of the generated hardware.

    Attributes
    ----------
    layer_kinds : "all"; or "linear", without what fetches windows, for linear layers alone
    lanes : output pixels that a core works on at a time, N
    cores : output channels worked on at a time, C
    lane : "unary" (additions only) or "csd" (terms are shifted by 0..max_shift); to compare with,
        "mac" (terms are multiplied by a magnitude) or "signed_mac" (by a two's complement number)
    rails : operands of a lane; with 2 one mostly adds, one mostly subtracts
    terms_per_rail : additions per rail and cycle
    accumulator : "unsigned", which only adds, all terms of a cycle having one sign, is negated
        where the sign changes, and is clocked only where an operand is not 0; or "signed"; left
        out, or None, unsigned with one rail, no columns of weights and a factor without sign
    operand_width : bits of an activation in memory
    max_shift : largest shift of a "csd" term
    multiplier_width : bits of the number that a "mac" or "signed_mac" lane multiplies a term by;
        left out, or None, 8; the other lanes have none
    accumulator_width : signed bits of a lane's accumulator
    low_bits : accumulator bits that are clocked at every addition; the rest on carry only; all
        accumulator_width for an accumulator without gate
    banks : of the activation memory: input channels that are fetched at a time
    window_slots : windows buffered for the cores, two or more for each bank
    activation_words : words of `lanes` activations in all banks together
    term_words : bundles of terms per core
    descriptor_words : 32-bit words for layer descriptors
    weight_words : columns of weights per core, an element for each lane, for linear layers with
        lanes as outputs; 0 for none
    weight_width : bits of such a weight, sign and magnitude
    requantise_lanes : lanes requantised at a time, a power of two from lanes / 8 to lanes *
        banks; left out, or None, as many as lanes
    input_elements : activations in one transfer of the input stream, a beat; at most lanes
    register_stages : 0, or 1 for a shorter longest path, as FPGAs need it, and some cycles more:
        registers before the windows' reader, behind the term memory, before the lanes (not with
        columns of weights) and before the requantiser
    """

    layer_kinds: str = "all"
    lanes: int = 8
    cores: int = 4
    lane: str = "csd"
    rails: int = 1
    terms_per_rail: int = 1
    accumulator: str | None = None
    operand_width: int = 8
    max_shift: int = 3
    multiplier_width: int | None = None
    accumulator_width: int = 24
    low_bits: int = 8
    banks: int = 2
    window_slots: int = 16
    activation_words: int = 1024
    term_words: int = 32768
    descriptor_words: int = 4096
    weight_words: int = 0
    weight_width: int = 4
    requantise_lanes: int | None = None
    input_elements: int = 1
    register_stages: int = 0

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
        if self.window_slots < 2 * self.banks:
            raise InputError(
                f"window_slots = {self.window_slots}: must be at least two for each of "
                f"{self.banks} banks; lower banks"
            )
        if self.input_elements > self.lanes:
            raise InputError(
                f"input_elements = {self.input_elements}: must be at most lanes = {self.lanes}"
            )
        if self.activation_words % self.banks:
            raise InputError(
                f"activation_words = {self.activation_words}: must be a multiple of banks = "
                f"{self.banks}"
            )
        if self.low_bits > self.accumulator_width:
            raise InputError(
                f"low_bits = {self.low_bits}: must be at most accumulator_width = "
                f"{self.accumulator_width}"
            )
        self._check_multiplier()
        self._check_accumulator()
        if self.layer_kinds == "linear" and not self.weight_words:
            raise InputError(
                'weight_words = 0: layer_kinds = "linear" needs columns of weights, at least 1'
            )
        if self.weight_width > self.operand_width + 1:
            raise InputError(
                f"weight_width = {self.weight_width}: must be at most operand_width + 1 = "
                f"{self.operand_width + 1}"
            )
        if self.weight_words * self.column_words > 2**17:
            raise InputError(
                f"weight_words = {self.weight_words}: must be at most "
                f"{2**17 // self.column_words} for {self.lanes} lanes of {self.weight_width} bits"
            )
        if self.accumulator_width < self.step_width:
            raise InputError(
                f"accumulator_width = {self.accumulator_width}: must be at least "
                f"{self.step_width} for {self.terms} terms of {self.term_width} bits"
            )
        self._check_requantiser()

    def _check_multiplier(self) -> None:
        value = self.multiplier_width
        if value is not None and (type(value) is not int or not 2 <= value <= 8):
            raise InputError(f"multiplier_width = {value!r}: must be 2..8, or be left out")
        if self.multiplies and (self.weight_words or not self.windows):
            name, given = (
                ("weight_words", self.weight_words)
                if self.weight_words
                else ("layer_kinds", self.layer_kinds)
            )
            raise InputError(
                f"{name} = {given}: lanes of kind {self.lane} have no columns of weights; use "
                f"weight_words = 0 and layer_kinds = all, or lane = csd"
            )
        # One hardware, one fingerprint.
        object.__setattr__(self, "multiplier_width", (value or 8) if self.multiplies else None)

    def _check_accumulator(self) -> None:
        kinds = ("signed", "unsigned")
        if self.accumulator is not None and self.accumulator not in kinds:
            raise InputError(
                f"accumulator = {self.accumulator!r}: must be one of {', '.join(kinds)}, or be "
                "left out"
            )
        if self.accumulator == "unsigned" and self._needs_sign:
            name, fix = self._needs_sign
            raise InputError(
                f"{name} = {getattr(self, name)}: not with unsigned accumulators; use {fix}, or "
                "accumulator = signed"
            )
        # One hardware, one fingerprint.
        if self.accumulator == ("signed" if self._needs_sign else "unsigned"):
            object.__setattr__(self, "accumulator", None)

    @property
    def _needs_sign(self) -> tuple[str, str] | None:
        """A parameter for which accumulators must be signed, and what would change that."""
        obstacles = (
            ("rails", self.rails > 1, "rails = 1"),
            ("weight_words", self.weight_words > 0, "weight_words = 0"),
            ("lane", self.signed, "lane = mac"),
        )
        return next(((name, fix) for name, found, fix in obstacles if found), None)

    def _check_requantiser(self) -> None:
        sizes = [size for size in _powers(1, self.lanes * self.banks) if 8 * size >= self.lanes]
        value = self.requantise_lanes
        if value is not None and (value not in sizes or type(value) is not int):
            raise InputError(
                f"requantise_lanes = {value!r}: must be one of {', '.join(map(str, sizes))} for "
                f"{self.lanes} lanes and {self.banks} banks, or be left out"
            )
        if value == self.lanes:
            # One hardware, one fingerprint.
            object.__setattr__(self, "requantise_lanes", None)

    @property
    def shift(self) -> int:
        """Largest shift that a term may have: 0 for lanes that do not shift."""
        return self.max_shift if self.lane == "csd" else 0

    @property
    def unsigned(self) -> bool:
        """Whether accumulators are unsigned."""
        return self.accumulator != "signed" and self._needs_sign is None

    @property
    def multiplies(self) -> bool:
        """Whether lanes are of a conventional kind, which multiplies."""
        return self.lane in ("mac", "signed_mac")

    @property
    def signed(self) -> bool:
        """Whether a term's factor and sign are one two's complement number."""
        return self.lane == "signed_mac"

    @property
    def factor_bits(self) -> int:
        """Bits of a term's factor: the shift, or what the operand is multiplied by, without its
        sign; 0 for unary lanes."""
        if self.multiplier_width is None:
            return self.shift.bit_length()
        return self.multiplier_width - self.signed

    @property
    def term_width(self) -> int:
        """Bits of a shifted, or multiplied, operand without its sign."""
        return self.operand_width + (self.factor_bits if self.multiplies else self.shift)

    @property
    def terms(self) -> int:
        """Terms that a lane adds in one cycle."""
        return self.rails * self.terms_per_rail

    @property
    def step_width(self) -> int:
        """Bits of the sum of all terms of one cycle, and of its sign where it has one."""
        return self.term_width + (not self.unsigned) + (self.terms - 1).bit_length()

    @property
    def windows(self) -> bool:
        """Whether there is what fetches windows: convolution, pooling and all but linear layers."""
        return self.layer_kinds == "all"

    @property
    def linear(self) -> bool:
        """Whether linear layers can have lanes as outputs."""
        return self.weight_words > 0

    @property
    def largest_weight(self) -> int:
        """Largest magnitude of a weight in a column."""
        return (1 << self.weight_width - 1) - 1

    @property
    def column_words(self) -> int:
        """32-bit words of the program stream for a column of weights, a power of two."""
        return 1 << (-(-self.lanes * self.weight_width // 32) - 1).bit_length()

    @property
    def bank_words(self) -> int:
        """Words of one bank of the activation memory."""
        return self.activation_words // self.banks

    @property
    def term_address_bits(self) -> int:
        """Bits of the address of a bundle."""
        return max((self.term_words - 1).bit_length(), 16)

    @property
    def address_bits(self) -> int:
        """Bits of an address in a bank."""
        return (self.bank_words - 1).bit_length()

    @property
    def size_bits(self) -> int:
        """Bits of a number of words, 0..bank_words, and of where such a range ends."""
        return min(self.address_bits + 1, 16)

    @property
    def channel_bits(self) -> int:
        """Bits of the number of a channel that has at least a word in its bank."""
        return self.address_bits + self.banks.bit_length() - 1

    @property
    def part_lanes(self) -> int:
        """Lanes of a word that are requantised at a time."""
        return min(self.requantise_lanes or self.lanes, self.lanes)

    @property
    def parts(self) -> int:
        """Parts in which a word is requantised, one after another."""
        return self.lanes // self.part_lanes

    @property
    def requantisers(self) -> int:
        """Words, of neighbouring banks, that are requantised at a time."""
        return max((self.requantise_lanes or self.lanes) // self.lanes, 1)

    @property
    def operand_registers(self) -> bool:
        """Whether operands go through registers before the lanes."""
        return bool(self.register_stages and not self.weight_words)

    @property
    def halves(self) -> bool:
        """Whether a word can be stored as two halves: only where it is requantised as a whole."""
        return self.parts == 1

    @property
    def fingerprint(self) -> int:
        """32 bits that a program must repeat to be accepted by this hardware."""
        values = asdict(self)
        if not self.multiplies:
            del values["multiplier_width"]
        if not self.register_stages:
            del values["register_stages"]
        del values["accumulator"]
        if self.unsigned:
            values["accumulator"] = "unsigned"
        text = json.dumps([FORMAT_VERSION, values], sort_keys=True)
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


def _powers(low: int, high: int) -> list[int]:
    return [1 << bits for bits in range(low.bit_length() - 1, high.bit_length())]
