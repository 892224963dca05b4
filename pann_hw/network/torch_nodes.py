"""Nodes of an exported program: operator, arguments, constants, and a name for reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from pann_hw.network.torch_call import UnsupportedError

__all__ = [
    "arguments",
    "base_name",
    "check_type",
    "clean",
    "evaluated",
    "is_bookkeeping",
    "operator_name",
]


def operator_name(node: fx.Node) -> str:
    """ATen name without overload ("conv2d"); the full name of what is not ATen's."""
    target = node.target
    if isinstance(target, torch._ops.OpOverload) and target.namespace == "aten":
        return target._schema.name.removeprefix("aten::")
    return str(target)


def arguments(node: fx.Node) -> dict[str, Any]:
    """The arguments of an ATen call by name, defaults filled in."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema.arguments
    bound = {a.name: a.default_value for a in schema if a.has_default_value()}
    bound.update(zip((a.name for a in schema), node.args, strict=False))
    return bound | node.kwargs


def is_bookkeeping(node: fx.Node) -> bool:
    """Sizes and assertions, which no value of the network depends on."""
    value = node.meta.get("val")
    symbol = isinstance(value, int | float | bool | torch.SymInt | torch.SymFloat | torch.SymBool)
    return symbol or operator_name(node).startswith(("_assert", "sym_"))


def evaluated(node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
    """The constant that a node without any link to the input makes (a transposed weight)."""
    if not isinstance(node.target, torch._ops.OpOverload):
        raise UnsupportedError("", "use plain tensor operations")
    if torch.Tag.nondeterministic_seeded in node.target.tags:
        raise UnsupportedError("random", "use no random numbers in inference")
    args = fx.map_arg(node.args, values.__getitem__)
    kwargs = fx.map_arg(node.kwargs, values.__getitem__)
    with torch.no_grad():
        return node.target(*args, **kwargs)


def check_type(node: fx.Node) -> None:
    """Raise UnsupportedError where a node's result is not float32."""
    value = node.meta.get("val")
    value = value[0] if isinstance(value, tuple | list) else value
    if isinstance(value, torch.Tensor) and value.dtype != torch.float32:
        raise UnsupportedError(f"result is {value.dtype}", "use float32 throughout")


def base_name(node: fx.Node, name: str) -> str:
    """The module's path where a layer of torch.nn makes the call; else path and operator."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1] if stack else ("", "")
    kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    path = "" if path.startswith("_empty_nn_module_stack") else re.sub(r"@\d+", "", path)
    if path and kind.startswith("torch.nn.") and ".container." not in kind:
        return clean(path)
    short = name.split("::")[-1].split(".")[-1].strip("_") if "<" not in name else node.name
    return clean(f"{path}.{short}" if path else short)


def clean(name: str) -> str:
    """A name of letters, digits, dots and underscores, fit for reports and file names."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("_.") or "value"
