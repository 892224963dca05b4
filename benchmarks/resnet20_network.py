"""ResNet-20 for CIFAR-10 as a module of PyTorch, with its trained weights from a data folder."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["WEIGHTS", "ResNet20", "load_module"]

WEIGHTS = "resnet20_cifar10_akamaster.pt"
"""State dict with the names of this module's parameters."""


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut without parameters.

    Where the block halves the map, the shortcut takes every second pixel and puts as many channels
    of zeros before as after the others: a fixed 1 x 1 convolution of stride 2.
    """

    shortcut: torch.Tensor

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        weight = torch.zeros(outputs, inputs, 1, 1)
        channels = torch.arange(inputs)
        weight[channels + (outputs - inputs) // 2, channels] = 1
        self.register_buffer("shortcut", weight, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.stride == 1 else F.conv2d(x, self.shortcut, None, 2)))


class ResNet20(nn.Module):
    """Three stages of three blocks on maps of 32, 16 and 8 pixels: 270 thousand parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, 1)
        self.layer2 = _stage(16, 32, 2)
        self.layer3 = _stage(32, 64, 2)
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        y: torch.Tensor = self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return y


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        Block(inputs, outputs, stride), Block(outputs, outputs, 1), Block(outputs, outputs, 1)
    )


def load_module(folder: Path) -> ResNet20:
    """The trained network, ready for inference."""
    module = ResNet20()
    module.load_state_dict(torch.load(folder / WEIGHTS, weights_only=True))
    return module.eval()
