"""Small accelerators and networks that default coefficients are fitted to and checked on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.digits import digits_data, train_digits
from pann_hw.network.torch_import import import_module
from pann_hw.program.deployment import Deployment, deploy
from pann_hw.program.encoding import encoding_names
from pann_hw.quantise.budget import parse_budget
from pann_hw.quantise.post_training import Prepared, fit, prepare
from pann_hw.quantise.uniform import fit_uniform
from pann_hw.technology.known import TECHNOLOGIES

__all__ = ["DESIGNS", "Design", "deployment", "image"]

_CALIBRATION = 256
_BITS = 4


@dataclass(frozen=True)
class Design:
    """An accelerator with a network on it.

    Attributes
    ----------
    name : unique
    fitted : whether coefficients are fitted to it; else they are checked on it
    network : "digits", the demonstration's, or "separable", of depthwise convolutions
    technologies : in which it is measured
    config : what differs from the default configuration
    """

    name: str
    fitted: bool
    network: str
    technologies: tuple[str, ...]
    config: tuple[tuple[str, Any], ...]

    @property
    def hardware(self) -> AcceleratorConfig:
        """Its configuration."""
        return AcceleratorConfig.of(
            {"lanes": 8, "cores": 1, "banks": 1, "window_slots": 4} | dict(self.config), self.name
        )


def _design(
    name: str,
    *,
    fitted: bool = False,
    network: str = "digits",
    technologies: tuple[str, ...] = tuple(TECHNOLOGIES),
    **config: Any,
) -> Design:
    return Design(name, fitted, network, technologies, tuple(config.items()))


_MAC: dict[str, Any] = {"rails": 1, "lane": "mac", "multiplier_width": 4, "operand_width": 4}

DESIGNS = (
    _design("csd", fitted=True),
    _design("MAC 4 x 4", fitted=True, **_MAC),
    _design("csd, other network", network="separable"),
    _design("csd, two terms", technologies=("sky130", "sg13g2"), terms_per_rail=2),
    _design("csd, two rails", technologies=("sky130",), rails=2),
    _design("csd, 16 lanes", technologies=("sky130",), lanes=16),
)


class _Separable(nn.Module):
    # Two depthwise convolutions, each with a pointwise one, and a linear layer; random weights.
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1, groups=12), nn.ReLU(),
            nn.Conv2d(12, 24, 1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(24, 24, 3, padding=1, groups=24), nn.ReLU(),
            nn.Conv2d(24, 24, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(384, 10),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(x)
        return scores


def _separable() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return _Separable().eval()


_MODULES: dict[str, Callable[[], nn.Module]] = {"digits": train_digits, "separable": _separable}


@cache
def _prepared(network: str) -> Prepared:
    train, test = digits_data()
    graph = import_module(_MODULES[network](), torch.from_numpy(test.x[:2]))
    return prepare(graph, train.x[:_CALIBRATION])


def image() -> np.ndarray:
    """The image (1, 1, 8, 8) that all designs run."""
    return digits_data()[1].x[:1]


def deployment(design: Design) -> Deployment:
    """The network, quantised for the accelerator's lanes and compiled."""
    config = design.hardware
    encoding = encoding_names(config)[0]
    return deploy([_quantised(design.network, config, encoding)], [encoding], config)


def _quantised(network: str, config: AcceleratorConfig, encoding: str) -> IntegerNetwork:
    prepared = _prepared(network)
    if config.multiplier_width:
        bits = config.multiplier_width
        return fit_uniform(prepared, bits, config.signed, config.operand_width)
    found = fit(prepared, _BITS, parse_budget("2bit"), config.shift if encoding == "csd" else 0)
    assert found is not None
    return found
