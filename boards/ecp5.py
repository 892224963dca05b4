"""What boards with an ECP5 have in common."""

__all__ = ["BLOCK_SHAPES"]

BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits that a block of memory can be."""
