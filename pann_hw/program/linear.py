"""Linear layers with lanes as outputs: a column of weights is added for every bit of an activation.

Where an output channel is a single pixel made of a whole map, the lanes of a core are so many
outputs, and the terms come from the other side: ``acc[lane] += sum over the set bits of x of
(weight[lane] << bit)`` for each activation x in turn. An activation of 0 adds nothing and takes no
cycle.

The outputs are a *vector*: so many of them as there are lanes lie side by side in each word, so it
has the shape (words, 1, width) in memory. So does the network's input where linear layers alone
read it: its elements in the order in which they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, ends
from pann_hw.integer.terms import term_count
from pann_hw.program.allocate import reads
from pann_hw.program.grid import Grid
from pann_hw.program.program import Columns, Pass, Placement

__all__ = ["Linear", "could_be_linear", "digits", "linear_layers", "linear_passes"]

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Linear:
    """What of a network is executed with lanes as outputs.

    Attributes
    ----------
    layers : indices of those layers
    vectors : shape (words, 1, width) of each tensor that lies in memory as a vector
    transposed : whether the network is, whose input comes as it was
    """

    layers: frozenset[int]
    vectors: Mapping[str, Shape]
    transposed: bool

    def grids(self, grids: Mapping[str, Grid], lanes: int) -> dict[str, Grid]:
        """The grids of all tensors, with those of vectors."""
        return {
            name: Grid(1, self.vectors[name][2], lanes, 1, 1) if name in self.vectors else grid
            for name, grid in grids.items()
        }


def digits(value: int, max_shift: int, terms: int) -> list[list[int]]:
    """The shifts that an activation's bits are added with: a list for each cycle.

    Bits from the lowest on; what lies above the largest shift is repeated at that shift, so with
    ``max_shift`` 0 an activation x takes x terms.
    """
    low = [bit for bit in range(max_shift) if value >> bit & 1]
    shifts = low + [max_shift] * (value >> max_shift)
    return [shifts[first : first + terms] for first in range(0, len(shifts), terms)]


def could_be_linear(network: IntegerNetwork, config: AcceleratorConfig) -> list[Accumulate]:
    """Layers that could have lanes as outputs if ``weight_width`` were as large as may be.

    None on lanes that multiply, which have no columns of weights.
    """
    if config.multiplies:
        return []
    width = config.operand_width + 1
    widest = replace(config, weight_width=width, weight_words=0, layer_kinds="all")
    return [
        layer
        for layer in network.layers
        if isinstance(layer, Accumulate) and not _lacks(network, layer, widest)
    ]


def linear_layers(
    network: IntegerNetwork, config: AcceleratorConfig, grids: Mapping[str, Grid]
) -> Linear:
    """The layers to be made with lanes as outputs.

    Of those that can be, whose weights fit: all, or those that take fewer cycles so than with lanes
    as pixels, whichever saves more. (What one of them makes only another one can read, so one that
    saves nothing may be needed.) On hardware for linear layers alone, every layer.

    Raises
    ------
    InputError : the hardware is for linear layers alone, and a layer is none, or does not fit
    """
    transposed = grids[network.input.name].transposed
    if not config.linear:
        return Linear(frozenset(), {}, transposed)
    saved: dict[int, float] = {}
    for index, layer in enumerate(network.layers):
        reason = _lacks(network, layer, config)
        if reason and not config.windows:
            raise InputError(
                f"layer {layer.output.name!r} {reason}: hardware with layer_kinds = linear has "
                "no windows for it; use layer_kinds = all"
            )
        if not reason:
            saved[index] = _saved_cycles(network, layer, config)
    chosen = set(saved)
    if config.windows:
        ways = (
            _closed(network, set(some), config, transposed=transposed).layers
            for some in (saved, {index for index, cycles in saved.items() if cycles > 0})
        )
        chosen = set(max(ways, key=lambda way: sum(saved[index] for index in way)))
        chosen = chosen if sum(saved[index] for index in chosen) > 0 else set()
    while True:
        linear = _closed(network, chosen, config, transposed=transposed)
        needed = sum(
            _columns(network, network.layers[index], linear, grids, config)
            for index in linear.layers
        )
        if needed <= config.weight_words or not config.windows:
            break
        # Without the first one the others can stay: what it makes is read as well from channels.
        chosen = set(linear.layers) - {min(linear.layers)}
    if needed > config.weight_words:
        raise InputError(
            f"the network needs {needed} columns of weights, the configuration has "
            f"{config.weight_words}: raise weight_words"
        )
    return linear


def linear_passes(
    index: int,
    network: IntegerNetwork,
    linear: Linear,
    placements: Mapping[str, Placement],
    config: AcceleratorConfig,
) -> Iterator[Pass]:
    """The passes of a linear layer: up to C words of outputs each."""
    layer = network.layers[index]
    assert isinstance(layer, Accumulate)
    source = layer.sources[0]
    place = placements[source.tensor]
    outputs = layer.output.shape[0]
    words, _, width = vector = _vector(outputs, config.lanes, exact=layer.raw)
    grid = Grid(1, width, config.lanes, 1, 1)
    output = placements.get(layer.output.name, Placement(0, vector, grid, config.banks))
    tensor = network.tensors[source.tensor]
    kernels = source.weights
    if source.tensor in linear.vectors and linear.transposed:
        kernels = kernels.swapaxes(2, 3)
    weights = np.zeros((words * width, kernels[0].size), np.int64)
    weights[:outputs] = kernels.reshape(outputs, -1)
    bias = np.zeros(words * width, np.int64)
    bias[:outputs] = layer.bias
    order = _order(tensor.shape, place)
    bias_digits = _bias_digits(bias, config)
    by_input = np.where(order >= 0, weights[:, order], 0)
    columns = np.concatenate([bias_digits, by_input], 1).reshape(words, width, -1)
    for first in range(0, words, config.cores):
        count = min(config.cores, words - first)
        memories = np.zeros((count, columns.shape[2], config.lanes), np.int64)
        memories[:, :, :width] = columns[first : first + count].swapaxes(1, 2)
        yield Pass(
            layer=index,
            pool=False,
            raw=layer.raw,
            after=first == 0,
            frees_input=False,
            first_channel=first,
            channels=count,
            segments=(),
            bundles=(),
            bias=(0,) * count,
            scales=() if layer.scales is None else (layer.scales[0],) * count,
            q_max=0 if layer.raw else layer.q_max,
            grid=grid,
            output=output,
            columns=Columns(
                source.tensor,
                place.base,
                place.words,
                _span(place.grid),
                place.grid.words,
                (place.shape[0] - 1) % place.banks + 1,
                bias_digits.shape[1],
                tensor.bits,
                outputs,
                width,
                tuple(memories),
            ),
        )


def _lacks(network: IntegerNetwork, layer: Layer, config: AcceleratorConfig) -> str:
    """Why a layer cannot have lanes as outputs; empty where it can."""
    if not isinstance(layer, Accumulate):
        return "is max pooling"
    source = layer.sources[0]
    shape = network.tensors[source.tensor].shape
    if len(layer.sources) > 1 or source.groups > 1 or source.weights.shape[2:] != shape[1:]:
        return "is not one linear layer of a whole map"
    if source.padding != (0, 0) or ends(source) != (0, 0):
        return "has padding"
    largest = int(np.abs(source.weights).max())
    if largest > config.largest_weight:
        return f"has weights up to {largest}, at most {config.largest_weight} are in a column"
    if layer.scales is not None and len(set(layer.scales)) > 1:
        return "has a scale for each output"
    return ""


def _closed(
    network: IntegerNetwork, chosen: set[int], config: AcceleratorConfig, *, transposed: bool
) -> Linear:
    """Those of the layers whose outputs are read by others of them alone, and the vectors.

    The same holds for the input: where pixels do not fill all lanes of a word, the others would
    show what was left there, and take cycles.
    """
    while True:
        others = {
            name
            for index, layer in enumerate(network.layers)
            if index not in chosen
            for name in reads(layer)
        }
        mixed = {
            index
            for index in chosen
            if network.layers[index].output.name in others
            or others & {network.input.name} & set(reads(network.layers[index]))
        }
        if not mixed:
            break
        chosen -= mixed
    last = network.layers[-1].output.name
    vectors = {
        output.name: _vector(output.shape[0], config.lanes, exact=output.name == last)
        for output in (network.layers[index].output for index in chosen)
    }
    if chosen and network.input.name not in others:
        size = int(np.prod(network.input.shape))
        vectors[network.input.name] = _vector(size, config.lanes, exact=True)
    return Linear(frozenset(chosen), vectors, transposed)


def _vector(size: int, lanes: int, *, exact: bool) -> Shape:
    """The shape in memory of so many values; ``exact`` allows no others behind the last."""
    if exact:
        width = max(width for width in range(1, min(size, lanes) + 1) if size % width == 0)
    else:
        width = min(size, lanes)
    return -(-size // width), 1, width


def _saved_cycles(network: IntegerNetwork, layer: Layer, config: AcceleratorConfig) -> float:
    """Cycles that lanes as outputs save against lanes as pixels, with bits of 0 and 1 alike.

    With lanes as pixels one lane of each core adds, and each weight has a window of its own.
    """
    assert isinstance(layer, Accumulate)
    source = layer.sources[0]
    outputs, inputs = len(source.weights), source.weights[0].size
    bits = network.tensors[source.tensor].bits
    activations = range(1 << bits)
    shift = config.shift
    cycles = sum(len(digits(x, shift, config.terms)) for x in activations) / len(activations)
    words = _vector(outputs, config.lanes, exact=layer.raw)[0]
    mine = -(-words // config.cores) * inputs * cycles
    terms = float(term_count(source.weights, shift)) / outputs / config.terms
    theirs: float = -(-outputs // config.cores) * max(terms, inputs / config.banks)
    return float(theirs - mine)


def _columns(
    network: IntegerNetwork,
    layer: Layer,
    linear: Linear,
    grids: Mapping[str, Grid],
    config: AcceleratorConfig,
) -> int:
    """Columns that a layer takes in each core's memory."""
    assert isinstance(layer, Accumulate)
    tensor = network.tensors[layer.sources[0].tensor]
    grid = linear.grids(grids, config.lanes)[tensor.name]
    shape = linear.vectors.get(tensor.name, tensor.shape)
    words = _vector(layer.output.shape[0], config.lanes, exact=layer.raw)[0]
    scalars = shape[0] * grid.words * _span(grid)
    biases = int(_bias_digits(layer.bias, config).shape[1])
    return -(-words // config.cores) * (biases + scalars)


def _span(grid: Grid) -> int:
    """Lanes of a word up to the last that owns a pixel."""
    return (grid.strips - 1) * grid.columns + grid.columns_used


def _order(shape: Shape, place: Placement) -> np.ndarray:
    """Which element (channel, row, column) of a tensor each lane looked at is, in order; or -1."""
    grid = place.grid
    channels, height, width = place.shape
    order = []
    for first in range(0, channels, place.banks):
        for word in range(grid.words):
            for channel in range(first, min(first + place.banks, channels)):
                lanes = np.full(_span(grid), -1)
                for lane, *pixel in grid.lanes(word):
                    # The network is transposed as its maps are.
                    row, column = reversed(pixel) if grid.transposed else pixel
                    lanes[lane] = (channel * height + row) * width + column
                order.append(lanes)
    # The last word of a vector may have more lanes than the tensor has values.
    found = np.concatenate(order)
    return np.where(found < np.prod(shape), found, -1)


def _bias_digits(bias: np.ndarray, config: AcceleratorConfig) -> np.ndarray:
    """int64 (outputs, digits), highest first: bias = sum of digit * (largest weight + 1)**place."""
    base = config.largest_weight + 1
    rest, found = np.abs(bias), list[np.ndarray]()
    while not found or rest.any():
        found.append(np.sign(bias) * (rest % base))
        rest = rest // base
    return np.stack(found[::-1], 1)
