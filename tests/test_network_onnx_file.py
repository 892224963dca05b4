"""ONNX files that cannot be read, and networks that have no fixed shape: one line each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from pann_hw.errors import InputError
from pann_hw.network.load import load_network
from pann_hw.network.onnx_file import NEWEST
from pann_hw.network.onnx_import import import_onnx
from tests.onnx_graphs import Sketch

SHAPE = (2, 6, 6)


def sketch(shape: tuple[int | str | None, ...] | None = ("N", *SHAPE), opset: int = 17) -> Sketch:
    s = Sketch(shape, opset)
    s("Relu", s("Conv", "x", s.floats(4, 2, 3, 3), name="conv"))
    return s


def refused(path: Path, shape: tuple[int, ...] = SHAPE) -> str:
    with pytest.raises(InputError) as caught:
        load_network(str(path), shape)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def write_external(path: Path) -> None:
    """A model whose weights are in a file of their own, which is then cut."""
    onnx.save(sketch().model(), path, save_as_external_data=True, location="w", size_threshold=0)
    weights = path.parent / "w"
    weights.write_bytes(weights.read_bytes()[:-100])


def write_lost(path: Path) -> None:
    write_external(path)
    (path.parent / "w").unlink()


def write_outside(path: Path) -> None:
    model = sketch().model()
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "../../etc/hostname")
    tensor.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())


def write_changed(path: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    model = sketch().model()
    change(model)
    path.write_bytes(model.SerializeToString())


def spoil(model: onnx.ModelProto) -> None:
    weights = np.full((4, 2, 3, 3), np.nan, np.float32)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w0"))


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "no such file; give a torch.export program (.pt2), an ONNX"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "empty": (lambda path: path.touch(), "holds no ONNX network"),
    "text": (lambda path: path.write_text("hello, world"), "is cut short or no ONNX file"),
    "cut": (
        lambda path: path.write_bytes(sketch().model().SerializeToString()[:300]),
        "is cut short or no ONNX file: copy it again",
    ),
    "noise": (lambda path: path.write_bytes(bytes([8, 3])), "holds no ONNX network"),
    "external data cut": (write_external, "its external data cannot be read ("),
    "external data lost": (write_lost, "put the data file beside it"),
    "external data elsewhere": (write_outside, "its external data cannot be read ("),
    "dangling": (
        lambda path: write_changed(path, lambda m: m.graph.node[1].input.__setitem__(0, "y")),
        "is damaged or incomplete (ValidationError: ",
    ),
    "weights": (
        lambda path: write_changed(path, spoil),
        "weights 'w0' have 72 NaN or infinite values of 72, all must be finite",
    ),
    "old": (
        lambda path: path.write_bytes(sketch(opset=6).model().SerializeToString()),
        f"opset 6 of ai.onnx, must be 7..{NEWEST}: export it anew, or convert it with",
    ),
    "new": (
        lambda path: path.write_bytes(sketch(opset=99).model().SerializeToString()),
        f"opset 99 of ai.onnx, must be 7..{NEWEST}",
    ),
    "two inputs": (
        lambda path: write_changed(
            path,
            lambda m: m.graph.input.append(onnx.helper.make_tensor_value_info("z", 1, [1])),
        ),
        "network has 2 inputs (x, z), must have exactly one: export it with one tensor in",
    ),
    "two outputs": (
        lambda path: path.write_bytes(sketch().model("conv0", "relu1").SerializeToString()),
        "network has 2 outputs (conv0, relu1), must have exactly one",
    ),
    "integers in": (
        lambda path: write_changed(
            path,
            lambda m: m.graph.input[0].CopyFrom(
                onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, ["N", 2, 6, 6])
            ),
        ),
        "network's input 'x' is uint8, must be float (32 bits)",
    ),
    "other shape": (
        lambda path: path.write_bytes(sketch(("N", 2, 8, 8)).model().SerializeToString()),
        "network takes samples of shape (2, 8, 8), the data has (2, 6, 6)",
    ),
    "other channels": (
        lambda path: path.write_bytes(sketch(("N", 3, None, "W")).model().SerializeToString()),
        "has the shape ('?', 3, '?', '?'), which samples of shape (2, 6, 6) do not fit",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_file(name: str, tmp_path: Path) -> None:
    write, message = FILES[name]
    path = tmp_path / "net.onnx"
    write(path)
    assert message in refused(path)


@pytest.mark.parametrize("shape", [("N", 2, None, "W"), (None, None, None, None), None])
def test_open_sizes_are_those_of_the_data(
    shape: tuple[int | str | None, ...] | None, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(sketch(shape).model(), path)
    graph = load_network(str(path), SHAPE)
    assert (graph.input_shape, graph.shapes[graph.output_name]) == (SHAPE, (4, 4, 4))
    with pytest.raises(InputError, match="only the batch may be open, export it with fixed"):
        import_onnx(path)


def test_open_sizes_of_channels_last(tmp_path: Path) -> None:
    s = Sketch(("N", None, None, 2))
    s("Conv", s("Transpose", "x", perm=[0, 3, 1, 2]), s.floats(4, 2, 3, 3))
    onnx.save(s.model(), tmp_path / "net.onnx")
    assert load_network(str(tmp_path / "net.onnx"), (2, 7, 6)).input_shape == (2, 7, 6)


def test_vectors(tmp_path: Path) -> None:
    s = Sketch((None, None))
    s("MatMul", "x", s.floats(7, 3))
    onnx.save(s.model(), tmp_path / "net.onnx")
    assert load_network(str(tmp_path / "net.onnx"), (7, 1, 1)).input_shape == (7, 1, 1)


def test_external_data_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    model = sketch().model()
    onnx.save(model, tmp_path / "whole.onnx")
    onnx.save(model, path, save_as_external_data=True, location="weights", size_threshold=0)
    x = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(2))
    graphs = [import_onnx(one) for one in (path, tmp_path / "whole.onnx")]
    assert torch.equal(graphs[0].run(x), graphs[1].run(x))


def test_nothing_is_printed_and_onnxruntime_is_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(sketch().model(), path)
    for blocked in ("", "sys.modules['onnxruntime'] = None; "):
        code = (
            f"import sys; {blocked}from pann_hw.network.load import load_network; "
            f"load_network({str(path)!r}, {SHAPE})"
        )
        done = subprocess.run(
            [sys.executable, "-W", "default", "-c", code],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout + done.stderr == ""
