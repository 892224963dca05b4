"""What to use in place of an ONNX operator that the float graph does not have."""

from __future__ import annotations

__all__ = ["onnx_advice"]

_INSTEAD = {
    "use Relu, or Clip from 0": (
        "Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Selu Shrink Sigmoid Softplus "
        "Softsign Swish Tanh ThresholdedRelu"
    ),
    "use BatchNormalization": (
        "GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization "
        "MeanVarianceNormalization RMSNormalization"
    ),
    "use additions of values of one shape, and constant weights, only": (
        "Abs Attention Einsum Exp Log Mean Mod Pow Reciprocal Sqrt"
    ),
    "give the float network, before quantisation": (
        "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv "
        "QLinearMatMul QuantizeLinear"
    ),
    "use Conv, with a fixed number of pixels": (
        "Col2Im ConvTranspose DeformConv DepthToSpace MaxRoiPool MaxUnpool Resize RoiAlign "
        "SpaceToDepth Upsample"
    ),
    "use MaxPool, AveragePool, GlobalAveragePool or ReduceMean over space": (
        "GlobalLpPool LpPool ReduceL1 ReduceL2 ReduceMax ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare"
    ),
    "use Reshape, Transpose, Slice, Pad and Concat of whole channels": (
        "Expand GatherElements GatherND ReverseSequence ScatterElements ScatterND Tile Where"
    ),
    "unroll it, without control flow": "GRU If LSTM Loop RNN Scan",
    "leave it out: the class is the largest output": "ArgMax ArgMin Hardmax Softmin TopK",
    "use no random numbers in inference": (
        "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike"
    ),
}

_BY_NAME = {name: instead for instead, names in _INSTEAD.items() for name in names.split()}

_ELSE = (
    "use Conv, Gemm, MatMul, BatchNormalization, Relu, Clip, MaxPool, AveragePool, "
    "GlobalAveragePool, Add, Pad, Slice, Concat, Reshape and Transpose only"
)


def onnx_advice(domain: str, operator: str) -> str:
    """What to use instead of an operator; other domains than ONNX's own have none of use."""
    if domain:
        return "export with operators of the ai.onnx domain only"
    return _BY_NAME.get(operator, _ELSE)
