"""Accelerators that are candidates, each with memories as large as a network needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.machine.machine import Machine
from pann_hw.machine.sizing import fit
from pann_hw.program.deployment import Deployment, deploy

__all__ = ["KINDS", "Hardware", "candidates", "deployed"]

KINDS = ("csd", "mac")
"""Lanes that add shifted terms, and conventional ones that multiply, with all that saves there."""

_BASE = AcceleratorConfig(
    rails=1,
    accumulator="unsigned",
    low_bits=8,
    window_slots=16,
    activation_words=65536,
    term_words=131072,
    descriptor_words=65536,
)
"""The lane of least energy; memories are cut to what a network needs."""


_MEMORIES = ("activation_words", "term_words", "descriptor_words")
_SPARE = 1.2


@dataclass(frozen=True)
class Hardware:
    """Lanes and cores of an accelerator.

    Attributes
    ----------
    kind : one of KINDS
    lanes, cores : as in AcceleratorConfig
    max_shift : largest shift of a csd term
    """

    kind: str
    lanes: int
    cores: int
    max_shift: int = 3

    def config(self, network: IntegerNetwork, bits: int | None = None) -> AcceleratorConfig:
        """With operands as wide as a network's activations and all the memory that there can be.

        Parameters
        ----------
        bits : of the multiplier of conventional lanes

        Raises
        ------
        InputError : a parameter that there cannot be; says which
        """
        stored = [tensor for name, tensor in network.tensors.items() if name != _last(network)]
        return replace(
            _BASE,
            lane=self.kind,
            lanes=self.lanes,
            cores=self.cores,
            max_shift=self.max_shift,
            multiplier_width=bits,
            operand_width=max(tensor.bits for tensor in stored),
            weight_width=2,
        )


def _last(network: IntegerNetwork) -> str:
    return network.layers[-1].output.name


def deployed(
    network: IntegerNetwork,
    hardware: Hardware,
    bits: int | None = None,
    before: AcceleratorConfig | None = None,
) -> tuple[Deployment, int]:
    """A network on hardware that just holds it, and its cycles per inference.

    Memories have an eighth of a power of two to spare, so that networks that are nearly as large
    make the same hardware: mapping that to gates takes longest.

    Parameters
    ----------
    bits : of the multiplier of conventional lanes
    before : what the hardware was for another network; kept if it suits, a fifth too large at most

    Raises
    ------
    InputError : no memory is large enough
    """
    encoding = "csd" if hardware.kind == "csd" else "sparse"
    program = fit(network, encoding, hardware.config(network, bits))
    config = before if before and _suits(before, program.config) else _rounded(program.config)
    deployment = deploy([network], [encoding], config)
    return deployment, Machine(deployment.image).run(0, []).cycles


def _rounded(config: AcceleratorConfig) -> AcceleratorConfig:
    words = {name: getattr(config, name) for name in _MEMORIES}
    steps = {name: max((1 << (value - 1).bit_length()) // 8, 4) for name, value in words.items()}
    return replace(
        config, **{name: -(-words[name] // steps[name]) * steps[name] for name in _MEMORIES}
    )


def _suits(config: AcceleratorConfig, needed: AcceleratorConfig) -> bool:
    """Whether all is as needed, but for memories and accumulators that are a bit too large."""
    sizes = {name: getattr(config, name) for name in (*_MEMORIES, "accumulator_width")}
    return replace(needed, **sizes) == config and all(
        getattr(needed, name) <= size <= _SPARE * getattr(needed, name)
        for name, size in sizes.items()
    )


def candidates(
    kinds: Sequence[str], lanes: Sequence[int], cores: Sequence[int], max_shift: int
) -> list[Hardware]:
    """All combinations, those of the fewest lanes in all first.

    Parameters
    ----------
    kinds : of KINDS
    lanes, cores, max_shift : as in AcceleratorConfig

    Raises
    ------
    InputError : a number that there cannot be
    """
    shapes = sorted(
        ((n, c) for n in set(lanes) for c in set(cores)), key=lambda s: (s[0] * s[1], s)
    )
    for n, c in shapes:
        AcceleratorConfig(lanes=n, cores=c, max_shift=max_shift)
    return [Hardware(kind, n, c, max_shift) for kind in dict.fromkeys(kinds) for n, c in shapes]
