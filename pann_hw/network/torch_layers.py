"""Layers with weights: convolution, linear layer and batch normalisation."""

from __future__ import annotations

import math

import torch

from pann_hw.network.batch_norm import affine
from pann_hw.network.graph import Convolution
from pann_hw.network.torch_call import Call, Handler, Result, UnsupportedError, pair

__all__ = ["batch_norm", "convolution", "linear"]


def convolution(call: Call) -> Result:
    """aten.conv2d (padding as numbers, 'same' or 'valid') and aten.convolution."""
    source, weight, bias = call.map("input"), call.weight("weight"), call.optional("bias")
    if call.arguments.get("transposed"):
        raise UnsupportedError("transposed convolution", "use Conv2d")
    if weight.ndim != 4:
        raise UnsupportedError(f"{weight.ndim - 2}-dimensional convolution", "use Conv2d")
    dilation, stride = pair(call.arguments["dilation"]), pair(call.arguments["stride"])
    if dilation != (1, 1):
        raise UnsupportedError(f"dilation {dilation}", "use dilation 1, with a larger kernel")
    kernel, padding = pair(weight.shape[2:]), call.arguments["padding"]
    if padding == "same" and (kernel[0] % 2 == 0 or kernel[1] % 2 == 0):
        raise UnsupportedError(
            f"padding 'same' of an even kernel {kernel} is not symmetric", "use an odd kernel"
        )
    if isinstance(padding, str):
        padding = (kernel[0] // 2, kernel[1] // 2) if padding == "same" else (0, 0)
    if bias is None:
        bias = torch.zeros(len(weight))
    groups = int(call.arguments["groups"])
    node = Convolution(call.name, (source.name,), weight, bias, stride, pair(padding), groups)
    return node, call.output_map()


def linear(input_key: str, weight_key: str, bias_key: str | None, transposed: bool) -> Handler:
    """aten.linear, addmm, mm and matmul: a convolution whose kernel covers the flattened map."""

    def handle(call: Call) -> Result:
        source, weight = call.value(input_key), call.weight(weight_key)
        features = math.prod(source.shape)
        if source.view != (features,) or weight.ndim != 2:
            raise UnsupportedError(
                f"reads {source.name} as (batch, {', '.join(map(str, source.view))})",
                "flatten to (batch, features) first, or use a 1 x 1 Conv2d",
            )
        if call.arguments.get("alpha", 1) != 1 or call.arguments.get("beta", 1) != 1:
            raise UnsupportedError("alpha or beta other than 1", "use Linear")
        weight = weight.T if transposed else weight
        bias = call.optional(bias_key) if bias_key else None
        bias = torch.zeros(len(weight)) if bias is None else bias.expand(1, len(weight))[0]
        kernel = weight.reshape(len(weight), *source.shape).contiguous()
        node = Convolution(call.name, (source.name,), kernel, bias.contiguous())
        return node, (len(weight), 1, 1)

    return handle


def batch_norm(call: Call) -> Result:
    """Batch normalisation by constant statistics, of maps or of vectors."""
    if call.arguments.get("training") or call.arguments["running_mean"] is None:
        raise UnsupportedError(
            "normalises by the batch's own statistics",
            "use track_running_stats=True and module.eval() before the export",
        )
    source = call.map("input")
    node = affine(
        call.name,
        source.name,
        call.optional("weight"),
        call.optional("bias"),
        call.weight("running_mean"),
        call.weight("running_var"),
        float(call.arguments["eps"]),
    )
    return node, source.shape
