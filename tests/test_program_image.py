"""Memory images: the stream's format and checksum, several operating points, errors."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.program.compile import compile_network
from pann_hw.program.image import Image, column_integers, link
from pann_hw.program.layout import (
    CORE,
    CORE_WORDS,
    END_SECTION,
    LINEAR,
    MAGIC,
    MAX_POINTS,
    PASS,
    PASS_WORDS,
    POINT,
    POINT_WORDS,
    SEGMENT,
    SEGMENT_WORDS,
    Fields,
    bundle_words,
    directory_stride,
)
from pann_hw.program.program import Pass, Program
from tests.random_networks import (
    feature_map_network,
    linear_network,
    one_layer,
    residual_network,
)

CONFIG = AcceleratorConfig(cores=3, descriptor_words=4096, term_words=16384)


@pytest.fixture
def networks(rng: np.random.Generator) -> list[IntegerNetwork]:
    return [make(rng, 2)[0] for make in (residual_network, feature_map_network)]


@pytest.fixture
def programs(networks: list[IntegerNetwork]) -> list[Program]:
    return [compile_network(n, CONFIG, e) for n in networks for e in ("csd", "unary")]


def sections(stream: np.ndarray, config: AcceleratorConfig = CONFIG) -> dict[int, list[int]]:
    """Target -> words of a program stream, read as the accelerator reads it."""
    words = stream.tolist()
    assert words[:2] == [MAGIC, config.fingerprint]
    found: dict[int, list[int]] = {}
    position = 2
    while words[position] & 0xFFFF != END_SECTION:
        target, start, count = words[position] & 0xFFFF, words[position] >> 16, words[position + 1]
        assert count > 0
        assert start == 0
        assert target not in found
        found[target] = words[position + 2 : position + 2 + count]
        position += 2 + count
    assert position == len(words) - 2
    return found


def record(fields: Fields, words: list[int]) -> dict[str, int]:
    """A record's fields, taken bit by bit from the lowest on."""
    whole = sum(word << 32 * index for index, word in enumerate(words))
    values = {}
    for name, width in fields.items():
        values[name] = whole & (1 << width) - 1
        whole >>= width
    return values


def test_stream_holds_the_memories(programs: list[Program]) -> None:
    image = link(programs)
    stream = image.stream()
    assert stream.dtype == np.dtype("<u4")
    found = sections(stream)
    assert found[0] == image.descriptors.tolist()
    assert set(found) == set(range(1 + CONFIG.cores))
    for core in range(CONFIG.cores):
        assert found[1 + core] == image.terms[core].tolist()
    assert stream.tobytes() == link(programs).stream().tobytes()


def test_wide_bundles_take_two_words(networks: list[IntegerNetwork]) -> None:
    config = replace(CONFIG, rails=2, terms_per_rail=2, max_shift=7)
    image = link([compile_network(networks[0], config, "csd")])
    assert bundle_words(config) == 2
    found = sections(image.stream(), config)
    for core, memory in enumerate(image.terms):
        words = found[1 + core]
        low, high = words[::2], words[1::2]
        assert [a | b << 32 for a, b in zip(low, high, strict=True)] == memory.tolist()
    assert max(map(max, image.terms)) >= 2**32


def test_checksum_is_that_of_the_bytes(programs: list[Program]) -> None:
    stream = link(programs).stream()
    assert int(stream[-1]) == zlib.crc32(stream[:-1].tobytes())
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32/ISO-HDLC


def test_empty_memories_have_no_section() -> None:
    terms = (np.zeros(0, np.uint64),) * CONFIG.cores
    image = Image(CONFIG, np.zeros(64, np.uint32), terms)
    assert list(sections(image.stream())) == [0]


@pytest.mark.parametrize(
    ("lanes", "elements", "shape", "columns"),
    [
        (8, 1, (2, 3, 8), 8),
        (8, 2, (2, 3, 8), 4),
        (8, 8, (2, 3, 8), 1),
        (8, 4, (2, 3, 6), None),  # a beat goes on in the next row
        (4, 4, (2, 3, 8), None),  # two pixels of a row in each lane
        (32, 2, (2, 3, 6), 3),
    ],
)
def test_beats_that_are_written_whole(
    lanes: int, elements: int, shape: tuple[int, int, int], columns: int | None
) -> None:
    config = AcceleratorConfig(lanes=lanes, input_elements=elements, banks=1, window_slots=4)
    program = compile_network(one_layer(shape, (1, 1)), config, "csd")
    grid = program.placements["x"].grid
    point = record(POINT, link([program]).descriptors[:POINT_WORDS].tolist())
    assert point["whole_beats"] == int(elements > 1 and columns is not None)
    assert point["columns"] == (columns or grid.columns_used)
    assert 2 ** point["columns_bits"] == grid.columns


def test_every_point_is_found_from_the_directory(
    networks: list[IntegerNetwork], programs: list[Program]
) -> None:
    """Walk all descriptors from each directory entry on, and meet every pass and every term."""
    image = link(programs)
    stride = directory_stride(CONFIG)
    for point, program in enumerate(programs):
        network = networks[point // 2]
        entry = image.descriptors[point * stride :].tolist()
        place = program.placements["x"]
        head = record(POINT, entry[:POINT_WORDS])
        grid = place.grid
        assert (head["channels"], *grid.size) == network.input.shape
        assert (head["strips"], head["columns"]) == (grid.strips, grid.columns_used)
        assert (head["last_rows"], head["last_steps"]) == (grid.last_rows, grid.last_steps)
        assert not head["whole_beats"]
        assert head["transposed"] == place.grid.transposed
        assert (head["base"], head["pitch"]) == (place.base, place.grid.words)
        assert (head["rows"], head["steps"]) == (place.grid.rows, place.grid.steps)
        assert 2 ** head["columns_bits"] == place.grid.columns
        position = head["first_pass"]
        next_term = entry[POINT_WORDS : POINT_WORDS + CONFIG.cores]
        for index, item in enumerate(program.passes):
            words = image.descriptors[position:].tolist()
            head = record(PASS, words[:PASS_WORDS])
            position += PASS_WORDS
            layer = network.layers[item.layer]
            assert head["final"] == int(index == len(program.passes) - 1)
            assert head["pool"] == int(not isinstance(layer, Accumulate))
            assert head["raw"] == int(isinstance(layer, Accumulate) and layer.raw)
            check_pass(head, item)
            for segment in item.segments:
                words = image.descriptors[position : position + SEGMENT_WORDS].tolist()
                assert record(SEGMENT, words) == segment.fields() | {"_reserved": 0}
                position += SEGMENT_WORDS
            assert head["two_segments"] == len(item.segments) - 1
            assert head["cores"] == (0 if item.pool else item.channels)
            for core in range(head["cores"]):
                words = image.descriptors[position : position + CORE_WORDS].tolist()
                channel = program.channel_orders[item.layer][item.first_channel + core]
                check_core(record(CORE, words), layer, channel, head["steps"])
                position += CORE_WORDS
                stream, start = item.bundles[core], next_term[core]
                assert (image.terms[core][start : start + len(stream)] == stream).all()
                next_term[core] += len(stream)
    assert next_term == [len(memory) for memory in image.terms]


def check_pass(head: dict[str, int], item: Pass) -> None:
    """The record of a pass, against the pass."""
    grid = item.grid
    assert (head["rows"], head["steps_wide"]) == (grid.rows, grid.steps)
    assert (head["strips"], head["columns"]) == (grid.strips, grid.columns_used)
    assert (head["last_rows"], head["last_steps"]) == (grid.last_rows, grid.last_steps)
    assert 2 ** head["columns_bits"] == grid.columns
    assert (head["bank"], head["output_base"]) == item.place(0)
    assert head["output_pitch"] == grid.words == item.tiles
    around = 2 * CONFIG.window_slots
    assert head["windows"] == item.windows % around
    assert head["pass_windows"] == sum(item.windows for _ in range(item.tiles)) % around
    assert head["after"] == int(item.after)
    assert head["q_max"] == item.q_max


def check_core(core: dict[str, int], layer: object, channel: int, steps: int) -> None:
    """The record of a core, against its channel of the integer network."""
    assert isinstance(layer, Accumulate)
    assert core["bias"] - (core["bias"] >> 31 << 32) == layer.bias[channel]
    found = [
        (core[f"add{index}"] - core[f"subtract{index}"], core[f"shift{index}"])
        for index in range(steps)
    ]
    expected = () if layer.scales is None else layer.scales[channel].steps
    idle = len(found) - len(expected)
    assert all(digit == 0 for digit, _ in found[:idle])
    assert tuple(found[idle:]) == expected


LINEAR_CONFIG = replace(
    CONFIG, lanes=16, banks=4, window_slots=8, weight_words=4096, weight_width=5
)


@pytest.fixture
def linear(rng: np.random.Generator) -> list[Program]:
    """Twice linear layers with lanes as outputs, of different networks."""
    programs = [compile_network(linear_network(rng, 2)[0], LINEAR_CONFIG, "csd") for _ in range(2)]
    assert all(program.linear for program in programs)
    return programs


@pytest.mark.parametrize("lanes", [4, 8, 16, 32])
@pytest.mark.parametrize("weight_width", [2, 3, 4, 8])
def test_columns_are_magnitudes_with_signs(
    lanes: int, weight_width: int, rng: np.random.Generator
) -> None:
    config = AcceleratorConfig(lanes=lanes, weight_width=weight_width, weight_words=8)
    largest = config.largest_weight
    weights = rng.integers(-largest, largest + 1, (7, lanes))
    for column, row in zip(column_integers(weights, config), weights, strict=True):
        for lane, weight in enumerate(row.tolist()):
            field = column >> lane * weight_width & (1 << weight_width) - 1
            assert field & largest == abs(weight)
            assert field >> weight_width - 1 == (weight < 0)
        assert column < 2 ** (lanes * weight_width)


def test_weight_memories_come_after_those_of_terms(linear: list[Program]) -> None:
    image = link(linear)
    found = sections(image.stream(), LINEAR_CONFIG)
    cores, parts = LINEAR_CONFIG.cores, LINEAR_CONFIG.column_words
    assert set(found) == set(range(1 + 2 * cores))
    for core in range(cores):
        words = found[1 + cores + core]
        assert len(words) == parts * len(image.weights[core])
        columns = [
            sum(word << 32 * part for part, word in enumerate(words[first : first + parts]))
            for first in range(0, len(words), parts)
        ]
        assert columns == column_integers(image.weights[core], LINEAR_CONFIG)


def test_every_linear_pass_finds_its_columns(linear: list[Program]) -> None:
    """Those of all cores begin at one column, whether they take part or not."""
    image = link(linear)
    stride = directory_stride(LINEAR_CONFIG)
    column = 0
    for point, program in enumerate(linear):
        entry = image.descriptors[point * stride :].tolist()
        position = record(POINT, entry[:POINT_WORDS])["first_pass"]
        for item in program.passes:
            words = image.descriptors[position:].tolist()
            head = record(PASS, words[:PASS_WORDS])
            assert head["linear"] == int(item.columns is not None)
            position += PASS_WORDS + SEGMENT_WORDS * max(len(item.segments), 1)
            position += CORE_WORDS * head["cores"]
            if item.columns is None:
                continue
            read = record(LINEAR, words[PASS_WORDS : PASS_WORDS + SEGMENT_WORDS])
            place = program.placements[item.columns.tensor]
            assert (read["base"], read["words"]) == (place.base, place.words)
            assert read["last_words"] == place.grid.words
            assert read["last_bank"] == (place.shape[0] - 1) % 4
            assert read["column"] == column
            assert read["biases"] == item.columns.biases
            assert 0 < read["span"] <= 16
            for core, memory in enumerate(image.weights):
                stored = memory[column : column + len(item.columns)]
                if core < item.channels:
                    assert (stored == item.columns.weights[core]).all()
                else:
                    assert not stored.any()
            column += len(item.columns)
    assert {len(memory) for memory in image.weights} == {column}
    assert column == sum(program.weight_words for program in linear)


def test_columns_of_all_points_must_fit(linear: list[Program]) -> None:
    needed = sum(program.weight_words for program in linear)
    programs = [
        replace(program, config=replace(LINEAR_CONFIG, weight_words=needed)) for program in linear
    ]
    link(programs)
    small = replace(LINEAR_CONFIG, weight_words=needed - 1)
    message = rf"together need {needed} words, .* {needed - 1}: raise weight_words, or load fewer"
    with pytest.raises(InputError, match=message):
        link([replace(program, config=small) for program in linear])


def test_memories_that_no_pass_uses_have_no_section(networks: list[IntegerNetwork]) -> None:
    config = replace(CONFIG, weight_words=64)
    found = sections(link([compile_network(networks[1], config, "csd")]).stream(), config)
    assert set(found) == set(range(1 + CONFIG.cores))


def test_unused_directory_entries_are_zero(programs: list[Program]) -> None:
    image = link(programs[:3])
    stride = directory_stride(CONFIG)
    directory = image.descriptors[: MAX_POINTS * stride]
    assert [bool(directory[point * stride]) for point in range(MAX_POINTS)] == [True] * 3 + [
        False
    ] * 5


@pytest.mark.parametrize("count", [0, MAX_POINTS + 1])
def test_number_of_points_is_checked(programs: list[Program], count: int) -> None:
    message = rf"{count} operating points, must be 1\.\.8"
    with pytest.raises(InputError, match=message):
        link(programs[:1] * count)


def test_points_share_one_configuration(networks: list[IntegerNetwork]) -> None:
    other = replace(CONFIG, cores=2)
    programs = [compile_network(networks[0], config, "unary") for config in (CONFIG, other)]
    with pytest.raises(InputError, match="for different configurations; compile all for one"):
        link(programs)


@pytest.mark.parametrize("parameter", ["descriptor_words", "term_words"])
def test_memories_must_hold_all_points(networks: list[IntegerNetwork], parameter: str) -> None:
    sizes = {"cores": 3, "descriptor_words": 4096, "term_words": 16384}
    whole = link([compile_network(n, CONFIG, "unary") for n in networks])
    used = {
        "descriptor_words": len(whole.descriptors),
        "term_words": max(map(len, whole.terms)),
    }[parameter]
    exact = AcceleratorConfig.of(sizes | {parameter: used}, "test")
    link([compile_network(n, exact, "unary") for n in networks])
    small = AcceleratorConfig.of(sizes | {parameter: used - 1}, "test")
    message = rf"together need {used} words, .* {used - 1}: raise {parameter}, or load fewer"
    with pytest.raises(InputError, match=message):
        link([compile_network(n, small, "unary") for n in networks])
