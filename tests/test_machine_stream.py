"""A core's stream of bundles: what it waits for, what it issues, what its registers flip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.stream import Bundles, TermStream
from pann_hw.program.layout import NO_TERM, bundle_fields, pack

CONFIG = AcceleratorConfig(banks=2, window_slots=8, lane="csd", rails=2)
TERM, NONE = 1, NO_TERM


def bundle(advance: int = 0, last: int = 0, *terms: tuple[int, int, int, int]) -> int:
    """A packed bundle of (offset, ahead, negative, factor) for each place; the rest has no term."""
    record = {"advance": advance, "last": last}
    for place in range(CONFIG.terms):
        offset, ahead, negative, factor = terms[place] if place < len(terms) else (NONE, 0, 0, 0)
        record |= {
            f"offset{place}": offset,
            f"ahead{place}": ahead,
            f"negative{place}": negative,
            f"factor{place}": factor,
        }
    return pack(bundle_fields(CONFIG), record)


@pytest.mark.parametrize("lane", ["csd", "unary", "mac", "signed_mac"])
@pytest.mark.parametrize("terms_per_rail", [1, 2])
def test_bundles_are_taken_apart(lane: str, terms_per_rail: int, rng: np.random.Generator) -> None:
    config = AcceleratorConfig(lane=lane, terms_per_rail=terms_per_rail)
    fields = bundle_fields(config)
    records = [
        {name: int(rng.integers(0, 2**width)) for name, width in fields.items()} for _ in range(200)
    ]
    memory = np.array([pack(fields, record) for record in records], np.uint64)
    found = Bundles.of(config, memory)
    assert found.words == memory.tolist()
    for index, record in enumerate(records):
        places = [p for p in range(config.terms) if record[f"offset{p}"] != NO_TERM]
        assert found.active[index] == sum(2**place for place in places)
        assert [place for place, *_ in found.terms[index]] == places
        furthest = max((record[f"ahead{place}"] for place in places), default=0)
        assert found.advance[index] == record["advance"]
        assert found.reach[index] == furthest + 1
        assert found.last[index] == record["last"]
        for place, ahead, rest in found.terms[index]:
            assert ahead == record[f"ahead{place}"]
            assert rest & 3 == record[f"offset{place}"]
            assert rest >> 2 & 1 == record[f"negative{place}"]
            assert rest >> 3 == record.get(f"factor{place}", 0)


def stream(*bundles: int, config: AcceleratorConfig = CONFIG) -> tuple[TermStream, dict[str, int]]:
    flips = {"control": 0, "memory_ports": 0, "term_stream": 0}
    return TermStream(config, flips, Bundles.of(config, np.array(bundles, np.uint64))), flips


def test_bundles_wait_for_their_windows() -> None:
    """A bundle goes when the last window that it reaches is there."""
    unit, _ = stream(
        bundle(0, 0, (TERM, 2, 0, 0)), bundle(3, 0, (TERM, 1, 0, 0)), bundle(1, 1, (TERM, 0, 0, 0))
    )
    unit.start(enable=True, windows=6, base=0)
    issued = []
    for cycle, filled in enumerate((0, 2, 2, 4, 4, 4, 6, 6, 6)):
        issue = unit.issues(filled)
        unit.clock(cycle, filled, issue=issue, taken=False, tiles=1, windows=6)
        issued.append(issue)
    # Window 2, then 3 + 1, then 3 + 1 + 0.
    assert issued == [False, False, False, True, False, False, True, True, False]
    assert unit.issued == [(3, 0), (6, 1), (7, 2)]
    assert unit.done
    assert unit.position == 6


def test_a_waiting_bundle_leaves_the_windows_before_its_own() -> None:
    """It steps forward once, when the reader has come to where it stands."""
    unit, _ = stream(bundle(5, 1, (TERM, 1, 0, 0)))
    unit.start(enable=True, windows=8, base=4)
    positions = []
    for cycle, filled in enumerate((2, 2, 4, 6, 10, 12)):
        issue = unit.issues(filled)
        assert issue == (filled == 12)
        unit.clock(cycle, filled, issue=issue, taken=False, tiles=2, windows=8)
        positions.append(unit.position)
    assert positions == [4, 4, 9, 9, 9, 12]
    assert not unit.stepped


def test_a_tile_ends_only_when_sums_may_be_kept() -> None:
    """The last bundle waits for the sums before to be taken; taking them is enough."""
    unit, _ = stream(bundle(0, 0, (TERM, 0, 0, 0)), bundle(0, 1, (TERM, 1, 0, 0)))
    unit.start(enable=True, windows=2, base=4)
    steps = []
    for cycle in range(8):
        issue = unit.issues(8)
        taken = cycle == 5
        unit.clock(cycle, 8, issue=issue, taken=taken, tiles=3, windows=2)
        steps.append((issue, unit.position))
    assert [issue for issue, _ in steps] == [True, True, True, False, False, False, True, False]
    # Tiles begin where windows are counted from, whatever the bundles moved.
    assert [position for _, position in steps] == [4, 6, 6, 6, 6, 6, 8, 8]
    assert not unit.done
    assert [address for _, address in unit.issued] == [0, 1, 0, 1]


def test_windows_that_are_needed_block_the_next_group() -> None:
    unit, _ = stream(bundle(0, 1, (TERM, 0, 0, 0)))
    assert not any(unit.blocking(accepted) for accepted in range(16))
    unit.start(enable=True, windows=2, base=14)
    for held in range(9):
        # There is room for a group of 2 windows up to 6 of 8.
        assert unit.blocking(14 + held & 15) == (held > 6)
    unit.start(enable=False, windows=2, base=0)
    assert unit.enabled == 0
    assert not unit.blocking(6)


def test_the_next_pass_begins_behind_the_last_bundle() -> None:
    unit, _ = stream(*(bundle(0, 1, (TERM, 0, 0, 0)) for _ in range(3)))
    unit.jump(1)
    addresses = []
    for base in (0, 1):
        unit.start(enable=True, windows=1, base=base)
        unit.clock(base, 2, issue=unit.issues(2), taken=True, tiles=1, windows=1)
        addresses.append(unit.issued[-1][1])
        unit.put("held_sums", 0)
    assert addresses == [1, 2]
    assert unit.first == 3


def test_registered_bundles_are_read_ahead() -> None:
    """The first one goes a cycle later, the others, and those of the next tile, one a cycle."""
    words = (bundle(0, 0, (TERM, 0, 0, 0)), bundle(0, 1, (TERM, 1, 0, 0)))
    unit, _ = stream(*words, config=replace(CONFIG, register_stages=1))
    unit.start(enable=True, windows=2, base=0)
    issued, held = [], []
    for cycle in range(7):
        # The reader is late for the second bundle.
        filled = 8 if cycle > 3 else 1
        issue = unit.issues(filled)
        unit.clock(cycle, filled, issue=issue, taken=True, tiles=2, windows=2)
        issued.append(issue)
        held.append(unit.held_bundle)
    assert issued == [False, True, False, False, True, True, True]
    assert [at for _, at in unit.issued] == [0, 1, 0, 1]
    # What waits in the register stays there, with the next one behind it.
    assert held == [words[0], words[1], words[1], words[1], words[0], words[1], words[1]]
    assert unit.done
    assert (unit.pending, unit.ahead, unit.final) == (0, 0, 1)


def test_flips_of_the_control_by_hand() -> None:
    """Enable, first, last, a bit for each place, then slot, offset, shift and sign of its term."""
    words = (
        bundle(0, 0, (1, 0, 0, 3)),
        bundle(3, 0, (2, 1, 1, 3), (0, 0, 0, 1)),
        bundle(2, 1),
    )  # fmt: skip
    unit, flips = stream(*words)
    unit.start(enable=True, windows=8, base=8)
    after_start = flips["term_stream"]
    assert after_start == words[0].bit_count()
    counts = []
    for cycle in range(3):
        before = flips["term_stream"]
        unit.clock(cycle, 8, issue=True, taken=False, tiles=1, windows=8)
        counts.append(flips["term_stream"] - before)
    memory = [(words[0] ^ words[1]).bit_count(), (words[1] ^ words[2]).bit_count(), 0]
    registers = [
        # enable, first, place 0; slot 8 is slot 0; offset 0 -> 1, shift 0 -> 3
        3 + 0 + 1 + 2,
        # first ends, place 1 begins; slot 0 -> 4, offset 1 -> 2, sign; slot 0 -> 3, shift 0 -> 1
        2 + (1 + 2 + 1) + (2 + 1),
        # enable ends, both places end, last begins; the terms' fields are kept
        1 + 2 + 1,
    ]
    assert counts == [m + r for m, r in zip(memory, registers, strict=True)]
    assert flips["control"] > 0
    before = flips["term_stream"]
    unit.clock(3, 8, issue=False, taken=False, tiles=1, windows=8)
    assert flips["term_stream"] - before == 1
