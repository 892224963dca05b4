"""Model of a core's stream of bundles (``rtl_gen.term_stream``): when each of them goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.unit import Unit
from pann_hw.program.layout import NO_TERM, bundle_fields, unpack

__all__ = ["Bundles", "TermStream"]


@dataclass(frozen=True, eq=False)
class Bundles:
    """The contents of a core's term memory, taken apart.

    Attributes
    ----------
    words : the bundles as integers
    advance, reach : windows that a bundle steps forward, and how many must be there from then on
    last : whether a bundle ends its tile
    active : bit for each place: whether it has a term
    terms : of each bundle (place, windows ahead, rest of the term's fields) of every term
    """

    words: list[int]
    advance: list[int]
    reach: list[int]
    last: list[int]
    active: list[int]
    terms: list[list[tuple[int, int, int]]]

    @classmethod
    def of(cls, config: AcceleratorConfig, memory: np.ndarray) -> Bundles:
        """Take a memory's words apart."""
        fields = bundle_fields(config)
        words = [int(word) for word in memory]
        records = [unpack(fields, word) for word in words]
        terms = [
            [
                (
                    place,
                    record[f"ahead{place}"],
                    record[f"offset{place}"]
                    | record[f"negative{place}"] << 2
                    | record.get(f"factor{place}", 0) << 3,
                )
                for place in range(config.terms)
                if record[f"offset{place}"] != NO_TERM
            ]
            for record in records
        ]
        advance = [record["advance"] for record in records]
        return cls(
            words,
            advance,
            [max((ahead for _, ahead, _ in there), default=0) + 1 for there in terms],
            [record["last"] for record in records],
            [sum(1 << place for place, *_ in there) for there in terms],
            terms,
        )


class TermStream(Unit):
    """See :class:`rtl_gen.term_stream.TermStream`.

    Attributes
    ----------
    issued : (cycle, address) of every bundle of the inference under way
    """

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int], bundles: Bundles) -> None:
        super().__init__(config, flips)
        self._bundles = bundles
        self._slots, self._mask = config.window_slots, 2 * config.window_slots - 1
        self._last_address = (1 << config.term_address_bits) - 1
        self.first = self.following = self.tile = self.tile_end = self.position = 0
        self.enabled = self.pending = self.fresh = self.held_sums = self.stepped = 0
        self.done = 1
        self.bundle = self.control = self.negated = 0
        # Of each place the slot, and the other fields, of its last term, 32 bits each.
        self.terms = 0
        # The registers that follow control and terms, with operand_registers.
        self.held_control = self.held_terms = self.held_turn = 0
        self._turn = 0
        # With register_stages, of the register behind the memory.
        self.held_bundle = self.final = self.ahead = self.farthest = 0
        # Addresses of the bundle that waits, and of the one that the memory gives.
        self._at = self._given = 0
        self.issued: list[tuple[int, int]] = []

    def blocking(self, accepted: int) -> bool:
        """There is no room for another group of windows."""
        held = accepted - self.position & self._mask
        return bool(self.enabled) and self._slots - self._config.banks < held <= self._slots

    def issues(self, filled: int) -> bool:
        """Whether a bundle is issued in this cycle."""
        if not self.pending:
            return False
        available = filled - self.position & self._mask
        return self._step + self._bundles.reach[self._at] <= available <= self._slots and not (
            self._bundles.last[self._at] and self.held_sums
        )

    @property
    def _step(self) -> int:
        """Windows that the bundle has yet to step forward."""
        return 0 if self.stepped else self._bundles.advance[self._at]

    def jump(self, target: int) -> None:
        """A clock edge that sets the address of the next pass's first bundle."""
        self.put("first", target & self._last_address)

    def start(self, *, enable: bool, windows: int, base: int) -> None:
        """A clock edge that begins a pass."""
        self.put("enabled", int(enable))
        if not enable:
            return
        self.put("done", 0)
        self.put("ahead" if self._config.register_stages else "pending", 1)
        self.put("fresh", 1)
        self.put("stepped", 0)
        self.put("tile", 0)
        self.put("position", base)
        self.put("tile_end", base + windows & self._mask)
        self._read(self.first)

    def hold(self) -> None:
        """Any clock edge, for the control that goes with registered operands."""
        self.put("held_control", self.control, "term_stream")
        self.put("held_terms", self.terms, "term_stream")
        self.put("held_turn", self._turn)

    def rest(self) -> None:
        """A clock edge at which no bundle is issued."""
        self.put("control", 0, "term_stream")
        self._turn = 0

    def clock(
        self, cycle: int, filled: int, *, issue: bool, taken: bool, tiles: int, windows: int
    ) -> None:
        """Any other clock edge."""
        if taken:
            self.put("held_sums", 0)
        take = issue
        if self._config.register_stages:
            take = bool(self.ahead) and (issue or not self.pending)
        pending = self.pending
        if issue:
            self._issue(cycle, tiles, windows)
        else:
            self.rest()
            if pending and filled - self.position & self._mask <= self._slots:
                self.put("position", self.position + self._step & self._mask)
                self.put("stepped", 1)
                if self._config.register_stages:
                    self.put("farthest", self._bundles.reach[self._at] - 1)
        if self._config.register_stages:
            self.put("pending", int(take or (pending and not issue)))
            if take:
                self._hold_bundle(tiles)
        if take:
            self._go_on(tiles)

    def _issue(self, cycle: int, tiles: int, windows: int) -> None:
        """The bundle that waits goes."""
        bundles, at, registers = self._bundles, self._at, self._config.register_stages
        self.issued.append((cycle, at))
        last = bundles.last[at]
        self._control(at, last)
        self.put("fresh", last)
        step = self._step
        self.put("stepped", 0)
        if not last:
            self.put("position", self.position + step & self._mask)
            return
        self.put("held_sums", 1)
        self.put("position", self.tile_end)
        self.put("tile_end", self.tile_end + windows & self._mask)
        if self.final if registers else self.tile + 1 == tiles:
            self.put("done", 1)
            if not registers:
                self.put("pending", 0)

    def _hold_bundle(self, tiles: int) -> None:
        """The register takes the bundle that the memory gives."""
        self._at = self._given
        bundles, at = self._bundles, self._at
        ends = int(bundles.last[at] and self.tile + 1 == tiles)
        self.put("held_bundle", bundles.words[at], "term_stream")
        self.put("farthest", bundles.advance[at] + bundles.reach[at] - 1)
        self.put("final", ends)
        self.put("ahead", 1 - ends)

    def _go_on(self, tiles: int) -> None:
        """The memory's bundle has been taken: the next one is read, if there is one."""
        if not self._bundles.last[self._at]:
            self._read(self.following)
            return
        if self.tile + 1 == tiles:
            following = self.following
            self.put("following", self.first + 1 & self._last_address, "memory_ports")
            self.put("first", following)
        else:
            self._read(self.first)
        self.put("tile", self.tile + 1 & 0xFFFF)

    def _control(self, at: int, last: int) -> None:
        """The registered control of a bundle."""
        bundles = self._bundles
        active = bundles.active[at]
        enable = int(active != 0 or self.fresh or (self._config.unsigned and last))
        control = enable | self.fresh << 1 | last << 2 | active << 3
        self.put("control", control, "term_stream")
        self._turn = 0
        if enable and self._config.unsigned:
            # All terms of a bundle have one sign, the third bit of what is kept of them.
            negative = int(any(rest >> 2 & 1 for *_, rest in bundles.terms[at]))
            self._turn = int(negative != self.negated and not self.fresh)
            self.put("negated", negative)
        reached = self.position + self._step
        held = self.terms
        for place, ahead, rest in bundles.terms[at]:
            slot = reached + ahead & self._slots - 1
            held = held & ~(0xFFFFFFFF << 32 * place) | (slot | rest << 8) << 32 * place
        self.put("terms", held, "term_stream")

    def _read(self, address: int) -> None:
        """The memory gives a bundle."""
        self._given = address
        if not self._config.register_stages:
            self._at = address
        self.put("following", address + 1 & self._last_address, "memory_ports")
        self.put("bundle", self._bundles.words[address], "term_stream")
