"""Graphs for programs that give a network one image of any size and do not pad it themselves."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from backends.onnx.graphs import IMAGE, RESULT, network_graph
from osr_core.analysis import analyse
from osr_core.checkpoint import State
from osr_core.spec import IMAGE_CHANNELS, ModelSpec

INPUT, OUTPUT = "input", "output"
"""Names of the input and of the output."""


def any_size_graph(spec: ModelSpec, state: State) -> onnx.ModelProto:
    """The network of a spec for one image: :data:`INPUT` ``(1, 3, H, W)`` → :data:`OUTPUT`.

    The graph pads the image by reflection to a multiple of the total stride, as
    :func:`osr_core.restoration.restore` does, and cuts the padding off again; H and W must be at
    least the total stride. The network must take no thumbnail.
    """
    model = network_graph(spec, state)
    stride = np.array(analyse(spec).total_stride)
    constants = {
        "stride": stride,
        "axes": np.array([2, 3]),
        "top_left": np.array([0, 0]),
    }
    before = [
        helper.make_node("Shape", [INPUT], ["size"], start=2, end=4),
        helper.make_node("Mod", ["size", "stride"], ["rest"]),
        helper.make_node("Sub", ["stride", "rest"], ["short"]),
        helper.make_node("Mod", ["short", "stride"], ["missing"]),
        helper.make_node("Concat", ["top_left", "missing"], ["pads"], axis=0),
        helper.make_node("Pad", [INPUT, "pads", "", "axes"], [IMAGE], mode="reflect"),
    ]
    after = helper.make_node("Slice", [RESULT, "top_left", "size", "axes"], [OUTPUT])
    shape: list[str | int | None] = [1, IMAGE_CHANNELS, "height", "width"]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in (INPUT, OUTPUT)]
    arrays = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(
        [*before, *model.graph.node, after],
        model.graph.name,
        ends[:1],
        ends[1:],
        [*model.graph.initializer, *arrays],
    )
    model.graph.CopyFrom(graph)
    return model
