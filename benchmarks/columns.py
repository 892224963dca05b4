"""The columns of the table of accuracies: ways from a float network to an integer network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.data import Data
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import flips_per_mac, multiplier_flips_per_mac
from pann_hw.quantise.build import INPUT_BITS
from pann_hw.quantise.post_training import prepare
from pann_hw.quantise.recipe import FULL, RECIPES
from pann_hw.quantise.search import best, search
from pann_hw.quantise.training import Schedule, train
from pann_hw.quantise.uniform import fit_uniform

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


def post_training(budget: str, encoding: str, recipe: str) -> Column:
    """Post-training quantisation within a budget.

    Parameters
    ----------
    budget : "2bit" .. "8bit"
    encoding : "unary" or "csd"
    recipe : "plain" or "full"
    """
    max_shift = _max_shift(encoding)

    def quantise(graph: FloatGraph, calibration: Data, _training: Data | None) -> IntegerNetwork:
        found = search(
            graph, calibration.x, calibration.y, budget, max_shift, recipe=RECIPES[recipe]
        )
        return best(found).network

    title = _title(budget, encoding)
    return Column(
        name=f"{budget}-{encoding}" + ("" if recipe == "full" else f"-{recipe}"),
        title=title if recipe == "full" else f"{title}, {recipe} recipe",
        group="PANN",
        settings={"budget": budget, "max_shift": max_shift, "recipe": asdict(RECIPES[recipe])},
        quantise=quantise,
        flips=lambda network: flips_per_mac(network, max_shift),
    )


def trained(budget: str, encoding: str) -> Column:
    """Training on all training images, from post-training quantisation on.

    Parameters
    ----------
    budget, encoding : as :func:`post_training` takes them
    """
    max_shift = _max_shift(encoding)

    def quantise(graph: FloatGraph, calibration: Data, training: Data | None) -> IntegerNetwork:
        assert training is not None
        found = search(graph, calibration.x, calibration.y, budget, max_shift, recipe=FULL)
        prepared = prepare(graph, calibration.x, FULL)
        start = best(found).network
        return train(prepared, training.x, training.y, budget, max_shift, _SCHEDULE, start).network

    return Column(
        name=f"{budget}-{encoding}-trained",
        title=f"{_title(budget, encoding)}, trained",
        group="PANN",
        settings={
            "budget": budget,
            "max_shift": max_shift,
            "recipe": asdict(FULL),
            "schedule": asdict(_SCHEDULE),
        },
        quantise=quantise,
        flips=lambda network: flips_per_mac(network, max_shift),
        trains=True,
    )


def _max_shift(encoding: str) -> int:
    return AcceleratorConfig().max_shift if encoding == "csd" else 0


def _title(budget: str, encoding: str) -> str:
    return f"{budget[0]}-bit {encoding if encoding == 'unary' else encoding.upper()}"


def uniform(bits: int, *, signed: bool) -> Column:
    """Ordinary uniform quantisation under the full recipe, for multiply-accumulates of b bits.

    The network's input has 8 bits, as in every other column; its multipliers flip for them.

    Parameters
    ----------
    bits : of weights and of all activations but the input
    signed : the kind of multiplier; an unsigned one takes magnitudes of b bits
    """

    def quantise(graph: FloatGraph, calibration: Data, _training: Data | None) -> IntegerNetwork:
        return fit_uniform(prepare(graph, calibration.x, FULL), bits, signed, INPUT_BITS)

    kind = "signed" if signed else "unsigned"
    return Column(
        name=f"{kind}-{bits}bit",
        title=f"{bits}-bit",
        group=f"Uniform, {kind} MACs",
        settings={"bits": bits, "signed": signed, "input_bits": INPUT_BITS, "recipe": asdict(FULL)},
        quantise=quantise,
        flips=lambda network: multiplier_flips_per_mac(network, bits, signed=signed),
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
