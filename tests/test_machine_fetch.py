"""Window sequencer and row reader against the enumeration that compiler and interpreter use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.fetch import Request, RequestRegister, RowReader, WindowSequencer
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.layout import (
    CORE_WORDS,
    PASS,
    PASS_WORDS,
    SEGMENT_WORDS,
    unpack,
)
from pann_hw.program.program import Pass, Program
from tests.random_networks import (
    feature_map_network,
    random_config,
    random_network,
    residual_network,
)


def flips() -> dict[str, int]:
    return {"control": 0, "memory_ports": 0}


def whole(words: np.ndarray) -> int:
    """Words of 32 bits as one integer, lowest first."""
    return sum(int(word) << 32 * index for index, word in enumerate(words))


def descriptors(program: Program) -> Iterator[tuple[int, list[int]]]:
    """The record of each pass, and of its segments, both of them."""
    image = link([program])
    position = int(image.descriptors[0]) & 0xFFFF
    for item in program.passes:
        bits = whole(image.descriptors[position : position + PASS_WORDS])
        position += PASS_WORDS
        segments = [0, 0]
        for number in range(len(item.segments)):
            segments[number] = whole(image.descriptors[position : position + SEGMENT_WORDS])
            position += SEGMENT_WORDS
        yield bits, segments
        position += CORE_WORDS * unpack(PASS, bits)["cores"]


def expected(item: Pass, lanes: int) -> Iterator[tuple[int, list[int], int, bool]]:
    """(address, lane of each element or -1, padding, end of a channel) of each group of windows."""
    made = item.grid
    for tile in range(made.words):
        row, step = divmod(tile, made.steps)
        for one in item.segments:
            for window in one.window_list():
                if window.channel % one.banks:
                    continue
                word, strips, shift = one.position(row, step, window)
                source = one.source_lanes(word, strips, shift, lanes).tolist()
                address = one.base + window.channel // one.banks * one.grid.words + word
                last = (window.row + 1, window.column) == (one.kernel[0], one.taps[-1][0])
                yield address, source, one.pad_value, last


def taken(reader: RowReader, config: AcceleratorConfig) -> tuple[list[int], int]:
    """Lanes that the reader's registers pick, and what they pad with, as the hardware does."""
    fields = {
        name: config.lanes.bit_length() - (name in {"turn", "columns"})
        for name in ("turn", "low", "high", "left", "right", "columns")
    } | {"pad_value": 8}
    held = unpack(fields, reader.held)
    lanes = []
    for lane in range(config.lanes):
        column = lane & held["columns"]
        inside = held["low"] <= lane < held["high"] and held["left"] <= column < held["right"]
        lanes.append((lane + held["turn"]) % config.lanes if inside else -1)
    return lanes, held["pad_value"]


def check(program: Program) -> int:
    """All requests of all passes; how many there are."""
    config, count = program.config, 0
    sequencer, reader = WindowSequencer(config, flips()), RowReader(config, flips())
    for item, (bits, segments) in zip(program.passes, descriptors(program), strict=True):
        sequencer.clock((bits, segments), go=False)
        assert sequencer.busy
        for address, source, pad, last in expected(item, config.lanes):
            while not sequencer.active:
                sequencer.clock(None, go=False)
            where = f"pass {item.layer}, {item.segments}"
            assert sequencer.address() == address, where
            reader.clock(sequencer.request())
            assert reader.write
            assert reader.group_last == last, where
            assert taken(reader, config) == (source, pad), where
            sequencer.clock(None, go=True)
            count += 1
        assert not sequencer.busy
    return count


def test_requests_are_the_windows_in_order(rng: np.random.Generator) -> None:
    for index in range(40):
        config = random_config(rng, cores=4)
        if index < 8:
            network, _ = (residual_network, feature_map_network)[index % 2](rng, 1 + index // 2)
        else:
            network, _ = random_network(rng, 5, layers=4)
        assert check(compile_network(network, config, "unary"))


def test_requests_wait(rng: np.random.Generator) -> None:
    """One that is not accepted stays as it is."""
    network, _ = residual_network(rng, 2)
    program = compile_network(network, AcceleratorConfig(), "unary")
    counted = flips()
    sequencer = WindowSequencer(program.config, counted)
    sequencer.clock(next(descriptors(program)), go=False)
    for _ in range(20):
        while not sequencer.active:
            sequencer.clock(None, go=False)
        before = sequencer.address(), sequencer.request(), dict(counted)
        sequencer.clock(None, go=False)
        assert (sequencer.address(), sequencer.request(), counted) == before
        sequencer.clock(None, go=True)
        assert counted["control"] > before[2]["control"]


def test_nothing_is_written_without_a_request() -> None:
    reader = RowReader(AcceleratorConfig(), flips())
    reader.clock(Request(5, 0, 0, 1, 1, 3, 0, 1))
    held = reader.held
    assert (reader.write, reader.group_last) == (1, 1)
    reader.clock(None)
    assert (reader.write, reader.held, reader.group_last) == (0, held, 1)


def test_flips_of_the_read_port() -> None:
    counted = flips()
    reader = RowReader(AcceleratorConfig(), counted)
    reader.ports(0b101, go=True)
    reader.ports(0b110, go=False)
    reader.ports(0b110, go=True)
    assert counted == {"control": 0, "memory_ports": 3 + 3 + 1}


def test_a_request_waits_in_its_register() -> None:
    """It stays until it is taken, and the next one comes in that very cycle."""
    counted = flips()
    register = RequestRegister(AcceleratorConfig(), counted)
    first, second = (Request(address, -1, 2, 1, 1, 3, 15, 0) for address in (1, 2))
    assert register.ready(go=False)
    register.clock(first, go=False)
    # valid; address; strips -1, lanes 2, there 1 and 1, columns_bits 3, pad_value 15
    assert counted["control"] == 1 + 1 + 8 + 1 + 1 + 1 + 2 + 4
    assert (register.valid, register.request, register.ready(go=False)) == (1, first, False)
    register.clock(second, go=False)
    assert register.request == first
    register.clock(second, go=True)
    assert (register.valid, register.request) == (1, second)
    register.clock(None, go=True)
    assert register.valid == 0
