"""Blocks of memory that a configuration takes, and what is said of too many."""

from dataclasses import replace

import pytest

from boards.board import Memory
from boards.catalogue import BOARDS
from boards.fits import check_memories, largest_memory, memory_needs, needed_blocks
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError

CONFIG = AcceleratorConfig(
    lanes=8, cores=2, lane="unary", operand_width=4, banks=2, window_slots=4, accumulator_width=16,
    activation_words=1024, term_words=4096, descriptor_words=512,
)  # fmt: skip


def test_needs() -> None:
    # Of a bundle: last, 2 bits of advance, 2 of offset, 2 of ahead, a sign. A directory of 8
    # entries, each of 5 words and one for each core, in strides of 8.
    assert memory_needs(CONFIG) == {
        "activation_words": (2, 512, 32),
        "term_words": (2, 4096, 8),
        "descriptor_words": (1, 512, 32),
        "cores": (1, 64, 32),
    }


def test_needs_of_hardware_for_linear_layers_alone() -> None:
    config = replace(CONFIG, layer_kinds="linear", weight_words=100, weight_width=5)
    needs = memory_needs(config)
    assert needs["weight_words"] == (2, 100, 40)
    assert "term_words" not in needs


def test_each_memory_takes_the_shape_of_fewest_blocks() -> None:
    block = Memory("BLOCK", 100, ((256, 16), (512, 8), (2048, 2)))
    # Activations 2 * 4, terms 2 * 8, descriptors 4, directory 2.
    assert needed_blocks(block, CONFIG) == 2 * 4 + 2 * 8 + 4 + 2


def test_too_many_name_the_parameter_that_helps() -> None:
    board = BOARDS["icebreaker"]
    assert check_memories(board, replace(CONFIG, term_words=2048)) == 8 + 8 + 4 + 2
    with pytest.raises(
        InputError,
        match=r"icebreaker: the memories need 46 blocks SB_RAM40_4K, the iCE40UP5K-SG48 has 30; "
        r"lower term_words \(now 8192\)",
    ):
        check_memories(board, replace(CONFIG, term_words=8192))


def test_largest_memory_counts_all_cores() -> None:
    assert largest_memory(CONFIG) == "term_words (now 4096)"
    assert largest_memory(replace(CONFIG, cores=1)) in {
        "activation_words (now 1024)", "term_words (now 4096)",
    }  # fmt: skip
