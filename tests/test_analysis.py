from dataclasses import replace

import numpy as np
import pytest

from osr_core.analysis import analyse
from osr_core.context import SIDE
from osr_core.initial import initial_state
from osr_core.reference import forward
from osr_core.spec import (
    Experts,
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    RoutedExperts,
    UNet,
)

SMALL = {
    "residual": Residual((2, 3, 3, 3, 2)),
    "griddehaze": GridDehaze(depth_rate=2, growth=2, dense_layers=2, width=4),
    "unet": UNet((3, 4, 5), blocks=1),
    "unet at full resolution": UNet((3, 4), blocks=1, unshuffle=1),
    "leaky unet": UNet((3, 4, 5), blocks=1, activation="leaky"),
    "experts": Experts((UNet((3, 4), 1), UNet((2,), 1, 4)), UNet((2, 3), 1), 1),
    "routed experts": RoutedExperts((UNet((3, 4), 1), UNet((2,), 1, 4)), (2, 3), (2,), 1, 4, 8),
}
TRANSFORMS = InputTransform(2, 3), OutputTransform(4)
SHARED = InputTransform(3, layout="shared"), OutputTransform(4)


def test_the_public_baseline():
    known = analyse(ModelSpec(Residual()))
    assert known.parameter_count == 738_819
    assert known.macs_per_pixel == 738_576
    assert known.receptive_field == 61
    assert len([p for p in known.parameters if len(p.shape) == 4]) == 30
    shapes = {p.name: p.shape for p in known.parameters}
    assert shapes["conv_up_1.weight"] == (64, 16, 3, 3)
    assert "res_1.conv1.bias" not in shapes


def test_griddehazenet():
    known = analyse(ModelSpec(GridDehaze()))
    shapes = {p.name: p.shape for p in known.parameters}
    coefficients = shapes["coefficient"]
    assert coefficients == (3, 6, 2, 64)
    # The paper counts 0.956 M, without the attention coefficients.
    assert round((known.parameter_count - np.prod(coefficients)) / 1e6, 3) == 0.956
    assert shapes["rdb_module.2_4.residual_dense_layers.3.conv.weight"] == (16, 112, 3, 3)
    assert shapes["downsample_module.1_2.conv1.weight"] == (32, 32, 3, 3)
    assert shapes["upsample_module.0_3.deconv.weight"] == (32, 32, 3, 3)
    assert shapes["upsample_module.1_5.conv.weight"] == (32, 64, 3, 3)
    assert known.total_stride == 4


def test_a_shared_backbone_costs_the_backbone_twice_and_its_weights_once():
    shared = ModelSpec(UNet(), *SHARED)
    plain, twice = analyse(ModelSpec(UNet())), analyse(shared)
    assert twice.macs_per_pixel > 2 * plain.macs_per_pixel
    backbone = {p.name for p in twice.parameters if p.name.startswith("backbone.")}
    assert backbone == {f"backbone.{p.name}" for p in plain.parameters}


def test_only_the_transforms_of_a_frozen_model_learn():
    known = analyse(ModelSpec(UNet(), *TRANSFORMS, frozen=True))
    learning = {p.name.split(".")[0] for p in known.parameters if p.trainable}
    assert learning == {"input_transform", "output_transform"}


def test_only_what_gates_frozen_experts_learns():
    known = analyse(ModelSpec(Experts(), frozen=True))
    learning = {p.name.split(".")[0] for p in known.parameters if p.trainable}
    assert learning == {"wave", "gate", "gates"}
    routed = analyse(ModelSpec(RoutedExperts(), frozen=True))
    learning = {p.name.split(".")[0] for p in routed.parameters if p.trainable}
    router = {"router", "router_blocks", "router_patches", "router_context", "router_blockiness"}
    gates = {"gate_levels", "gate_features", "gate_hidden", "gates"}
    assert learning == router | gates | {"wave", "context", "router_hidden", "routes"}
    inside = analyse(ModelSpec(Experts(), *SHARED, frozen=True))
    learning = {p.name.split(".")[0] for p in inside.parameters if p.trainable}
    assert learning == {"input_transform", "output_transform"}


def test_pooled_gates_are_global_statistics():
    pooled = ModelSpec(UNet(), InputTransform(), OutputTransform(gates="pooled"))
    assert analyse(pooled).global_statistics
    assert not analyse(ModelSpec(UNet(), *TRANSFORMS)).global_statistics


def test_context_costs_weights_and_no_halo():
    plain, with_context = (analyse(ModelSpec(UNet(context=widths))) for widths in ((), (4, 6)))
    extra = {p.name: p.shape for p in with_context.parameters if p not in plain.parameters}
    assert extra == {
        "context.0.weight": (4, 6, 3, 3),
        "context.0.bias": (4,),
        "context.1.weight": (6, 4, 3, 3),
        "context.1.bias": (6,),
        "context_airlight.weight": (3, 6, 1, 1),
        "context_airlight.bias": (3,),
        "context_gate.weight": (1, 6, 1, 1),
        "context_gate.bias": (1,),
    }
    assert (plain.context_channels, with_context.context_channels) == (0, 3)
    alike = replace(with_context, parameters=plain.parameters, context_channels=0)
    assert replace(alike, peak_values=plain.peak_values) == plain


def test_an_activation_costs_nothing():
    assert analyse(ModelSpec(SMALL["leaky unet"])) == analyse(ModelSpec(SMALL["unet"]))


@pytest.mark.parametrize(
    ("kind", "transforms"),
    [*((kind, ()) for kind in SMALL), ("unet", TRANSFORMS), ("griddehaze", SHARED)],
)
def test_nothing_beyond_the_halo_matters(kind, transforms):
    """Exact: what is not a number makes whatever it influences not a number."""
    spec = ModelSpec(SMALL[kind], *transforms)
    known = analyse(spec)
    multiple = known.total_stride
    state = initial_state(spec, 0)
    middle = -(-(known.halo + 1) // multiple) * multiple
    context = np.full((1, 6, SIDE, SIDE), 0.5)
    seen = []
    for column in range(middle, middle + multiple):
        image = np.full((1, 3, multiple, 2 * middle + multiple), 0.5)
        image[..., column] = np.nan
        result = forward(spec, state, image, context)
        influenced = np.flatnonzero(np.isnan(result).any(axis=(0, 1, 2)))
        seen += [column - influenced[0], influenced[-1] - column]
    assert known.halo - multiple <= max(seen) <= known.halo


def test_peak_values_are_those_that_are_needed_at_one_time():
    # Of a residual block: its input, the second convolution, and the first or the sum.
    chain = ModelSpec(Residual((8, 8, 8, 8, 8)))
    assert analyse(chain).peak_values == 3 * 8
    # All feature maps at half the size: a quarter of the values.
    small = ModelSpec(UNet((32,), 1, 2))
    assert 2 * 32 / 4 <= analyse(small).peak_values <= 5 * 32 / 4 + 2 * 12
