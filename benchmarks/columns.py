"""The columns of the table of accuracies: ways from a float network to an integer network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import WIDTHS, flips_per_mac, multiplier_flips_per_mac
from pann_hw.quantise.build import INPUT_BITS
from pann_hw.quantise.post_training import prepare
from pann_hw.quantise.recipe import FULL, RECIPES
from pann_hw.quantise.search import best, search
from pann_hw.quantise.training import Schedule, train
from pann_hw.quantise.uniform import fit_uniform
from pann_hw.quantise.uniform_training import train_uniform

__all__ = ["COLUMNS", "Column", "post_training", "trained", "uniform"]

_UNIFORM_BITS = (2, 3, 4, 5, 6, 8)
_SCHEDULE = Schedule()


@dataclass(frozen=True)
class Column:
    """A way to quantise.

    Attributes
    ----------
    name : on the command line
    title : in tables
    group : columns of one group share a table
    settings : values that decide the result, for JSON, kept beside it
    quantise : called with a float network, calibration data and training data
    flips : flips per MAC of what ``quantise`` makes
    trains : ``quantise`` needs the training data; otherwise they are None
    """

    name: str
    title: str
    group: str
    settings: Mapping[str, object]
    quantise: Callable[[FloatGraph, Data, Data | None], IntegerNetwork]
    flips: Callable[[IntegerNetwork], float]
    trains: bool = False

    @property
    def label(self) -> str:
        """The title where the group is not told beside it."""
        return f"{self.group}: {self.title}"


def post_training(
    budget: str, encoding: str, recipe: str = "full", widest: int = WIDTHS[-1]
) -> Column:
    """Post-training quantisation within a budget.

    Parameters
    ----------
    budget : as parse_budget() takes it
    encoding : "unary" or "csd"
    recipe : "plain" or "full"
    widest : bits of a hidden activation at most
    """
    max_shift = _max_shift(encoding)

    def quantise(graph: FloatGraph, calibration: Data, _training: Data | None) -> IntegerNetwork:
        found = search(
            graph, calibration.x, calibration.y, budget, max_shift, recipe=RECIPES[recipe],
            widths=range(WIDTHS[0], widest + 1),
        )  # fmt: skip
        return best(found).network

    title = _title(budget, encoding, widest)
    return Column(
        name=_name(budget, encoding, widest) + ("" if recipe == "full" else f"-{recipe}"),
        title=title if recipe == "full" else f"{title}, {recipe} recipe",
        group="PANN",
        settings={
            "budget": budget,
            "max_shift": max_shift,
            "recipe": asdict(RECIPES[recipe]),
            **_widest(widest),
        },
        quantise=quantise,
        flips=lambda network: flips_per_mac(network, max_shift),
    )


def trained(
    budget: str, encoding: str, widest: int = WIDTHS[-1], schedule: Schedule = _SCHEDULE
) -> Column:
    """Training on all training images, from post-training quantisation on.

    Parameters
    ----------
    budget, encoding, widest : as :func:`post_training` takes them
    schedule : how to train
    """
    max_shift = _max_shift(encoding)
    widths = range(WIDTHS[0], widest + 1)

    def quantise(graph: FloatGraph, calibration: Data, training: Data | None) -> IntegerNetwork:
        assert training is not None
        found = search(
            graph, calibration.x, calibration.y, budget, max_shift, recipe=FULL, widths=widths
        )
        prepared = prepare(graph, calibration.x, FULL)
        network = best(found).network
        return train(prepared, training.x, training.y, budget, max_shift, schedule, network).network

    return Column(
        name=f"{_name(budget, encoding, widest)}-trained",
        title=f"{_title(budget, encoding, widest)}, trained",
        group="PANN",
        settings={
            "budget": budget,
            "max_shift": max_shift,
            "recipe": asdict(FULL),
            "schedule": asdict(schedule),
            **_widest(widest),
        },
        quantise=quantise,
        flips=lambda network: flips_per_mac(network, max_shift),
        trains=True,
    )


def _max_shift(encoding: str) -> int:
    return AcceleratorConfig().max_shift if encoding == "csd" else 0


def _name(budget: str, encoding: str, widest: int) -> str:
    return f"{budget}-{encoding}" + ("" if widest == WIDTHS[-1] else f"-x{widest}")


def _title(budget: str, encoding: str, widest: int) -> str:
    shown = f"{budget[0]}-bit" if budget.endswith("bit") else f"P = {budget}"
    limit = "" if widest == WIDTHS[-1] else f", bx <= {widest}"
    return f"{shown} {encoding if encoding == 'unary' else encoding.upper()}{limit}"


def _widest(widest: int) -> dict[str, int]:
    return {} if widest == WIDTHS[-1] else {"widest": widest}


def uniform(
    bits: int,
    *,
    signed: bool,
    activation_bits: int | None = None,
    schedule: Schedule | None = None,
) -> Column:
    """Ordinary uniform quantisation under the full recipe, for multiply-accumulates of b bits.

    The network's input has 8 bits, as in every other column; its multipliers flip for them.

    Parameters
    ----------
    bits : of weights
    signed : the kind of multiplier; an unsigned one takes magnitudes of b bits
    activation_bits : of all activations but the input; None: as many
    schedule : how to train on, on all training images; None: not at all
    """
    x_bits = bits if activation_bits is None else activation_bits

    def quantise(graph: FloatGraph, calibration: Data, training: Data | None) -> IntegerNetwork:
        prepared = prepare(graph, calibration.x, FULL)
        network = fit_uniform(prepared, bits, signed, INPUT_BITS, x_bits)
        if schedule is None:
            return network
        assert training is not None
        return train_uniform(
            prepared, training.x, training.y, bits, signed=signed, input_bits=INPUT_BITS,
            activation_bits=x_bits, schedule=schedule, network=network,
        ).network  # fmt: skip

    kind = "signed" if signed else "unsigned"
    width = f"{bits}bit" if x_bits == bits else f"{bits}x{x_bits}bit"
    title = f"{bits}-bit" if x_bits == bits else f"{bits} x {x_bits} bits"
    settings: dict[str, object] = {
        "bits": bits, "signed": signed, "input_bits": INPUT_BITS, "recipe": asdict(FULL),
    }  # fmt: skip
    if x_bits != bits:
        settings["activation_bits"] = x_bits
    if schedule is not None:
        settings["schedule"] = asdict(schedule)
    return Column(
        name=f"{kind}-{width}" + ("" if schedule is None else "-trained"),
        title=title + ("" if schedule is None else ", trained"),
        group=f"Uniform, {kind} MACs",
        settings=settings,
        quantise=quantise,
        flips=lambda network: multiplier_flips_per_mac(network, bits, signed=signed),
        trains=schedule is not None,
    )


COLUMNS = {
    column.name: column
    for column in (
        post_training("2bit", "unary", "full"),
        post_training("2bit", "csd", "full"),
        post_training("3bit", "csd", "full"),
        post_training("2bit", "csd", "plain"),
        trained("2bit", "csd"),
        *(uniform(bits, signed=True) for bits in _UNIFORM_BITS),
        *(uniform(bits, signed=False) for bits in _UNIFORM_BITS),
    )
}
"""By the names that the command line takes, in the table's order."""
