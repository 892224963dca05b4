"""Float operations grouped as the layers that the integer network has.

An integer layer sums windows of one or two values, adds a bias and clamps. So a convolution takes
the residual addition and the clamp that follow it along, where nothing else reads the values
between.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from pann_hw.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Concatenate,
    Convolution,
    FloatGraph,
    MaxPool,
    Node,
    Select,
)

__all__ = ["Branch", "Fused", "Sum", "clamp_before_pooling", "fuse"]


@dataclass(frozen=True, eq=False)
class Branch:
    """What one value contributes to a sum.

    Attributes
    ----------
    value : name of the value that is read
    operation : the window operation on it; None is the value itself
    first_channel : where its channels begin in the sum
    """

    value: str
    operation: Convolution | AveragePool | Select | None = None
    first_channel: int = 0


@dataclass(frozen=True, eq=False)
class Sum:
    """One layer to be: ``clamp(sum of branches)``.

    Attributes
    ----------
    name : of the value that it makes
    unclamped : name of the graph's value ahead of the clamp; ``name`` without one
    branches : one, two, or one per concatenated value
    clamp : None leaves the sum as it is
    raw : whether the sum is the network's output
    """

    name: str
    unclamped: str
    branches: tuple[Branch, ...]
    kind: str
    clamp: Clamp | None = None
    raw: bool = False

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """The learned operations of the sum."""
        return tuple(b.operation for b in self.branches if isinstance(b.operation, Convolution))


@dataclass(frozen=True, eq=False)
class Fused:
    """The rewritten graph, whose values the layers are named after, and its layers in order."""

    graph: FloatGraph
    layers: tuple[Sum | MaxPool, ...]


def fuse(graph: FloatGraph) -> Fused:
    """Group a graph's operations as layers; what does not reach the output is left out.

    - Convolution, average pooling, selection, addition and concatenation each begin a sum; an
      addition takes in the convolutions and selections that only it reads.
    - A clamp that alone reads a sum belongs to it; any other clamp is a copy.
    - The output is a raw sum: the last one if it has no clamp and is no concatenation, else a copy.
    """
    graph = clamp_before_pooling(_reachable(graph))
    uses = _uses(graph)
    sums: dict[str, Sum] = {}
    layers: dict[str, Sum | MaxPool] = {}
    for node in graph.nodes:
        if isinstance(node, MaxPool):
            layers[node.name] = node
            continue
        absorbed = [name for name in node.inputs if name in sums and uses[name] == 1]
        new, taken = _sum(node, graph, {name: sums[name] for name in absorbed})
        for name in taken:
            del layers[name]
        sums[node.name] = layers[node.name] = new
    last = sums.get(graph.output_name)
    if last is None or last.clamp is not None or last.kind == "concat" or uses[last.name] > 1:
        name = f"{graph.output_name}.raw"
        layers[name] = Sum(name, graph.output_name, (Branch(graph.output_name),), "copy", raw=True)
    else:
        layers[last.name] = replace(last, raw=True)
    return Fused(graph, tuple(layers.values()))


def clamp_before_pooling(graph: FloatGraph) -> FloatGraph:
    """Swap max pooling and a clamp that alone reads it: equal, and the clamp can join a sum.

    Nodes keep their names, so that the pooled and clamped value is then the pooling's.
    """
    nodes = {node.name: node for node in graph.nodes}
    uses = _uses(graph)
    output = graph.output_name
    for clamp in reversed(graph.nodes):
        pool = nodes.get(clamp.inputs[0])
        if not isinstance(clamp, Clamp) or not isinstance(pool, MaxPool) or uses[pool.name] > 1:
            continue
        before = nodes.get(pool.inputs[0])
        if before is None or isinstance(before, Clamp) or uses[before.name] > 1:
            continue
        swapped = {
            clamp.name: replace(pool, inputs=(clamp.name,)),
            pool.name: replace(clamp, inputs=pool.inputs),
        }
        redirect = {clamp.name: pool.name}
        nodes = {
            new.name: new
            for node in nodes.values()
            for new in (swapped.get(node.name) or _redirected(node, redirect),)
        }
        output = redirect.get(output, output)
        rewritten = replace(
            graph,
            nodes=tuple(nodes.values()),
            output_name=output,
            shapes=graph.shapes | {clamp.name: graph.shapes[pool.inputs[0]]},
        )
        return clamp_before_pooling(rewritten)
    return graph


def _redirected(node: Node, names: dict[str, str]) -> Node:
    return replace(node, inputs=tuple(names.get(name, name) for name in node.inputs))


def _reachable(graph: FloatGraph) -> FloatGraph:
    wanted = {graph.output_name}
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    return replace(graph, nodes=tuple(node for node in graph.nodes if node.name in wanted))


def _uses(graph: FloatGraph) -> Counter[str]:
    """How often each value is read; being the network's output counts as once."""
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    uses[graph.output_name] += 1
    return uses


def _sum(node: Node, graph: FloatGraph, open_sums: dict[str, Sum]) -> tuple[Sum, list[str]]:
    """The sum that a node makes, and which of the sums that only it reads have gone into it."""
    name = node.name
    match node:
        case Convolution():
            kind = "linear" if graph.shapes[name][1:] == (1, 1) else "conv"
            return Sum(name, name, (Branch(node.inputs[0], node),), kind), []
        case AveragePool():
            return Sum(name, name, (Branch(node.inputs[0], node),), "average_pool"), []
        case Select():
            return Sum(name, name, (Branch(node.inputs[0], node),), "select"), []
        case Concatenate():
            starts = [0]
            for value in node.inputs:
                starts.append(starts[-1] + graph.shapes[value][0])
            branches = tuple(
                Branch(value, None, start)
                for value, start in zip(node.inputs, starts, strict=False)
            )
            return Sum(name, name, branches, "concat"), []
        case Add():
            taken = [value for value in node.inputs if _joins_addition(open_sums.get(value))]
            branches = tuple(
                open_sums[value].branches[0] if value in taken else Branch(value)
                for value in node.inputs
            )
            learned = any(isinstance(branch.operation, Convolution) for branch in branches)
            return Sum(name, name, branches, "conv" if learned else "add"), taken
        case Clamp():
            value = node.inputs[0]
            other = open_sums.get(value)
            if other is not None and other.clamp is None:
                return replace(other, name=name, clamp=node), [value]
            return Sum(name, value, (Branch(value),), "copy", node), []
    raise TypeError(f"{type(node).__name__} is not an operation of the float graph")


def _joins_addition(layer: Sum | None) -> bool:
    if layer is None or layer.clamp is not None or len(layer.branches) != 1:
        return False
    return isinstance(layer.branches[0].operation, Convolution | Select)
