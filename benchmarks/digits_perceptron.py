"""A perceptron 64-32-10 on the digits: a network of linear layers alone, for the smallest board."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from pann_hw.network.digits import digits_data

__all__ = ["factory"]

_HIDDEN = 32
_EPOCHS = 60
_BATCH = 64


def factory() -> nn.Module:
    """The trained perceptron, for ``digits_perceptron.py:factory`` on the command line.

    Inputs of shape (batch, 1, 8, 8) in 0..1; outputs ten class scores. The same each time on one
    machine.
    """
    data, _ = digits_data()
    assert data.y is not None
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        # One thread: sums are then made in one order whatever the machine is busy with.
        torch.set_num_threads(1)
        try:
            torch.manual_seed(0)
            network = nn.Sequential(
                nn.Flatten(), nn.Linear(64, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 10)
            )
            _train(network, x, y)
        finally:
            torch.set_num_threads(threads)
    return network.eval()


def _train(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.1)
    for _ in range(_EPOCHS):
        order = torch.randperm(len(x))
        for first in range(0, len(x), _BATCH):
            chosen = order[first : first + _BATCH]
            loss = F.cross_entropy(network(x[chosen]), y[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
