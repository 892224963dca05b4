"""Training of networks for ordinary multipliers: the baseline, learned as PANN's networks are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pann_hw.integer.network import IntegerNetwork
from pann_hw.quantise.budget import mean_additions, multiplier_flips_per_mac
from pann_hw.quantise.post_training import Prepared
from pann_hw.quantise.trainable import TrainableNetwork
from pann_hw.quantise.training import Schedule, Trained, train_model
from pann_hw.quantise.uniform import fit_uniform, weight_limits

__all__ = ["train_uniform"]


def train_uniform(
    prepared: Prepared,
    x: np.ndarray,
    y: np.ndarray | None,
    bits: int,
    *,
    signed: bool,
    input_bits: int | None = None,
    activation_bits: int | None = None,
    schedule: Schedule | None = None,
    network: IntegerNetwork | None = None,
    device: str = "cpu",
    progress: Callable[[], None] = lambda: None,
) -> Trained:
    """Train the integer network for multipliers of ``bits`` x ``activation_bits`` bits.

    As :func:`pann_hw.quantise.training.train` does: the same loss, steps that learn, the epoch of
    least held-out loss. Weights are clipped to what the multiplier takes instead of being priced.

    Parameters
    ----------
    prepared : the float network, calibrated
    x, y : training images (n, C, H, W), at least 32, and their classes (n,) or None
    bits, signed, input_bits, activation_bits : as fit_uniform() takes them
    schedule : default Schedule()
    network : to begin with, as fit_uniform() makes it for these; None: it does
    device : of torch, such as "cpu" or "cuda"
    progress : called after each batch

    Raises
    ------
    InputError : bad data, a width out of its range, a label that the network has no output for, or
        no such device
    """
    if network is None:
        network = fit_uniform(prepared, bits, signed, input_bits, activation_bits)
    model = TrainableNetwork(
        prepared.fused, network, None, limits=weight_limits(bits, signed=signed)
    )
    schedule = Schedule() if schedule is None else schedule
    graph = prepared.fused.graph
    found = train_model(model, network, graph, x, y, schedule, device, progress)
    taken = replace(
        found.network,
        budget=multiplier_flips_per_mac(found.network, bits, signed=signed),
        additions=mean_additions(found.network),
    )
    return replace(found, network=taken)
