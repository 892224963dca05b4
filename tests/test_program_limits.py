"""What the program format cannot hold is refused in one line; what it can just hold is compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool, Source, Tensor
from pann_hw.program.blocks import find_grids
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.limits import check_windows
from tests.random_networks import one_layer

LARGE = AcceleratorConfig(activation_words=65536, term_words=65536, descriptor_words=65536)


def huge_pool() -> IntegerNetwork:
    wide = Tensor("p", (1, 1, 1), 8)
    pool = MaxPool(wide, "x", (300, 1), (1, 1))
    last = Accumulate(
        Tensor("y", (1, 1, 1), 8),
        (Source("p", np.ones((1, 1, 1, 1), np.int64)),),
        np.zeros(1, np.int64),
        None,
        0,
    )
    return IntegerNetwork(Tensor("x", (1, 300, 1), 8), (pool, last))


BEYOND: dict[str, tuple[Callable[[], IntegerNetwork], str]] = {
    "rows": (lambda: one_layer((1, 65536, 1), (1, 1)), r"'x' has shape \(1, 65536, 1\): each size"),
    "columns": (lambda: one_layer((1, 1, 65537), (1, 1)), "'x' has shape .* at most 65535"),
    "channels": (lambda: one_layer((65536, 1, 1), (1, 1)), "'x' has shape .* at most 65535"),
    "input words": (
        lambda: one_layer((1, 8192, 65), (8192, 65)),
        r"'x' of shape \(1, 8192, 65\) takes \d+ words a channel, must be at most 65535: raise l",
    ),
    "output words": (
        lambda: one_layer((1, 1, 1), (1, 1), padding=(400, 400)),
        r"tensor 'x' of shape \(1, 1, 1\) takes 80601 words a channel, must be at most 65535",
    ),
    "kernel": (lambda: one_layer((1, 256, 1), (256, 1)), r"layer 'y': kernel \(256, 1\), .* 255"),
    "pool": (huge_pool, r"layer 'p': kernel \(300, 1\), .* at most 255"),
    "stride": (lambda: one_layer((1, 2, 1), (1, 1), (256, 1)), r"stride \(256, 1\), .* 255"),
    "padding": (
        lambda: one_layer((1, 1, 1), (1, 1), (1, 1), (256, 0)),
        r"padding \(256, 0\).* 255",
    ),
}


@pytest.mark.parametrize(
    ("name", "width", "option"), [("x", 7, "--input-bits 7"), ("p", 4, "--activation-bits 4")]
)
def test_wider_than_the_operands(name: str, width: int, option: str) -> None:
    """Of the input and of what a layer stores; the last layer's sums go out as they are."""
    network = huge_pool()
    if name == "p":
        network = replace(network, input=replace(network.input, bits=4))
    message = (
        rf"^tensor '{name}' has 8 bits, the configuration's operands {width}: raise operand_width "
        rf"\(at most 8\), or quantise with {option}$"
    )
    with pytest.raises(InputError, match=message):
        compile_network(network, replace(LARGE, operand_width=width), "csd")


@pytest.mark.parametrize("name", list(BEYOND))
def test_sizes_beyond_the_format(name: str) -> None:
    make, message = BEYOND[name]
    with pytest.raises(InputError, match=message) as caught:
        compile_network(make(), LARGE, "unary")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "network",
    [
        one_layer((1, 65535, 1), (1, 1)),
        one_layer((1, 1, 65535), (1, 1)),
        one_layer((65535, 1, 1), (1, 1)),
        one_layer((1, 255, 1), (255, 1)),
        one_layer((1, 255, 1), (1, 1), (255, 1)),
        one_layer((1, 4, 4), (1, 1), (1, 1), (255, 0)),
        one_layer((1, 4, 4), (1, 1), (1, 1), (0, 255)),
        one_layer((2, 32768, 1), (1, 1)),
        one_layer((1, 2, 3000), (1, 1), (200, 1)),
        one_layer((1, 8, 1), (255, 1), padding=(127, 0)),
    ],
    ids=[
        "rows",
        "columns",
        "channels",
        "kernel",
        "stride",
        "padding",
        "padding of rows",
        "words",
        "row step",
        "reach",
    ],
)
def test_sizes_at_the_limit(network: IntegerNetwork) -> None:
    link([compile_network(network, LARGE, "unary")])


@pytest.mark.parametrize("axis", [0, 1])
def test_windows_that_reach_over_too_many_lanes(axis: int) -> None:
    def network(kernel: int, padding: int) -> IntegerNetwork:
        """Of blocks of one pixel."""
        pairs = [(63, 1), (kernel, 1), (padding, 0)]
        size, kernels, paddings = [pair[::-1] if axis else pair for pair in pairs]
        return one_layer((1, *size), kernels, padding=paddings)

    config = AcceleratorConfig(lanes=64, term_words=65536, descriptor_words=65536)
    link([compile_network(network(194, 66), config, "unary")])
    beyond = network(195, 66)
    grids = find_grids(beyond, 64, 64 if axis else 1)
    assert grids is not None
    (layer,) = beyond.layers
    assert isinstance(layer, Accumulate)
    (source,) = layer.sources
    kernel = source.weights.shape[2:]
    message = r"layer 'y': kernel .* reaches over 128 lanes, must be at most 127; split the layer"
    with pytest.raises(InputError, match=message):
        check_windows("y", source, (kernel[0], kernel[1]), grids.stored["x"], grids.computed["y"])
    # Larger blocks do not reach as far.
    link([compile_network(beyond, config, "unary")])
