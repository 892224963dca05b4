"""Errors that a user can cause, each shown as one line and mapped to one exit code."""

__all__ = ["InputError", "MismatchError", "PannError", "ToolError"]


class PannError(Exception):
    """Base of all errors that the command line shows as one line, without a traceback."""

    exit_code = 2


class MismatchError(PannError):
    """Two levels that must agree bit for bit do not: exit code 1."""

    exit_code = 1


class InputError(PannError, ValueError):
    """Bad input or usage: exit code 2. Says what was found, what is allowed, what to do."""

    exit_code = 2


class ToolError(PannError):
    """An external tool (Verilator, g++, make, perl) is missing or failed: exit code 3."""

    exit_code = 3
