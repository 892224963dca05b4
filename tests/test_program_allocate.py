"""Placement: tensors that live at the same time never share a word."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.program.allocate import allocate, input_is_free, reads
from pann_hw.program.blocks import find_grids
from pann_hw.program.grid import Grid
from pann_hw.program.program import Placement
from tests.random_networks import feature_map_network, random_network, residual_network


def overlaps(network: IntegerNetwork, places: dict[str, Placement]) -> list[tuple[str, str]]:
    """Pairs of tensors that share words while both are wanted, layer by layer."""
    layers, found = network.layers, []
    for index, layer in enumerate(layers):
        earlier = [network.input.name, *(other.output.name for other in layers[:index])]
        read_later = {name for other in layers[index:] for name in reads(other)}
        wanted = [name for name in earlier if name in read_later] + [layer.output.name]
        for a, b in combinations([name for name in wanted if name in places], 2):
            first, second = places[a], places[b]
            if range(
                max(first.base, second.base),
                min(first.base + first.words, second.base + second.words),
            ):
                found.append((a, b))
    return found


def chosen(network: IntegerNetwork, lanes: int) -> dict[str, Grid]:
    grids = find_grids(network, lanes, lanes // 2)
    assert grids is not None
    return dict(grids.stored)


def placed(network: IntegerNetwork, config: AcceleratorConfig) -> dict[str, Placement]:
    return allocate(network, config, chosen(network, config.lanes), {})


@pytest.mark.parametrize("banks", [1, 2, 4])
@pytest.mark.parametrize("lanes", [4, 8, 32])
def test_live_tensors_never_overlap(lanes: int, banks: int, rng: np.random.Generator) -> None:
    config = AcceleratorConfig(lanes=lanes, banks=banks, activation_words=16384)
    networks = [random_network(rng, 4, layers=8)[0] for _ in range(40)]
    networks += [make(rng, 2)[0] for make in (residual_network, feature_map_network)]
    for network in networks:
        grids = chosen(network, lanes)
        places = allocate(network, config, grids, {})
        stored = [network.input, *(layer.output for layer in network.layers[:-1])]
        assert list(places) == [tensor.name for tensor in stored]
        for tensor in stored:
            place = places[tensor.name]
            assert place.shape == tensor.shape
            assert place.grid == grids[tensor.name]
            # Channels go round the banks, each a run of words.
            assert place.words == -(-tensor.shape[0] // banks) * place.grid.words
            assert 0 <= place.base <= place.base + place.words <= config.bank_words
        assert overlaps(network, places) == []


def test_the_check_itself_sees_an_overlap(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    places = placed(network, AcceleratorConfig())
    places["t0"] = replace(places["t0"], base=places["x"].base)
    assert ("x", "t0") in overlaps(network, places)


def smallest(network: IntegerNetwork, config: AcceleratorConfig) -> int:
    """Words that the network needs, as its refusal says; as many as a memory has at least."""
    try:
        placed(network, replace(config, activation_words=16))
    except InputError as error:
        found = re.match(r"the network needs (\d+) words", str(error))
        assert found is not None
        return int(found[1])
    return 16


def test_words_are_used_again(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    config = AcceleratorConfig(lanes=4, activation_words=4096)
    places = placed(network, replace(config, activation_words=smallest(network, config)))
    assert overlaps(network, places) == []
    needed = max(place.base + place.words for place in places.values())
    assert needed < sum(place.words for place in places.values())


@pytest.mark.parametrize("banks", [1, 2, 4])
def test_too_small_a_memory_names_the_parameter(banks: int, rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    config = AcceleratorConfig(lanes=4, banks=banks)
    needed = smallest(network, config)
    places = placed(network, replace(config, activation_words=needed))
    assert max(place.base + place.words for place in places.values()) * banks == needed
    message = (
        rf"the network needs {needed} words of 4 activations \(at tensor '(x|t\d+)'\), the "
        rf"configuration has {needed - banks}: raise activation_words \(at most 65536\)"
    )
    with pytest.raises(InputError, match=message) as caught:
        placed(network, replace(config, activation_words=needed - banks))
    assert "\n" not in str(caught.value)


def in_use(network: IntegerNetwork, places: dict[str, Placement], index: int) -> set[int]:
    """Words of the input's place that layers from ``index`` on read or write."""
    own = set(range(places["x"].base, places["x"].base + places["x"].words))
    used: set[int] = set()
    for layer in network.layers[index:]:
        for name in (*reads(layer), layer.output.name):
            if name in places:
                used |= set(range(places[name].base, places[name].base + places[name].words))
    return used & own


def test_the_input_keeps_its_place_where_memory_allows(rng: np.random.Generator) -> None:
    """The next input may be taken from the first layer on that no longer needs the place."""
    config = AcceleratorConfig(lanes=4, banks=1)
    kept = shared = 0
    for _ in range(60):
        network, _ = random_network(rng, 4, layers=6)
        large = placed(network, replace(config, activation_words=65536))
        least = replace(config, activation_words=smallest(network, config))
        for places, whole in ((large, True), (placed(network, least), False)):
            free = input_is_free(network, places)
            count = len(network.layers)
            unused = [i for i in range(count) if not in_use(network, places, i)]
            assert free == min(unused, default=None)
            if whole:
                last = max(i for i, layer in enumerate(network.layers) if "x" in reads(layer))
                assert free == (last + 1 if last + 1 < count else None)
                kept += free is not None
            else:
                shared += free != input_is_free(network, large)
    assert min(kept, shared) > 5
