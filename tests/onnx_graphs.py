"""Small ONNX networks, node by node, and their outputs by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from pann_hw.network.graph import FloatGraph
from pann_hw.network.onnx_import import import_onnx

__all__ = ["RUNTIME_OPSET", "Sketch", "check", "run_onnxruntime"]

RUNTIME_OPSET = 26
"""Newest opset that onnxruntime takes without a word."""


class Sketch:
    """An ONNX graph in the making: each node is a call that returns its output's name.

    Parameters
    ----------
    shape : of the input; None or a name leaves a size open
    opset : of ai.onnx
    """

    def __init__(
        self,
        shape: tuple[int | str | None, ...] | None,
        opset: int = 17,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.shape, self.opset = shape, opset
        self.rng = rng or np.random.default_rng(3)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.outputs: list[str] = []

    def __call__(self, operator: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """Add a node; arrays become initialisers, "" leaves an input out."""
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        output = f"{operator.lower()}{len(self.nodes)}"
        count = attributes.pop("outputs", 1)
        outputs = [output, *(f"{output}_{index}" for index in range(1, count))]
        name = attributes.pop("name", f"/{operator}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(operator, names, outputs, name=name, **attributes))
        return output

    def constant(self, values: np.ndarray) -> str:
        """An initialiser."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def floats(self, *shape: int, scale: float = 1.0) -> np.ndarray:
        """Random float32 weights."""
        result: np.ndarray = (scale * self.rng.standard_normal(shape)).astype(np.float32)
        return result

    def axes(self, name: str, values: list[int], newer: int) -> tuple[list[Any], dict[str, Any]]:
        """Inputs and attributes for what is an input from opset ``newer`` on."""
        if self.opset >= newer:
            return [np.array(values, np.int64)], {}
        return [], {name: values}

    def model(self, *outputs: str, weights_as_inputs: bool = False) -> onnx.ModelProto:
        """The finished model; without names of outputs the last node's."""
        names = outputs or (self.nodes[-1].output[0],)
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)]
        if weights_as_inputs:
            inputs += [
                helper.make_tensor_value_info(one.name, one.data_type, one.dims)
                for one in self.weights
            ]
        graph = helper.make_graph(
            self.nodes,
            "sketch",
            inputs,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names],
            self.weights,
        )
        domains = {node.domain for node in self.nodes} - {""}
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(domain, 1) for domain in sorted(domains)]
        version = 3 if weights_as_inputs else 10
        return helper.make_model(graph, opset_imports=opsets, ir_version=version)


def run_onnxruntime(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    """The model's output for an input as the file has it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    result: np.ndarray = session.run(None, {session.get_inputs()[0].name: x})[0]
    return result


def check(sketch: Sketch, folder: Path, *, batch: int = 3, outputs: bool = True) -> FloatGraph:
    """Import a sketch and compare it with onnxruntime, sample by sample.

    A network whose batch is 1 is run once per sample.
    """
    model = sketch.model()
    onnx.save(model, folder / "net.onnx")
    graph = import_onnx(folder / "net.onnx")
    x = sketch.rng.standard_normal((batch, *graph.input_shape)).astype(np.float32) * 3
    assert sketch.shape is not None
    single = sketch.shape[0] == 1
    rows = [x[index : index + 1] for index in range(batch)] if single else [x]
    view = tuple(size for size in sketch.shape[1:] if isinstance(size, int))
    parts = [run_onnxruntime(model, row.reshape(len(row), *view)) for row in rows]
    wanted = np.concatenate(parts).reshape(batch, -1)
    with torch.no_grad():
        values = graph.values(torch.from_numpy(x))
        found = graph.run(torch.from_numpy(x)).numpy()
    for name, value in values.items():
        assert tuple(value.shape[1:]) == graph.shapes[name], name
    if outputs:
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()
    return graph
