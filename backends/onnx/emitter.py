"""The operations of :mod:`osr_core.networks` once more, as nodes of an ONNX graph.

Batch, height and width stay free. :mod:`backends.onnx.graphs` makes graphs of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from osr_core.blockiness import CONTRAST, FLAT, JUMP, LUMA, PERIOD, STRONGEST, offsets
from osr_core.checkpoint import State
from osr_core.context import ACROSS, AIRLIGHT, COUNT, DARKEST_MAX, INPUTS, PATCH
from osr_core.errors import ModelError
from osr_core.levels import FAINT, LEVEL_SCALE
from osr_core.operations import LEAKY_SLOPE, Init
from osr_core.spec import IMAGE_CHANNELS, External


@dataclass(frozen=True)
class Value:
    """A feature map in the graph, ``(N, channels, H, W)`` float32."""

    name: str
    channels: int


class Emitter:
    """Operations that add nodes to a graph; see :class:`osr_core.operations.Ops`."""

    def __init__(self, state: State, context: int = 0) -> None:
        self.state = state
        self.context = context
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self._numbers = count()

    def conv(
        self,
        name: str,
        x: Value,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        bias: bool = True,
        init: Init = "he",
    ) -> Value:
        pads, strides = [kernel // 2] * 4, [stride] * 2
        shape = {"kernel_shape": [kernel] * 2, "pads": pads, "strides": strides}
        y = self._node("Conv", [x.name, *self._weights(name, bias)], name, **shape)
        return Value(y, out_channels)

    def deconv(self, name: str, x: Value) -> Value:
        # Of the 2H + 1 rows and columns the first is cut off, as in the reference.
        shape = {"kernel_shape": [3, 3], "pads": [1, 1, 0, 0], "strides": [2, 2]}
        weights = self._weights(name, bias=True)
        return replace(x, name=self._node("ConvTranspose", [x.name, *weights], name, **shape))

    def coefficients(self, name: str, shape: tuple[int, ...]) -> NDArray[np.floating[Any]]:
        return self.state[name]

    def scale(self, x: Value, coefficients: NDArray[np.floating[Any]]) -> Value:
        return self._same("Mul", x, self._constant(coefficients[: x.channels, None, None]))

    def affine(self, x: Value, scale: float, shift: float) -> Value:
        if scale != 1:
            x = self._same("Mul", x, self._constant(scale))
        return self._same("Add", x, self._constant(shift)) if shift else x

    def add(self, x: Value, y: Value) -> Value:
        return self._both("Add", x, y)

    def sub(self, x: Value, y: Value) -> Value:
        return self._both("Sub", x, y)

    def mul(self, x: Value, y: Value) -> Value:
        return self._both("Mul", x, y)

    def relu(self, x: Value) -> Value:
        return self._same("Relu", x)

    def leaky(self, x: Value, slope: float = LEAKY_SLOPE) -> Value:
        return self._same("LeakyRelu", x, alpha=slope)

    def sigmoid(self, x: Value) -> Value:
        return self._same("Sigmoid", x)

    def wave(self, amplitude: Value, phase: Value) -> tuple[Value, Value]:
        cosine, sine = self._same("Cos", phase), self._same("Sin", phase)
        return self.mul(amplitude, cosine), self.mul(amplitude, sine)

    def concat(self, x: Value, y: Value) -> Value:
        return Value(self._node("Concat", [x.name, y.name], axis=1), x.channels + y.channels)

    def split(self, x: Value) -> tuple[Value, Value]:
        names = [f"{self._name('Split')}_{half}" for half in range(2)]
        self.nodes.append(helper.make_node("Split", [x.name], names, axis=1, num_outputs=2))
        first, second = (Value(name, x.channels // 2) for name in names)
        return first, second

    def unshuffle(self, x: Value, side: int) -> Value:
        if side == 1:
            return x
        # SpaceToDepth has another order of channels, and its result another layout in memory.
        channels, sides = x.channels * side**2, [side, side]
        kernel = self._constant(np.eye(channels).reshape(channels, x.channels, side, side))
        y = self._node("Conv", [x.name, kernel], kernel_shape=sides, strides=sides)
        return Value(y, channels)

    def shuffle(self, x: Value, side: int) -> Value:
        if side == 1:
            return x
        y = self._node("DepthToSpace", [x.name], blocksize=side, mode="CRD")
        return Value(y, x.channels // side**2)

    def subpixel(self, name: str, x: Value, out_channels: int, factor: int) -> Value:
        # A transposed convolution takes half the time in ONNX Runtime. Its bias is one for all
        # pixels of a block, so that the bias is the weight of another channel, which is 1.
        ones = self._constant(np.array([0, 1])), self._constant(1.0), self._constant(np.array([1]))
        padded = self._node("Pad", [x.name, *ones])
        weight, bias = (self.state[f"{name}.{part}"] for part in ("weight", "bias"))
        sides = [factor, factor]
        rows = [weight.reshape(-1, x.channels).T, bias.reshape(1, -1)]
        kernel = np.concatenate(rows).reshape(x.channels + 1, out_channels, *sides)
        shape = {"kernel_shape": sides, "strides": sides}
        inputs = [padded, self._constant(kernel)]
        return Value(self._node("ConvTranspose", inputs, name, **shape), out_channels)

    def upsample(self, x: Value, factor: int) -> Value:
        scales = self._constant(np.array([1, 1, factor, factor], np.float32))
        mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return replace(x, name=self._node("Resize", [x.name, "", scales], **mode))

    def gated(self, gate: Value, x: Callable[[], Value], otherwise: Value) -> Value:
        is_open = self._node(
            "Greater", [self._node("ReduceMax", [gate.name], keepdims=0), self._constant(0.0)]
        )
        result, branch = self._branch("open", x)
        _, other = self._branch("closed", lambda: self._same("Identity", otherwise))
        name = self._node("If", [is_open], then_branch=branch, else_branch=other)
        return replace(result, name=name)

    def _branch(self, kind: str, function: Callable[[], Value]) -> tuple[Value, onnx.GraphProto]:
        """A subgraph with its own initializers, the only ones that ONNX Runtime optimises in it."""
        outside = self.nodes, self.constants
        self.nodes, self.constants = [], {}
        result = function()
        values = [_declare_float(result.name)]
        constants = list(self.constants.values())
        branch = helper.make_graph(self.nodes, self._name(kind), [], values, constants)
        self.nodes, self.constants = outside
        return result, branch

    def mean(self, x: Value) -> Value:
        return self._same("GlobalAveragePool", x)

    def thumbnail(self, x: Value) -> Value:
        return self._context(0)

    def patches(self, x: Value) -> Value:
        side, across = PATCH, ACROSS
        shape = self._constant(np.array([-1, IMAGE_CHANNELS, across, side, across, side]))
        parts = self._node("Reshape", [self._context(IMAGE_CHANNELS).name, shape])
        parts = self._node("Transpose", [parts], perm=[0, 2, 4, 1, 3, 5])
        shape = self._constant(np.array([-1, IMAGE_CHANNELS, side, side]))
        return Value(self._node("Reshape", [parts, shape]), IMAGE_CHANNELS)

    def mean_of_patches(self, x: Value) -> Value:
        shape = self._constant(np.array([-1, COUNT, x.channels, 1]))
        means = self._node("Reshape", [self.mean(x).name, shape])
        means = self._node("ReduceMean", [means, self._constant(np.array([1]))], keepdims=0)
        shape = self._constant(np.array([-1, x.channels, 1, 1]))
        return Value(self._node("Reshape", [means, shape]), x.channels)

    def _context(self, first: int) -> Value:
        """Three channels of the context."""
        name = INPUTS[self.context]
        if self.context > IMAGE_CHANNELS:
            start, end, axis = (self._constant(np.array([n])) for n in (first, first + 3, 1))
            name = self._node("Slice", [name, start, end, axis])
        return Value(name, IMAGE_CHANNELS)

    def haze_amount(self, thumbnail: Value) -> Value:
        axes = self._constant(np.array([1, 2, 3]))
        darkest = self._node("ReduceMin", [thumbnail.name, axes], keepdims=1)
        bounds = self._constant(0.0), self._constant(DARKEST_MAX)
        darkest = self._node("Clip", [darkest, *bounds])
        rest = self._node("Sub", [self._constant(AIRLIGHT), darkest])
        return Value(self._node("Div", [darkest, rest]), 1)

    def blockiness(self, patches: Value) -> Value:
        return self.concat(self._excess(patches, 3), self._excess(patches, 2))

    def _excess(self, patches: Value, axis: int) -> Value:
        """Of edges across an axis, (N, 8, 1, 1)."""
        kernel = np.outer(LUMA, JUMP).reshape((1, 3, 1, 4) if axis == 3 else (1, 3, 4, 1))
        jumps = self._node("Conv", [patches.name, self._constant(kernel)])
        levels = self._node("Clip", [self._node("Abs", [jumps]), "", self._constant(STRONGEST)])
        levels = self._node("Mul", [levels, self._constant(255.0)])
        end, axes, step = (self._constant(np.array([n])) for n in (1 << 31, axis, PERIOD))
        starts = (self._constant(np.array([part.start])) for part in offsets())
        parts = [self._node("Slice", [levels, start, end, axes, step]) for start in starts]
        parts = [self._node("GlobalAveragePool", [part]) for part in parts]
        means = self.mean_of_patches(Value(self._node("Concat", parts, axis=1), PERIOD))
        mean = self._node("ReduceMean", [means.name, self._constant(np.array([1]))], keepdims=1)
        excess = self._node("Sub", [means.name, mean])
        excess = self._node("Div", [excess, self._node("Add", [mean, self._constant(FLAT)])])
        return Value(self._node("Mul", [excess, self._constant(CONTRAST)]), PERIOD)

    def level(self, x: Value, cell: int) -> Value:
        squares = self._node("Mul", [x.name, x.name])
        squares = self._node("ReduceMean", [squares, self._constant(np.array([1]))], keepdims=1)
        sides = [cell, cell]
        energy = self._node("AveragePool", [squares], kernel_shape=sides, strides=sides)
        ratio = self._node("Mul", [energy, self._constant(1 / FAINT)])
        log = self._node("Log", [self._node("Add", [ratio, self._constant(1.0)])])
        scale = self._constant(LEVEL_SCALE / np.log(10))
        return Value(self._node("Mul", [log, scale]), 1)

    def external(self, spec: External, x: Value) -> Value:
        raise ModelError(f"backbone {spec.name}: external, known in its own framework only")

    def note(self, name: str, value: Value) -> None:
        pass

    def _weights(self, name: str, bias: bool) -> list[str]:
        names = [f"{name}.weight", f"{name}.bias"][: 1 + bias]
        for each in names:
            values = np.ascontiguousarray(self.state[each], np.float32)
            self.constants[each] = numpy_helper.from_array(values, each)
        return names

    def _constant(self, values: float | NDArray[Any]) -> str:
        array = np.asarray(values)
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        name = self._name("constant")
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def _same(self, kind: str, x: Value, *inputs: str, **attributes: Any) -> Value:
        """A node whose output has as many channels as its input."""
        return replace(x, name=self._node(kind, [x.name, *inputs], **attributes))

    def _both(self, kind: str, x: Value, y: Value) -> Value:
        return Value(self._node(kind, [x.name, y.name]), max(x.channels, y.channels))

    def _node(self, kind: str, inputs: Sequence[str], layer: str = "", **attributes: Any) -> str:
        name = self._name(layer or kind)  # a layer may be used twice
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def _name(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"


def _declare_float(name: str) -> onnx.ValueInfoProto:
    """A value of any shape."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
