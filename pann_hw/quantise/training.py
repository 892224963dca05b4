"""Training with quantisation: the network that post-training quantisation begins, trained on.

The loss is distillation's, how far the class probabilities are from the float network's
(Kullback-Leibler), with the labels' cross entropy added; without labels, the outputs' squared error
over their variance. Of all epochs, and the network to begin with, the one of least loss on held-out
images is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import check_images
from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.quantise.budget import parse_budget
from pann_hw.quantise.post_training import Prepared, fit_layers, least_flips
from pann_hw.quantise.quality import check_classes
from pann_hw.quantise.trainable import TrainableNetwork

__all__ = [
    "Epoch",
    "Schedule",
    "Trained",
    "augmented",
    "batch_count",
    "held_out",
    "train",
    "train_model",
]

_LEAST_IMAGES = 32
_HELD_OUT = 0.1
_MOST_HELD_OUT = 1024
_BATCH = 256
_WARM_UP = 0.1


@dataclass(frozen=True)
class Schedule:
    """How to train.

    Attributes
    ----------
    epochs : times that each image is seen, at least 1
    batch : images at a time, at least 1
    rate : highest learning rate of the weights, in their steps, above 0; it rises over the first
        tenth of the training and falls to 0 along a cosine
    label_weight : of the labels' cross entropy beside the distillation, at least 0
    flip : mirror half of the images left to right
    shift : move images by up to so many pixels in each direction, zeros coming in, at least 0.
        Both help only a float network that was trained so: what it makes of images that it does not
        know is nothing to learn from
    seed : of batches, flips and shifts

    Raises
    ------
    ValueError : a value out of its range
    """

    epochs: int = 10
    batch: int = 32
    rate: float = 1e-3
    label_weight: float = 0.5
    flip: bool = False
    shift: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: must be at least 1")
        if not 0 < self.rate < 1:
            raise ValueError(f"rate {self.rate}: must be above 0 and below 1")
        if not self.label_weight >= 0:
            raise ValueError(f"label_weight {self.label_weight}: must be at least 0")
        if self.shift < 0:
            raise ValueError(f"shift {self.shift}: must be at least 0")

    @property
    def augments(self) -> bool:
        """Whether images are seen otherwise than they are."""
        return self.flip or self.shift > 0


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Attributes
    ----------
    loss : mean over its training images, as they were seen
    held_out : of the integer network at its end, on images that are not trained on
    """

    loss: float
    held_out: float


@dataclass(frozen=True, eq=False)
class Trained:
    """What training came to.

    Attributes
    ----------
    network : of the epoch of least held-out loss
    best : which epoch that is, from 1 on; 0: the network to begin with
    start : held-out loss of the network to begin with
    epochs : what each came to
    """

    network: IntegerNetwork
    best: int
    start: float
    epochs: tuple[Epoch, ...]


def train(
    prepared: Prepared,
    x: np.ndarray,
    y: np.ndarray | None,
    budget: str | float,
    max_shift: int = 0,
    schedule: Schedule | None = None,
    network: IntegerNetwork | None = None,
    device: str = "cpu",
    progress: Callable[[], None] = lambda: None,
) -> Trained:
    """Train the integer network of a float network within a budget.

    Parameters
    ----------
    prepared : the float network, calibrated; each layer's share of the budget, and each value's
        width, are those that its recipe plans
    x, y : training images (n, C, H, W), at least 32, and their classes (n,) or None
    budget : as parse_budget() takes it
    max_shift : largest shift of a term on the hardware; 0 is unary
    schedule : default Schedule()
    network : to begin with, made of ``prepared`` within the budget; None: fit_layers() makes it
    device : of torch, such as "cpu" or "cuda"
    progress : called after each batch, ``epochs * batch_count(n, schedule)`` times

    Raises
    ------
    InputError : bad data or budget, a label that the network has no output for, or no such device
    """
    schedule = Schedule() if schedule is None else schedule
    flips = parse_budget(budget)
    graph = prepared.fused.graph
    check_data(graph, x, y)
    if network is None:
        network = fit_layers(prepared, flips, max_shift)
    if network is None:
        least = least_flips(prepared, 2, max_shift)
        raise InputError(f"budget {flips:g} flips per MAC: this network needs at least {least:.3g}")
    model = TrainableNetwork(prepared.fused, network, flips, max_shift)
    found = train_model(model, network, graph, x, y, schedule, device, progress)
    return replace(found, network=replace(found.network, budget=flips))


def train_model(
    model: TrainableNetwork,
    network: IntegerNetwork,
    graph: FloatGraph,
    x: np.ndarray,
    y: np.ndarray | None,
    schedule: Schedule,
    device: str = "cpu",
    progress: Callable[[], None] = lambda: None,
) -> Trained:
    """Train a trainable network towards its float network.

    Parameters
    ----------
    model, network : the trainable network, and the integer network that it begins as
    graph : the float network
    x, y, schedule, device, progress : as :func:`train` takes them

    Raises
    ------
    InputError : bad data, or no such device
    """
    check_data(graph, x, y)
    place = _device(device)
    graph = _moved(graph, place)
    images = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    labels = None if y is None else torch.from_numpy(y.astype(np.int64))
    generator = torch.Generator().manual_seed(schedule.seed)
    held, kept = _parted(len(images), generator)
    model = model.to(place)
    # Images that are seen as they are have the same float outputs in each epoch.
    wanted = torch.cat([_run(graph, part.to(place)) for part in torch.split(images, _BATCH)])
    loss = _Loss(schedule.label_weight, wanted[held[:_BATCH]])

    def judged() -> float:
        model.eval()
        total = 0.0
        with torch.no_grad():
            for part in torch.split(held, _BATCH):
                classes = None if labels is None else labels[part].to(place)
                outputs = model(images[part].to(place))
                total += float(loss(outputs, wanted[part], classes)) * len(part)
        model.train()
        return total / len(held)

    count = batch_count(len(images), schedule)
    groups = model.parameter_groups(schedule.rate)
    optimiser = torch.optim.Adam(groups)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in groups], schedule.epochs * count,
        pct_start=_WARM_UP, cycle_momentum=False,
    )  # fmt: skip
    start = judged()
    best, least, chosen = 0, start, network
    epochs = []
    for number in range(1, schedule.epochs + 1):
        total = 0.0
        for part in _batches(kept, schedule.batch, generator):
            inputs = augmented(images[part], schedule, generator).to(place)
            classes = None if labels is None else labels[part].to(place)
            targets = _run(graph, inputs) if schedule.augments else wanted[part]
            wrong = loss(model(inputs), targets, classes)
            optimiser.zero_grad()
            wrong.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            rates.step()
            total += float(wrong.detach())
            progress()
        # Settled within the budget first: what is measured is what would be taken.
        found = model.integer()
        epochs.append(Epoch(total / count, judged()))
        if epochs[-1].held_out < least:
            best, least, chosen = number, epochs[-1].held_out, found
    return Trained(chosen, best, start, tuple(epochs))


def batch_count(images: int, schedule: Schedule) -> int:
    """Batches of an epoch, for so many images in all."""
    return -(-(images - _held_out(images)) // schedule.batch)


def held_out(images: int, schedule: Schedule) -> np.ndarray:
    """Indices of the images, of so many, that a training by this schedule is judged by."""
    held, _ = _parted(images, torch.Generator().manual_seed(schedule.seed))
    found: np.ndarray = held.numpy()
    return found


def _parted(images: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices of the images that are held out, and of those that are trained on."""
    order = torch.randperm(images, generator=generator)
    return order[: _held_out(images)], order[_held_out(images) :]


def _held_out(images: int) -> int:
    return min(max(1, int(images * _HELD_OUT)), _MOST_HELD_OUT)


class _Loss:
    """Of outputs, given the float network's for the same images, and their classes or None."""

    def __init__(self, label_weight: float, wanted: torch.Tensor) -> None:
        self._label_weight = label_weight
        self._variance = float(wanted.var().clamp_min(1e-30))

    def __call__(
        self, outputs: torch.Tensor, wanted: torch.Tensor, classes: torch.Tensor | None
    ) -> torch.Tensor:
        if classes is None:
            return F.mse_loss(outputs, wanted) / self._variance
        found = F.log_softmax(outputs, 1)
        distance = F.kl_div(found, wanted.log_softmax(1), reduction="batchmean", log_target=True)
        return distance + self._label_weight * F.nll_loss(found, classes)


@torch.no_grad()
def _run(graph: FloatGraph, images: torch.Tensor) -> torch.Tensor:
    return graph.run(images)


def check_data(graph: FloatGraph, x: np.ndarray, y: np.ndarray | None) -> None:
    """Check what a network is to be trained on.

    Raises
    ------
    InputError : fewer than 32 images, or a wrong shape, type or class
    """
    check_images(x, graph.input_shape, "training data")
    if len(x) < _LEAST_IMAGES:
        raise InputError(f"{len(x)} training images, must be at least {_LEAST_IMAGES}")
    check_classes(y, len(x), graph)


def _device(name: str) -> torch.device:
    try:
        place = torch.device(name)
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {name!r}: not to be had ({reason}); use cpu") from None
    return place


def _moved(graph: FloatGraph, place: torch.device) -> FloatGraph:
    nodes = tuple(
        replace(node, weight=node.weight.to(place), bias=node.bias.to(place))
        if isinstance(node, Convolution)
        else node
        for node in graph.nodes
    )
    return replace(graph, nodes=nodes)


def _batches(
    indices: torch.Tensor, size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    order = torch.randperm(len(indices), generator=generator)
    yield from torch.split(indices[order], size)


def augmented(images: torch.Tensor, schedule: Schedule, generator: torch.Generator) -> torch.Tensor:
    """Each image mirrored or not, and moved."""
    if schedule.flip:
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if schedule.shift:
        most = schedule.shift
        height, width = images.shape[2:]
        padded = F.pad(images, (most,) * 4)
        rows, columns = torch.randint(
            0, 2 * most + 1, (2, len(images)), generator=generator
        ).tolist()
        images = torch.stack([
            one[:, row : row + height, column : column + width]
            for one, row, column in zip(padded, rows, columns, strict=True)
        ])  # fmt: skip
    return images
