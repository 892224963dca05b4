"""Boards, as data, the one design that runs on all of them, and how it becomes a bitstream."""
