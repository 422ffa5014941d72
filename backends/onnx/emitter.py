"""ONNX graphs from specs: the operations of :mod:`osr_core.networks` once more, as nodes.

Batch, height and width stay free. Whatever the operations can describe becomes a graph: a whole
network by :func:`network_graph`, and any part of one (a specialist, the gates) by :func:`graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from osr_core import __version__
from osr_core.checkpoint import State
from osr_core.context import AIRLIGHT, DARKEST_MAX, SIDE
from osr_core.errors import ModelError
from osr_core.networks import network
from osr_core.operations import LEAKY_SLOPE, Init
from osr_core.spec import IMAGE_CHANNELS, External, ModelSpec

OPSET = 18
"""Version of the operators: what ONNX Runtime 1.14 (2023) and later run."""

IR_VERSION = 8
"""Version of the file format that came with :data:`OPSET`."""

IMAGE, THUMBNAIL, RESULT = "image", "thumbnail", "restored"
"""Names of the inputs and of the output of a network's graph."""


@dataclass(frozen=True)
class Value:
    """A feature map in the graph, ``(N, channels, H, W)`` float32."""

    name: str
    channels: int


def network_graph(spec: ModelSpec, state: State) -> onnx.ModelProto:
    """The network of a spec: :data:`IMAGE` ``(N, 3, H, W)`` → :data:`RESULT`, the same shape.

    Values are those of :func:`osr_core.reference.forward`. Where the network has a context branch
    there is a second input, :data:`THUMBNAIL` ``(N, 3, SIDE, SIDE)``
    (:func:`osr_core.context.thumbnail` of the whole image).

    Raises:
        ModelError: if the backbone is external.
    """
    inputs = {IMAGE: IMAGE_CHANNELS}
    return graph(lambda ops, image: {RESULT: network(ops, spec, image)}, inputs, state)


def graph(
    function: Callable[..., Mapping[str, Value]], inputs: Mapping[str, int], state: State
) -> onnx.ModelProto:
    """The graph of a function of feature maps.

    Args:
        function: given the operations and each input, returns the outputs by name.
        inputs: name and number of channels of each input. :data:`THUMBNAIL` becomes another one
            if the function uses it.
        state: weights by canonical name.
    """
    ops = Emitter(state)
    outputs = function(ops, *(Value(name, channels) for name, channels in inputs.items()))
    for name, value in outputs.items():
        ops.nodes.append(helper.make_node("Identity", [value.name], [name], name))
    declared = [_declare(name, channels) for name, channels in inputs.items()]
    if ops.uses_thumbnail:
        declared.append(_declare(THUMBNAIL, IMAGE_CHANNELS, SIDE, SIDE))
    results = [_declare(name, value.channels) for name, value in outputs.items()]
    made = helper.make_graph(ops.nodes, "osr", declared, results, list(ops.constants.values()))
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="osr",
        producer_version=__version__,
    )


class Emitter:
    """Operations that add nodes to a graph; see :class:`osr_core.operations.Ops`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.uses_thumbnail = False
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
        # ONNX orders (row, column, channel), we (channel, row, column).
        blocks = self._node("SpaceToDepth", [x.name], blocksize=side)
        channels = x.channels * side**2
        order = np.arange(channels).reshape(side**2, x.channels).T.ravel()
        return Value(self._node("Gather", [blocks, self._constant(order)], axis=1), channels)

    def shuffle(self, x: Value, side: int) -> Value:
        if side == 1:
            return x
        y = self._node("DepthToSpace", [x.name], blocksize=side, mode="CRD")
        return Value(y, x.channels // side**2)

    def upsample(self, x: Value, factor: int) -> Value:
        scales = self._constant(np.array([1, 1, factor, factor], np.float32))
        mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return replace(x, name=self._node("Resize", [x.name, "", scales], **mode))

    def gated(self, gate: Value, x: Callable[[], Value]) -> Value:
        is_open = self._node(
            "Greater", [self._node("ReduceMax", [gate.name], keepdims=0), self._constant(0.0)]
        )
        outside, self.nodes = self.nodes, []
        result = x()
        branch = helper.make_graph(
            self.nodes, self._name("open"), [], [_declare_float(result.name)]
        )
        nothing = self._name("nothing")
        self.nodes = [
            helper.make_node("Identity", [self._constant(np.zeros((1, 1, 1, 1)))], [nothing])
        ]
        other = helper.make_graph(self.nodes, self._name("closed"), [], [_declare_float(nothing)])
        self.nodes = outside
        return replace(
            result, name=self._node("If", [is_open], then_branch=branch, else_branch=other)
        )

    def mean(self, x: Value) -> Value:
        return self._same("GlobalAveragePool", x)

    def thumbnail(self, x: Value) -> Value:
        self.uses_thumbnail = True
        return Value(THUMBNAIL, IMAGE_CHANNELS)

    def haze_amount(self, thumbnail: Value) -> Value:
        axes = self._constant(np.array([1, 2, 3]))
        darkest = self._node("ReduceMin", [thumbnail.name, axes], keepdims=1)
        bounds = self._constant(0.0), self._constant(DARKEST_MAX)
        darkest = self._node("Clip", [darkest, *bounds])
        rest = self._node("Sub", [self._constant(AIRLIGHT), darkest])
        return Value(self._node("Div", [darkest, rest]), 1)

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


def _declare(name: str, channels: int, *size: int) -> onnx.ValueInfoProto:
    shape = ["batch", channels, *(size or ("height", "width"))]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _declare_float(name: str) -> onnx.ValueInfoProto:
    """A value of any shape."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
