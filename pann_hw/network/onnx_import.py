"""Import of ONNX networks.

The graph is walked node by node (``onnx_graph``), with onnx's own checker, reference
implementation and shape inference where they do the work. Not used, with the reason: onnx's version
converter, since handlers read an operator's option as attribute or as input in one line, and errors
then name the file's own nodes; onnxslim, onnxsim and onnxoptimizer, which fold the same constants
but rename and merge nodes ahead of any message; onnx2torch, which gives up at the first operator
that it does not know and has no operator of an opset above those of its last release.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pann_hw.errors import InputError
from pann_hw.network.batch_norm import fold
from pann_hw.network.graph import FloatGraph
from pann_hw.network.onnx_file import OnnxNetwork, read_onnx
from pann_hw.network.onnx_graph import Translation, translate
from pann_hw.network.torch_import import TOLERANCE

__all__ = ["import_onnx"]


def import_onnx(path: Path, sample_shape: tuple[int, ...] | None = None) -> FloatGraph:
    """The float graph of an ONNX file, checked against onnxruntime where that is installed.

    Parameters
    ----------
    sample_shape : (C, H, W) of the data, vectors being (F, 1, 1), for sizes that the file leaves
        open; a batch that it leaves open needs none

    Raises
    ------
    InputError : all of read_onnx() and translate(); sizes left open without data that fit;
        outputs that differ by more than 1e-4 of the largest
    """
    network = read_onnx(path)
    dimensions = _fixed(path, network, sample_shape)
    try:
        translation = translate(network, dimensions)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    nodes, output_name, notes = fold(translation.nodes, translation.output.name)
    kept = {translation.input.name, *(node.name for node in nodes)}
    graph = FloatGraph(
        translation.input.name,
        translation.input.shape,
        nodes,
        output_name,
        {name: shape for name, shape in translation.shapes.items() if name in kept},
        (*notes, *_notes(network, translation)),
    )
    _verify(path, graph, network, translation, dimensions)
    return graph


def _fixed(
    path: Path, network: OnnxNetwork, sample_shape: tuple[int, ...] | None
) -> tuple[int, ...]:
    """The input's shape with every size known: a batch of 1, others from the data."""
    given = network.dimensions
    if given is not None and None not in given[1:] and len(given) > 1:
        return (given[0] or 1, *(size for size in given[1:] if size is not None))
    shown = "unknown" if given is None else str(tuple("?" if one is None else one for one in given))
    name = network.input.name
    if sample_shape is None or (given is not None and len(given) < 2):
        raise InputError(
            f"{path}: network's input {name!r} has the shape {shown}: only the batch may be open, "
            f"export it with fixed channels, height and width"
        )
    channels, *pixels = sample_shape
    views = [sample_shape, (*pixels, channels), sample_shape[1:], sample_shape[:1]]
    for view in views:
        fits = given is None or (
            len(given) == len(view) + 1
            and all(one in (None, size) for one, size in zip(given[1:], view, strict=True))
        )
        if fits and np.prod(view) == np.prod(sample_shape):
            return ((given and given[0]) or 1, *view)
    raise InputError(
        f"{path}: network's input {name!r} has the shape {shown}, which samples of shape "
        f"{tuple(sample_shape)} do not fit: give data of the network's shape"
    )


def _notes(network: OnnxNetwork, translation: Translation) -> tuple[str, ...]:
    notes = []
    source, output = translation.input, translation.output
    if source.view not in (source.shape, source.shape[:1]):
        notes.append(
            f"input {source.name} is {('batch', *source.view)} in the file: data are to be "
            f"{('n', *source.shape)}"
        )
    if output.order is not None:
        notes.append(
            f"output is {('batch', *output.view)} in the file, its elements come in the order of "
            f"{('batch', *output.shape)}"
        )
    dropped = sum(node.op_type == "Dropout" for node in network.nodes)
    if dropped:
        notes.append(f"{dropped} dropout layer{'s' if dropped > 1 else ''} dropped")
    if translation.softmax:
        notes.append(f"{translation.softmax} at the end dropped: outputs are the scores before it")
    return tuple(notes)


def _verify(
    path: Path,
    graph: FloatGraph,
    network: OnnxNetwork,
    translation: Translation,
    dimensions: tuple[int, ...],
) -> None:
    """Compare with onnxruntime on small and on large random inputs."""
    session = _session(network)
    if session is None:
        return
    source, output = translation.input, translation.output
    generator = np.random.default_rng(0)
    for factor in (1.0, 100.0):
        x = (factor * generator.standard_normal(dimensions)).astype(np.float32)
        (expected,) = session.run(None, {network.input.name: x})
        flat = np.empty((len(x), source.elements.size), np.float32)
        flat[:, source.elements.ravel() - 1] = x.reshape(len(x), -1)
        with torch.no_grad():
            found = graph.run(torch.from_numpy(flat.reshape(len(x), *graph.input_shape)))
        found = found[:, torch.from_numpy(output.elements.ravel() - 1)]
        if translation.softmax:
            found = getattr(torch, translation.softmax)(found, 1)
        limit = TOLERANCE * float(np.abs(expected).max())
        difference = np.inf
        if expected.size == found.numel():
            difference = float(np.abs(found.numpy() - expected.reshape(found.shape)).max())
        if not difference <= limit:
            raise InputError(
                f"{path}: imported network differs from onnxruntime by {difference:.3g}, must be "
                f"at most {limit:.3g} (1e-4 of the largest output): report it"
            )


def _session(network: OnnxNetwork):  # type: ignore[no-untyped-def]
    """A session of onnxruntime; None where it is not installed or does not take the opset yet."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # As the file says: fusing a Pad into a MaxPool with ceil_mode, it loses a column.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(
            network.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:
        return None
