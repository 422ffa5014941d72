"""ONNX graphs from specs.

Whatever the operations of :class:`~.emitter.Emitter` can describe becomes a graph: a whole network
by :func:`network_graph`, and any part of one (a specialist, the gates) by :func:`graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx
from onnx import TensorProto, helper

from backends.onnx.emitter import Emitter, Value
from osr_core import __version__
from osr_core.analysis import analyse
from osr_core.checkpoint import State
from osr_core.context import INPUTS, SIDE
from osr_core.networks import network
from osr_core.spec import IMAGE_CHANNELS, ModelSpec

OPSET = 18
"""Version of the operators: what ONNX Runtime 1.14 (2023) and later run."""

IR_VERSION = 8
"""Version of the file format that came with :data:`OPSET`."""

IMAGE, RESULT = "image", "restored"
"""Names of the input and of the output of a network's graph."""


def network_graph(spec: ModelSpec, state: State) -> onnx.ModelProto:
    """The network of a spec: :data:`IMAGE` ``(N, 3, H, W)`` → :data:`RESULT`, the same shape.

    Values are those of :func:`osr_core.reference.forward`. Where the network takes the
    context of the whole image (:func:`osr_core.context.context_of`) there is a second input, named
    by :data:`osr_core.context.INPUTS`, ``(N, 3 or 6, SIDE, SIDE)``.

    Raises:
        ModelError: if the backbone is external.
    """
    inputs = {IMAGE: IMAGE_CHANNELS}
    channels = analyse(spec).context_channels
    return graph(lambda ops, image: {RESULT: network(ops, spec, image)}, inputs, state, channels)


def graph(
    function: Callable[..., Mapping[str, Value]],
    inputs: Mapping[str, int],
    state: State,
    context: int = 0,
) -> onnx.ModelProto:
    """The graph of a function of feature maps.

    Args:
        function: given the operations and each input, returns the outputs by name.
        inputs: name and number of channels of each input.
        state: weights by canonical name.
        context: channels of the context, another input; 0 for none.
    """
    ops = Emitter(state, context)
    outputs = function(ops, *(Value(name, channels) for name, channels in inputs.items()))
    for name, value in outputs.items():
        ops.nodes.append(helper.make_node("Identity", [value.name], [name], name))
    declared = [_declare(name, channels) for name, channels in inputs.items()]
    if context:
        declared.append(_declare(INPUTS[context], context, SIDE, SIDE))
    results = [_declare(name, value.channels) for name, value in outputs.items()]
    made = helper.make_graph(ops.nodes, "osr", declared, results, list(ops.constants.values()))
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="osr",
        producer_version=__version__,
    )


def _declare(name: str, channels: int, *size: int) -> onnx.ValueInfoProto:
    shape = ["batch", channels, *(size or ("height", "width"))]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
