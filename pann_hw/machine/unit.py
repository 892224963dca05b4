"""Registers of a unit of the accelerator, whose flips are counted as they change."""

from __future__ import annotations

from pann_hw.config import AcceleratorConfig

__all__ = ["Unit"]


class Unit:
    """Registers as attributes; :meth:`put` changes one, at a clock edge.

    A model of one class of ``rtl_gen``, register by register: what its ``m.d.sync`` says is one
    method, called once a cycle with the inputs that the unit sees in it.

    Parameters
    ----------
    config : the hardware
    flips : signal class -> flips so far, shared by all units
    """

    def __init__(self, config: AcceleratorConfig, flips: dict[str, int]) -> None:
        self._config = config
        self._flips = flips

    def put(self, name: str, value: int, group: str = "control") -> None:
        """Change a register, or a port, to an unsigned value; its flips are of ``group``."""
        values = self.__dict__
        change = values[name] ^ value
        if change:
            self._flips[group] += change.bit_count()
            values[name] = value

    def registers(self) -> list[int]:
        """All registers."""
        return [value for value in vars(self).values() if isinstance(value, int)]
