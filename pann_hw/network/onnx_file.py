"""ONNX files: read, checked and reduced to the nodes between one input and one output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import external_data_helper, inliner, numpy_helper

from pann_hw.errors import InputError
from pann_hw.network.torch_import import first_line

__all__ = ["OnnxNetwork", "read_onnx"]

OLDEST = 7
"""First opset whose operators broadcast as NumPy does."""

NEWEST = onnx.defs.onnx_opset_version()
"""Newest opset that the installed onnx package knows."""


@dataclass(frozen=True)
class OnnxNetwork:
    """An ONNX model as far as its output needs it.

    Attributes
    ----------
    model : checked, with all external data loaded and functions inlined
    input, output : of the graph
    dimensions : of the input, batch first; None where the file leaves one open
    nodes : in topological order, those only that the output depends on
    """

    model: onnx.ModelProto
    input: onnx.ValueInfoProto
    output: onnx.ValueInfoProto
    dimensions: tuple[int | None, ...] | None
    nodes: tuple[onnx.NodeProto, ...]

    @property
    def opsets(self) -> dict[str, int]:
        """Version of the operators of each domain; ai.onnx is ""."""
        versions = {entry.domain: entry.version for entry in self.model.opset_import}
        return {"": versions.pop("ai.onnx", 0)} | versions


def read_onnx(path: Path) -> OnnxNetwork:
    """Read an ONNX file, its external data included.

    Raises
    ------
    InputError : not an ONNX file, cut short or damaged; external data missing; an opset outside
        7..NEWEST; not one float32 input and one output
    """
    model = _model(path)
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)
    if not OLDEST <= opset <= NEWEST:
        raise InputError(
            f"{path}: opset {opset} of ai.onnx, must be {OLDEST}..{NEWEST}: export it anew, or "
            f"convert it with onnx.version_converter"
        )
    _check(path, model)
    if model.functions:
        model = inliner.inline_local_functions(model)
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    for what, values in (("inputs", inputs), ("outputs", list(graph.output))):
        if len(values) != 1:
            names = ", ".join(value.name for value in values) or "none"
            raise InputError(
                f"{path}: network has {len(values)} {what} ({names}), must have exactly one: "
                f"export it with one tensor in and one out, or cut it with onnx.utils.extract_model"
            )
    kind = inputs[0].type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        found = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
        raise InputError(
            f"{path}: network's input {inputs[0].name!r} is {found}, must be float (32 bits): "
            f"export it anew, conversions from other types left out"
        )
    sizes = None
    if kind.HasField("shape"):
        sizes = tuple(one.dim_value if one.dim_value > 0 else None for one in kind.shape.dim)
    _check_weights(path, graph)
    return OnnxNetwork(model, inputs[0], graph.output[0], sizes, _needed(graph))


def _model(path: Path) -> onnx.ModelProto:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror or 'cannot be read'}: give an ONNX file"
        ) from None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:
        # DecodeError of protobuf.
        raise InputError(
            f"{path}: is cut short or no ONNX file: copy it again, or export it anew"
        ) from None
    # Any few bytes may be a message of unknown fields.
    if not model.ir_version or not model.opset_import or not model.graph.node:
        raise InputError(f"{path}: holds no ONNX network: give a file that an exporter wrote")
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except Exception as error:
        # A missing file, a path outside the folder, fewer bytes than the tensor needs.
        raise InputError(
            f"{path}: its external data cannot be read ({first_line(error)}): put the data file "
            f"beside it, or export with all weights in one file"
        ) from None
    return model


def _check(path: Path, model: onnx.ModelProto) -> None:
    """Onnx's own check, which shapes may be missing for: they are not needed."""
    values = (*model.graph.input, *model.graph.output)
    kinds = [value.type.tensor_type for value in values if value.type.HasField("tensor_type")]
    without = [kind for kind in kinds if not kind.HasField("shape")]
    for kind in without:
        kind.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        # An operator that ai.onnx does not have is listed with all that are not supported.
        if "No Op registered for" not in str(error):
            raise InputError(
                f"{path}: is damaged or incomplete ({first_line(error)}): export it anew"
            ) from None
    for kind in without:
        kind.ClearField("shape")


def _check_weights(path: Path, graph: onnx.GraphProto) -> None:
    if graph.sparse_initializer:
        name = graph.sparse_initializer[0].values.name
        raise InputError(f"{path}: weights {name!r} are sparse: export them dense")
    for tensor in graph.initializer:
        weights = numpy_helper.to_array(tensor)
        count = int((~np.isfinite(weights)).sum()) if weights.dtype.kind == "f" else 0
        if count:
            raise InputError(
                f"{path}: weights {tensor.name!r} have {count} NaN or infinite values of "
                f"{weights.size}, all must be finite: train or load the network again"
            )


def _needed(graph: onnx.GraphProto) -> tuple[onnx.NodeProto, ...]:
    wanted = {graph.output[0].name}
    nodes = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            # A subgraph reads what surrounds it without saying so.
            wanted.update(
                name
                for attribute in node.attribute
                if attribute.HasField("g")
                for inner in attribute.g.node
                for name in inner.input
            )
            nodes.append(node)
    return tuple(reversed(nodes))
