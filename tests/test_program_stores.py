"""The words that a program stores, and its outputs, against what the interpreter stores."""

from __future__ import annotations

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.run import run
from pann_hw.machine.interpret import execute
from pann_hw.program.compile import compile_network
from pann_hw.program.stores import network_order, output_map, store_map
from tests.random_networks import residual_network


def test_maps_name_every_element_once(rng: np.random.Generator) -> None:
    network, x = residual_network(rng, 2)
    program = compile_network(network, AcceleratorConfig(cores=3), "csd")
    assert execute(program, x).stores.shape[1] == len(store_map(program))
    elements = [(layer, *place) for layer, values in store_map(program) for _, *place in values]
    expected = [
        (index, *position)
        for index, layer in enumerate(network.layers[:-1])
        for position in np.ndindex(layer.output.shape)
    ]
    assert sorted(elements) == expected
    assert sorted(output_map(program)) == list(np.ndindex(program.output_shape))


def test_outputs_in_the_order_of_the_network(rng: np.random.Generator) -> None:
    network, x = residual_network(rng, 2)
    program = compile_network(network, AcceleratorConfig(cores=3), "csd")
    expected = run(network, x)[network.layers[-1].output.name].numpy().reshape(len(x), -1)
    assert (network_order(program, execute(program, x).outputs) == expected).all()
