"""What to use in place of an operator that the float graph does not have."""

from __future__ import annotations

__all__ = ["advice"]

_INSTEAD = {
    "use ReLU or ReLU6": (
        "celu elu gelu glu hardshrink hardsigmoid hardswish leaky_relu log_sigmoid mish prelu "
        "rrelu selu sigmoid silu softplus softshrink softsign tanh threshold"
    ),
    "use BatchNorm": (
        "group_norm instance_norm layer_norm native_group_norm native_layer_norm rms_norm "
        "local_response_norm"
    ),
    "call module.eval() before torch.export.export": (
        "_native_batch_norm_legit_functional native_batch_norm native_dropout bernoulli"
    ),
    "use additions of values of one shape, and constant weights, only": (
        "add_scalar addcmul bmm baddbmm div einsum maximum minimum mul neg pow rsub sqrt sub "
        "abs exp log scaled_dot_product_attention"
    ),
    "use all channels and pixels, or a convolution with groups": (
        "chunk gather index index_select narrow select slice split split_with_sizes unbind"
    ),
    "use the padding of the convolution or pool": (
        "constant_pad_nd pad reflection_pad2d replication_pad2d"
    ),
    "keep the order (batch, C, H, W)": (
        "channel_shuffle expand movedim permute pixel_shuffle pixel_unshuffle repeat stack t "
        "transpose"
    ),
    "use Conv2d": (
        "conv1d conv3d conv_transpose1d conv_transpose2d conv_transpose3d upsample_nearest2d "
        "upsample_bilinear2d"
    ),
    "use MaxPool2d, AvgPool2d or AdaptiveAvgPool2d(1)": (
        "adaptive_max_pool2d amax avg_pool1d avg_pool3d lp_pool2d max max_pool1d max_pool3d "
        "adaptive_avg_pool1d adaptive_avg_pool3d sum"
    ),
    "leave it out: the class is the largest output": "argmax softmin topk",
}

_BY_NAME = {name: instead for instead, names in _INSTEAD.items() for name in names.split()}

_ELSE = (
    "use Conv2d, Linear, BatchNorm, ReLU, ReLU6, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d(1), "
    "flatten, addition and concatenation only"
)


def advice(operator: str) -> str:
    """What to use instead of an ATen operator, given by its name without overload ("gelu")."""
    return _BY_NAME.get(operator, _ELSE)
