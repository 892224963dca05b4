"""Whether a configuration's memories fit a board, before anything is synthesised."""

from __future__ import annotations

from boards.board import Board, Memory
from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.program.layout import MAX_POINTS, bundle_fields, directory_stride

__all__ = ["check_memories", "largest_memory", "memory_needs", "needed_blocks"]


def memory_needs(config: AcceleratorConfig) -> dict[str, tuple[int, int, int]]:
    """The accelerator's memories by the parameter that sizes them: (how many, words, bits)."""
    found = {
        "activation_words": (config.banks, config.bank_words, config.lanes * config.operand_width),
        "descriptor_words": (1, config.descriptor_words, 32),
        "cores": (1, MAX_POINTS * directory_stride(config), 32),
    }
    if config.windows:
        bits = sum(bundle_fields(config).values())
        found["term_words"] = (config.cores, config.term_words, bits)
    if config.linear:
        bits = config.lanes * config.weight_width
        found["weight_words"] = (config.cores, config.weight_words, bits)
    return found


def largest_memory(config: AcceleratorConfig) -> str:
    """The parameter that sizes the largest memory, with its value."""
    needs = memory_needs(config)
    name = max(needs, key=lambda one: needs[one][0] * needs[one][1] * needs[one][2])
    return f"{name} (now {getattr(config, name)})"


def needed_blocks(memory: Memory, config: AcceleratorConfig) -> int:
    """Blocks of one kind that all memories take, each in the shape that needs the fewest."""
    return sum(
        count * min(-(-words // deep) * -(-bits // wide) for deep, wide in memory.shapes)
        for count, words, bits in memory_needs(config).values()
    )


def check_memories(board: Board, config: AcceleratorConfig) -> int:
    """Blocks that the memories take of the board's first kind.

    Raises
    ------
    InputError : there are fewer; says what is needed, what there is and which parameter helps
    """
    # Memories of the accelerator are read while they are written.
    memory = next(one for one in board.memories if not one.single_port)
    needed = needed_blocks(memory, config)
    if needed > memory.count:
        raise InputError(
            f"{board.name}: the memories need {needed} blocks {memory.cell}, the {board.device} "
            f"has {memory.count}; lower {largest_memory(config)}"
        )
    return needed
