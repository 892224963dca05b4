"""Small networks, one for each feature of the import, with the shape of their samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from pann_hw.network.graph import FloatGraph, Node

__all__ = ["NETWORKS", "Residual", "named", "randomise"]


def randomise(module: nn.Module) -> nn.Module:
    """Give batch normalisation statistics and gains that change something; eval mode."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            if part.affine:
                nn.init.normal_(part.weight)
                nn.init.normal_(part.bias)
    return module.eval()


def named(graph: FloatGraph, name: str) -> Node:
    """The node of that name."""
    return next(node for node in graph.nodes if node.name == name)


class Block(nn.Module):
    """Two convolutions beside a 1 x 1 shortcut of stride 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.shortcut(x)
        out: torch.Tensor = self.relu(y)
        return out


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 4, 3, padding=1)
        self.block = Block(4, 6)
        self.head = nn.Linear(6 * 16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.stem(x))
        out: torch.Tensor = self.head(x.view(x.size(0), -1))
        return out


class Concatenation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 4, 1)
        self.right = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(torch.cat([self.left(x), x, self.right(x)], dim=1)).mean((2, 3))


class AddChain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 3, 1) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = sum([self.a(x), self.b(x), self.c(x)])
        assert isinstance(total, torch.Tensor)
        return total.add_(x).clone().contiguous()


class Views(nn.Module):
    """Every way to flatten, and a pooled map squeezed axis by axis."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 5)
        self.second = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(x.shape[0], -1)
        y = self.first(F.relu(flat) + flat + torch.flatten(x, 1))
        pooled = F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1)
        return torch.cat([y, self.second(pooled)], 1)


def _seq(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*layers)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (_seq(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, (1, 5), (2, 1))), (3, 8, 9)),
    "padding": (
        _seq(
            nn.Conv2d(1, 3, (3, 5), padding="same"),
            nn.Conv2d(3, 3, 2, padding="valid"),
            nn.Conv2d(3, 2, 7, stride=(1, 2), padding=(3, 1), bias=False),
        ),
        (1, 8, 8),
    ),
    "depthwise": (
        _seq(nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 3, 1)),
        (4, 6, 6),
    ),
    "grouped": (_seq(nn.Conv2d(6, 4, 3, padding=1, groups=2), nn.ReLU()), (6, 5, 5)),
    "residual": (Residual, (4, 8, 8)),
    "concatenation": (Concatenation, (3, 6, 6)),
    "chain of additions": (AddChain, (3, 4, 4)),
    "batch norm first": (
        _seq(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)),
        (3, 6, 6),
    ),
    "batch norm twice": (
        _seq(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False)),
        (3, 6, 6),
    ),
    "batch norm after pool": (
        _seq(nn.MaxPool2d(2), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(27, 4), nn.BatchNorm1d(4)),
        (3, 6, 6),
    ),
    "relu6": (_seq(nn.Conv2d(2, 4, 3), nn.ReLU6(inplace=True), nn.Hardtanh(0, 3)), (2, 6, 6)),
    "pools": (
        _seq(
            nn.MaxPool2d(3, 2, 1),
            nn.AvgPool2d(3, 1, 1),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            nn.AvgPool2d(1),
            nn.AdaptiveAvgPool2d((2, 1)),
            nn.Conv2d(2, 3, 1),
            nn.AdaptiveAvgPool2d(1),
        ),
        (2, 16, 16),
    ),
    "mlp": (
        _seq(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3, bias=False)),
        (6,),
    ),
    "views": (Views, (3, 2, 2)),
    "dropout and softmax": (
        _seq(
            nn.Conv2d(2, 4, 3),
            nn.Dropout2d(),
            nn.Flatten(),
            nn.Dropout(inplace=True),
            nn.Linear(64, 5),
        ),
        (2, 6, 6),
    ),
    "weight norm": (
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 3, 3)), nn.ReLU()),
        (2, 5, 5),
    ),
}
