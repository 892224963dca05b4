"""The benchmarks' own parts: the network's names and function, and fitting."""

from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks.datasets import DATA, missing
from benchmarks.networks import NETWORKS
from benchmarks.resnet20 import main
from benchmarks.resnet20_network import WEIGHTS, Block, ResNet20, load_module
from benchmarks.resnet20_run import LARGEST, fitted
from pann_hw.errors import InputError
from pann_hw.network.torch_import import import_module
from pann_hw.program.compile import compile_network
from tests.random_networks import random_network, residual_network, width_needed


def test_parameters_have_the_state_dicts_names() -> None:
    parameters = dict(ResNet20().named_parameters())
    assert sum(p.numel() for p in parameters.values()) == 269722
    assert {"conv1.weight", "bn1.bias", "layer3.2.bn2.weight", "linear.bias"} <= set(parameters)
    assert len(ResNet20().state_dict()) == 116


def test_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros() -> None:
    torch.manual_seed(0)
    block, x = Block(4, 8, 2).eval(), torch.randn(2, 4, 6, 6)
    y = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
    expected = F.relu(y + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)))
    assert torch.equal(block(x), expected)


def test_network_is_imported() -> None:
    torch.manual_seed(0)
    module, x = ResNet20().eval(), torch.randn(2, 3, 32, 32)
    graph = import_module(module, x)
    with torch.no_grad():
        torch.testing.assert_close(graph.run(x), module(x), rtol=1e-4, atol=1e-4)


def test_trained_weights_fit_where_they_are() -> None:
    lacking = missing(DATA, [WEIGHTS])
    if lacking:
        pytest.skip(f"{DATA} lacks {' and '.join(lacking)}")
    assert load_module(DATA).linear.weight.shape == (10, 64)


def test_without_data_it_says_why_and_ends_well(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    assert main(["--data-folder", str(folder)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "skipped" in shown.err
    assert str(folder) in shown.err


def test_images_must_be_some(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--images", "0"]) == 2
    assert "--images 0: must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "resnet20"])
def test_scripts_are_of_their_networks(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--data-folder", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    assert ended.value.code == 0
    shown = capsys.readouterr().err
    assert f"{NETWORKS[name].title}: skipped" in shown and NETWORKS[name].file in shown


def test_fitted_accelerator_holds_the_networks_and_no_smaller_one_does(
    rng: np.random.Generator,
) -> None:
    (one, _), (other, _) = residual_network(rng, 2), random_network(rng, 2, 6)
    base = replace(LARGEST, lanes=8, cores=2)
    config = fitted([one, other], ["csd", "unary"], base)
    assert config.accumulator_width == width_needed(one, other)
    for network, encoding in ((one, "csd"), (other, "unary")):
        compile_network(network, config, encoding)
    for name in ("accumulator_width", "activation_words", "term_words", "descriptor_words"):
        value = getattr(config, name)
        smaller = value - 1 if name == "accumulator_width" else value // 2
        if smaller < 64 and name != "accumulator_width":
            continue
        less = replace(config, **{name: smaller})
        with pytest.raises(InputError, match=name):
            compile_network(one, less, "csd")
            compile_network(other, less, "unary")
