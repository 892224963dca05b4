"""Every supported layer against the original module; every obstacle against its message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pann_hw.errors import InputError
from pann_hw.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Concatenate,
    Convolution,
    FloatGraph,
    MaxPool,
)
from pann_hw.network.torch_import import import_module, import_program
from pann_hw.network.torch_operators import HANDLERS
from tests.networks import NETWORKS, Residual, named, randomise


def check_against(module: nn.Module, graph: FloatGraph, x: torch.Tensor) -> None:
    """The graph on inputs and on a batch size that the import never saw."""
    module.eval()
    with torch.no_grad():
        expected = module(x).flatten(1)
    found = graph.run(x if x.ndim == 4 else x[:, :, None, None])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    for name, value in graph.values(x if x.ndim == 4 else x[:, :, None, None]).items():
        assert tuple(value.shape[1:]) == graph.shapes[name], name


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("form", ["module", "training IR", "decomposed", "dynamic batch"])
def test_network_equals_module(name: str, form: str) -> None:
    make, shape = NETWORKS[name]
    print("seed 1")
    torch.manual_seed(1)
    module = randomise(make())
    example = torch.randn(2, *shape)
    if form == "module":
        graph = import_module(module, example)
    else:
        dynamic = ({0: torch.export.Dim("batch", min=1, max=64)},) if "dynamic" in form else None
        program = torch.export.export(module, (example,), dynamic_shapes=dynamic)
        if form == "decomposed":
            program = program.run_decompositions()
        graph = import_program(program)
    check_against(module, graph, torch.randn(5, *shape))


def one(layer: nn.Module, *shape: int) -> FloatGraph:
    torch.manual_seed(2)
    return import_module(randomise(layer), torch.randn(2, *shape))


def test_batch_norm_folds_into_the_convolution_before_it() -> None:
    graph = one(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), 3, 6, 6)
    assert [type(node) for node in graph.nodes] == [Convolution, Clamp]
    assert graph.notes == ("1: batch normalisation folded into 0",)


def test_batch_norm_stays_where_the_convolution_has_another_reader() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.bn = nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            out: torch.Tensor = self.bn(y) + y
            return out

    graph = one(Net(), 3, 6, 6)
    assert [node.name for node in graph.nodes] == ["conv", "bn", "add"]
    kept = named(graph, "bn")
    assert isinstance(kept, Convolution)
    assert type(kept) is Convolution
    assert (kept.groups, tuple(kept.weight.shape)) == (4, (4, 1, 1, 1))


def test_linear_becomes_a_convolution_that_covers_the_map() -> None:
    graph = one(nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 7)), 3, 4, 5)
    (node,) = graph.nodes
    assert isinstance(node, Convolution)
    assert tuple(node.weight.shape) == (7, 3, 4, 5)
    assert graph.shapes[node.name] == (7, 1, 1)


def test_names_come_from_the_module_hierarchy() -> None:
    graph = import_module(Residual().eval(), torch.randn(2, 4, 8, 8))
    assert [node.name for node in graph.nodes] == [
        "stem",
        "block.conv1",
        "block.relu",
        "block.conv2",
        "block.shortcut.0",
        "block.add",
        "block.relu_2",
        "head",
    ]


def test_input_named_like_a_layer_keeps_names_unique() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x = nn.Conv2d(1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.x(self.x(x))
            return out

    graph = one(Net(), 1, 3, 3)
    assert (graph.input_name, [node.name for node in graph.nodes]) == ("x", ["x_2", "x_3"])


def test_in_place_operators_change_what_later_nodes_read() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            z = F.relu(y, inplace=True)
            z += y
            return z + y

    graph = one(Net(), 2, 3, 3)
    adds = [node for node in graph.nodes if isinstance(node, Add)]
    assert adds[0].inputs == ("relu", "relu")
    assert adds[1].inputs == ("add", "add")


def test_softmax_and_dropout_are_dropped_and_said_so() -> None:
    layers = (nn.Flatten(), nn.Dropout(), nn.Linear(8, 3), nn.LogSoftmax(1))
    graph = one(nn.Sequential(*layers), 2, 2, 2)
    assert graph.notes == (
        "1 dropout layer dropped",
        "log_softmax at the end dropped: outputs are the scores before it",
    )


def test_import_restores_the_mode_of_every_part() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    module.train()
    module[1].eval()
    import_module(module, torch.randn(2, 1, 3, 3))
    assert [part.training for part in module.modules()] == [True, True, False]


def test_pools_keep_kernel_stride_and_padding() -> None:
    graph = one(
        nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d((2, 1)), nn.AdaptiveAvgPool2d(1)), 2, 8, 6
    )
    largest, mean, last = graph.nodes
    assert isinstance(largest, MaxPool)
    assert (largest.kernel, largest.stride, largest.padding) == ((3, 3), (2, 2), (1, 1))
    assert isinstance(mean, AveragePool)
    assert (mean.kernel, mean.stride) == ((2, 1), (2, 1))
    assert isinstance(last, AveragePool)
    assert last.kernel == (2, 3)


def test_concatenation_reads_all_parts_in_order() -> None:
    make, shape = NETWORKS["concatenation"]
    graph = one(make(), *shape)
    (cat,) = [node for node in graph.nodes if isinstance(node, Concatenate)]
    assert len(cat.inputs) == 3
    assert graph.shapes[cat.name][0] == sum(graph.shapes[name][0] for name in cat.inputs)


class Apply(nn.Module):
    """A convolution, then any function of its result."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.conv(x))


LAYERS: dict[str, tuple[nn.Module, str]] = {
    "dilation": (nn.Conv2d(2, 4, 3, dilation=2), "dilation (2, 2)"),
    "transposed": (nn.ConvTranspose2d(2, 4, 3), "conv_transpose2d.input): use Conv2d"),
    "reflect": (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), "padding of the conv"),
    "same, even kernel": (nn.Conv2d(2, 4, 4, padding="same"), "use an odd kernel"),
    "gelu": (nn.GELU(), "use ReLU or ReLU6"),
    "hardtanh": (nn.Hardtanh(-1, 1), "clamp to -1..1"),
    "group norm": (nn.GroupNorm(1, 2), "use BatchNorm"),
    "batch statistics": (nn.BatchNorm2d(2, track_running_stats=False), "training mode"),
    "max pool ceil": (nn.MaxPool2d(3, 2, ceil_mode=True), "use ceil_mode=False"),
    "average pool padding": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), "count_include_pad"),
    "divisor": (nn.AvgPool2d(2, divisor_override=3), "divisor_override"),
    "adaptive": (nn.AdaptiveAvgPool2d(3), "does not divide"),
    "unflatten": (nn.Sequential(nn.Flatten(), nn.Unflatten(1, (8, 4, 4))), "only flatten"),
    "softmax inside": (nn.Sequential(nn.Softmax(1), nn.ReLU()), "only as the last"),
    "linear on a map": (nn.Linear(8, 3), "flatten to (batch, features) first"),
    "upsample": (nn.Upsample(scale_factor=2), "upsample_nearest2d"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_unsupported_layer(name: str) -> None:
    layer, message = LAYERS[name]
    with pytest.raises(InputError) as caught:
        import_module(nn.Sequential(layer), torch.randn(2, 2, 8, 8))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


FUNCTIONS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "add constant": (lambda x: x + 1, "adds a constant"),
    "alpha": (lambda x: torch.add(x, x, alpha=2), "alpha 2"),
    "broadcast": (lambda x: x + x.mean((2, 3), keepdim=True), "values of one shape"),
    "multiply": (lambda x: x * x, "use additions"),
    "clamp above": (lambda x: x.clamp(max=1), "clamp to None..1"),
    "slice": (lambda x: x[:, :2], "use all channels"),
    "transpose": (lambda x: x.transpose(2, 3), "keep the order"),
    "cat rows": (lambda x: torch.cat([x, x], 2), "concatenate channels"),
    "cat flattened": (lambda x: torch.cat([x.flatten(1), x.flatten(1)], 1), "after flattening"),
    "mean of one axis": (lambda x: x.mean(3), "both spatial axes"),
    "mean of all": (lambda x: x.mean().reshape(1, 1), "keep the batch"),
    "double": (lambda x: x.double(), "use float32 throughout"),
    "reshape across samples": (lambda x: x.reshape(-1, 4), "keep the batch"),
    "indices": (lambda x: F.max_pool2d(x, 2, return_indices=True)[1], "first output only"),
    "random": (lambda x: x + torch.rand(4, 8, 8), "no random numbers"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("decomposed", [False, True])
def test_unsupported_function(name: str, decomposed: bool) -> None:
    function, message = FUNCTIONS[name]
    program = torch.export.export(Apply(function).eval(), (torch.randn(2, 2, 8, 8),))
    with pytest.raises(InputError) as caught:
        import_program(program.run_decompositions() if decomposed else program)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_error_lists_every_unsupported_node() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(2, 4, 3, dilation=2), nn.GELU())
            self.conv = nn.Conv2d(4, 4, 3, dilation=3)
            self.good = nn.Conv2d(4, 4, 1)
            self.act = nn.SiLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.act(self.good(self.act(self.conv(self.first(x)))))
            return x.permute(0, 2, 3, 1)

    with pytest.raises(InputError) as caught:
        import_module(Net(), torch.randn(2, 2, 16, 16))
    message = str(caught.value)
    assert message.startswith("network has 6 unsupported operations: ")
    items = message.partition(": ")[2].split("; ")
    assert [item.partition(" (")[0] for item in items] == [
        "first.0",
        "first.1",
        "conv",
        "act",
        "act_2",
        "permute",
    ]
    assert "aten.gelu.default): use ReLU or ReLU6" in items[1]


def test_training_mode_is_said_at_once() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Dropout())
    program = torch.export.export(module.train(), (torch.randn(2, 1, 3, 3),))
    with pytest.raises(InputError, match=r"training mode \(batch_norm, dropout\)"):
        import_program(program)


class TwoInputs(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y


class TwoOutputs(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.relu(), x


def test_one_input_and_one_output() -> None:
    x = torch.randn(2, 3)
    with pytest.raises(InputError, match="network has 2 inputs"):
        import_program(torch.export.export(TwoInputs(), (x, x)))
    with pytest.raises(InputError, match="network has 2 outputs"):
        import_module(TwoOutputs(), x)
    with pytest.raises(InputError, match="at least one convolution"):
        import_module(nn.Identity(), x)
    with pytest.raises(InputError, match=r"\(2, 3, 4\), must be \(batch, C, H, W\)"):
        import_module(nn.ReLU(), torch.randn(2, 3, 4))


def test_weights_must_be_finite_float32() -> None:
    module = nn.Linear(3, 2)
    with pytest.raises(InputError, match=r"'weight' are torch.float64, must be float32"):
        import_module(nn.Linear(3, 2).double(), torch.randn(2, 3))
    with torch.no_grad():
        module.bias[1] = torch.nan
    with pytest.raises(InputError, match=r"'bias' have 1 NaN or infinite values of 2"):
        import_module(module, torch.randn(2, 3))


def test_module_that_cannot_be_traced() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else x.relu()

    with pytest.raises(InputError, match="cannot trace Net") as caught:
        import_module(Net(), torch.randn(2, 3))
    assert "\n" not in str(caught.value)


def test_dynamic_height_is_refused() -> None:
    dynamic = ({2: torch.export.Dim("h", min=4, max=32)},)
    x = torch.randn(2, 1, 8, 8)
    program = torch.export.export(nn.Conv2d(1, 1, 3), (x,), dynamic_shapes=dynamic)
    with pytest.raises(InputError, match="only the batch may be dynamic"):
        import_program(program)


def test_wrong_translation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HANDLERS, "relu", lambda call: call.value("self"))
    with pytest.raises(InputError, match="differs from the exported one by"):
        one(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), 1, 6, 6)
