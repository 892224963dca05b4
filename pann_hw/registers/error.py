"""Error codes of the register ERROR."""

import enum

__all__ = ["Error"]


class Error(enum.IntEnum):
    """What the register ERROR holds: the first error since it was cleared."""

    NONE = 0
    BAD_MAGIC = 1
    WRONG_CONFIGURATION = 2
    BAD_SECTION = 3
    BAD_CHECKSUM = 4
    NO_PROGRAM = 5
    POINT_NOT_LOADED = 6
    START_WHILE_BUSY = 7
    INPUT_SHORT = 8
    INPUT_LONG = 9
    INPUT_STOPPED = 10

    @property
    def meaning(self) -> str:
        """What happened, for people."""
        return _MEANINGS[self]


_MEANINGS = {
    Error.NONE: "no error",
    Error.BAD_MAGIC: "what was loaded does not begin as a program does",
    Error.WRONG_CONFIGURATION: "the program is for another configuration or of another version",
    Error.BAD_SECTION: "a section of the program does not fit its memory",
    Error.BAD_CHECKSUM: "the program's checksum is wrong: it is damaged or cut short",
    Error.NO_PROGRAM: "no program is loaded",
    Error.POINT_NOT_LOADED: "the operating point is not loaded",
    Error.START_WHILE_BUSY: "a start while another one waits",
    Error.INPUT_SHORT: "the input has too few elements",
    Error.INPUT_LONG: "the input has too many elements",
    Error.INPUT_STOPPED: "the input was given up before its end",
}
