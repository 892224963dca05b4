"""How well a program fills the adders of an accelerator, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

from pann_hw.program.timing import PassTiming, pass_timing, tile_schedules

from pann_hw.program.program import Program

__all__ = ["LayerUse", "layer_uses"]


@dataclass
class LayerUse:
    """What one inference makes of the adders of N lanes, C cores and r rails, in one layer.

    A slot is one adder in one cycle. Each count but ``cycles`` is of slots, and part of the one
    before it.

    Attributes
    ----------
    layer : its name
    cycles : from the end of the layer before it
    slots : ``cycles * N * C * r``
    running : slots of the cycles in which terms can issue; the others read descriptors and drain
    active : of these, slots of cores with a channel and lanes with a pixel
    filled : of these, slots in which the adder adds
    """

    layer: str
    cycles: int = 0
    slots: int = 0
    running: int = 0
    active: int = 0
    filled: int = 0


def layer_uses(program: Program) -> list[LayerUse]:
    """The use of every layer, in order of execution; max pooling adds nothing."""
    uses = [LayerUse(name) for name in program.layer_names]
    config = program.config
    adders = config.lanes * config.cores * config.rails
    for timing, item in zip(pass_timing(program), program.passes, strict=True):
        _add_pass(uses[item.layer], timing, adders)
    return uses


def _add_pass(use: LayerUse, timing: PassTiming, adders: int) -> None:
    terms = sum(int(rail.add.sum()) for rail in timing.rails)
    cycles = timing.descriptor_cycles
    for tile, schedule, tile_cycles in tile_schedules(timing):
        cycles += tile_cycles
        use.running += schedule.run * adders
        use.active += schedule.run * tile.valid * len(timing.rails)
        use.filled += terms * tile.valid
    use.cycles += cycles
    use.slots += cycles * adders
