"""Import of PyTorch networks through torch.export."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch.export import ExportedProgram

from pann_hw.errors import InputError
from pann_hw.network.batch_norm import fold
from pann_hw.network.graph import FloatGraph
from pann_hw.network.torch_graph import Translation, translate
from pann_hw.network.torch_nodes import arguments, operator_name

__all__ = [
    "check_weights",
    "first_line",
    "import_module",
    "import_program",
    "inference",
    "quiet",
]

TOLERANCE = 1e-4
"""Largest error of the float graph against the program, relative to the largest output."""


def import_module(module: torch.nn.Module, example: torch.Tensor) -> FloatGraph:
    """Export a module in inference mode and import it. The module itself is left as it is.

    Parameters
    ----------
    example : float32 inputs of shape (batch, C, H, W) or (batch, F)

    Raises
    ------
    InputError : weights that are not finite float32, a module that torch.export cannot trace, and
        all of :func:`import_program`
    """
    check_weights(module.state_dict())
    try:
        with quiet(), inference(module):
            program = torch.export.export(module, (example,))
    except Exception as error:
        raise InputError(
            f"torch.export cannot trace {type(module).__name__} for inputs of shape "
            f"{tuple(example.shape)} ({first_line(error)}): make it run on such inputs, without "
            f"control flow that depends on data"
        ) from None
    return import_program(program)


def import_program(program: ExportedProgram) -> FloatGraph:
    """The float graph of an exported network, checked against the program's own outputs.

    Raises
    ------
    InputError : exported in training mode; weights that are not finite float32; not one input of
        shape (batch, C, H, W) or (batch, F) and one output; operators without counterpart (one
        error for all of them); outputs that differ by more than 1e-4 of the largest
    """
    _check_mode(program)
    check_weights({**program.constants, **program.state_dict})
    with quiet():
        # An empty table of decompositions makes the program functional and nothing else: in-place
        # operators would change values that other nodes read.
        functional = program.run_decompositions({})
    translation = translate(functional)
    nodes, output_name, notes = fold(translation.nodes, translation.output_name)
    dropped = [node for node in program.graph.nodes if "dropout" in operator_name(node)]
    if dropped:
        notes += (f"{len(dropped)} dropout layer{'s' if len(dropped) > 1 else ''} dropped",)
    if translation.softmax:
        notes += (f"{translation.softmax} at the end dropped: outputs are the scores before it",)
    kept = {translation.input_name, *(node.name for node in nodes)}
    graph = FloatGraph(
        translation.input_name,
        translation.shapes[translation.input_name],
        nodes,
        output_name,
        {name: shape for name, shape in translation.shapes.items() if name in kept},
        notes,
    )
    _verify(graph, translation, program)
    return graph


@contextmanager
def inference(module: torch.nn.Module) -> Iterator[None]:
    """Put a module in eval mode, and each of its parts back into its own mode afterwards."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def first_line(error: BaseException) -> str:
    """Type and first line of a foreign error, to be quoted in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings and log messages of torch.export off standard error."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)


def _check_mode(program: ExportedProgram) -> None:
    training = [
        node.name
        for node in program.graph.nodes
        if node.op == "call_function"
        and isinstance(node.target, torch._ops.OpOverload)
        and any(arguments(node).get(key) is True for key in ("train", "training"))
    ]
    if training:
        raise InputError(
            f"network is exported in training mode ({', '.join(training)}): "
            f"call module.eval() before torch.export.export"
        )


def check_weights(tensors: Mapping[str, object]) -> None:
    """Raise InputError, naming the first, where floating-point weights are not finite float32."""
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            continue
        if tensor.is_complex() or (tensor.is_floating_point() and tensor.dtype != torch.float32):
            raise InputError(
                f"weights {name!r} are {tensor.dtype}, must be float32: convert with module.float()"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            raise InputError(
                f"weights {name!r} have {count} NaN or infinite values of {tensor.numel()}, "
                f"all must be finite: train or load the network again"
            )


def _verify(graph: FloatGraph, translation: Translation, program: ExportedProgram) -> None:
    """Compare on the example that the program was exported with and on random inputs."""
    name = program.graph_signature.user_inputs[0]
    placeholder = next(node for node in program.graph.nodes if node.name == name)
    batch, *rest = placeholder.meta["val"].shape
    shape = (batch if isinstance(batch, int) else 2, *(int(size) for size in rest))
    inputs = [torch.randn(shape, generator=torch.Generator().manual_seed(0))]
    args, kwargs = program.example_inputs or ((), {})
    inputs += [x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor)]
    with torch.no_grad(), quiet():
        module = program.module()
        for x in inputs:
            expected = module(**{next(iter(kwargs)): x.clone()}) if kwargs else module(x.clone())
            found = graph.run(x.reshape(len(x), *graph.input_shape))
            if translation.softmax:
                found = getattr(torch, translation.softmax)(found, 1)
            limit = TOLERANCE * float(expected.abs().max())
            difference = float((found - expected.reshape(found.shape)).abs().max())
            if not difference <= limit:
                raise InputError(
                    f"imported network differs from the exported one by {difference:.3g}, must be "
                    f"at most {limit:.3g} (1e-4 of the largest output): make sure that the network "
                    f"gives the same outputs each time, and report it if it does"
                )
