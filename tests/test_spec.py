import json

import pytest

from osr_core.errors import SpecError
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

SPECS = [
    ModelSpec(Residual()),
    ModelSpec(GridDehaze(width=4), InputTransform(3, 3, "shared"), OutputTransform(8, "pooled")),
    ModelSpec(UNet((8, 16)), InputTransform(4), OutputTransform(residual=True), frozen=True),
    ModelSpec(UNet(activation="leaky", context=(4, 8))),
    ModelSpec(Experts((UNet((8, 16)), UNet((4,), 1, 4)), UNet((4,)), 2), frozen=True),
    ModelSpec(Residual(), InputTransform(), OutputTransform()),
    ModelSpec(RoutedExperts((UNet((8, 16)), UNet((4,), 1, 4)), (4, 8), (4,), 2), frozen=True),
]


@pytest.mark.parametrize("spec", SPECS)
def test_json_there_and_back(spec):
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_channels_of_the_backbone():
    assert [spec.backbone_channels for spec in SPECS] == [3, 3, 8, 3, 3, 16, 3]


def test_a_file_that_knows_less_means_the_defaults():
    data = SPECS[2].to_dict()
    for field in ("backbone.activation", "input_transform.layout", "output_transform.gates"):
        part, name = field.split(".")
        del data[part][name]
    spec = ModelSpec.from_json(json.dumps(data))
    assert spec == SPECS[2]
    assert spec.backbone.activation == "relu"


def _changed(path, value):
    data = SPECS[2].to_dict()
    part = data
    *parents, last = path.split(".")
    for name in parents:
        part = part[name]
    part[last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 4),
        ("backbone.kind", "resnet"),
        ("backbone.kind", []),
        ("backbone.widths", []),
        ("backbone.widths", [8, -1]),
        ("backbone.widths", [8, 10**9]),
        ("backbone.widths", "wide"),
        ("backbone.blocks", 2.0),
        ("backbone.blocks", True),
        ("backbone.unshuffle", 3),
        ("backbone.activation", "gelu"),
        ("backbone.activation", None),
        ("backbone.activation", 0.2),
        ("backbone.context", [8, 0]),
        ("backbone.context", [8] * 7),
        ("backbone.context", [8]),
        ("backbone.colour", 1),
        ("input_transform.channels", 0),
        ("input_transform.phase_kernel", 5),
        ("input_transform.layout", "twice"),
        ("output_transform.gates", None),
        ("output_transform.residual", 1),
        ("output_transform.keep", "phase"),
        ("output_transform", None),
        ("frozen", "yes"),
        ("colour", 1),
    ],
)
def test_errors_name_the_field(field, value):
    with pytest.raises(SpecError, match=f"^{field}:") as caught:
        ModelSpec.from_json(_changed(field, value))
    assert "\n" not in str(caught.value)


NO_SPECS = ["", "[]", "null", "{}", '{"version": 1}', "NaN", "9" * 5000, "[" * 10**5]


@pytest.mark.parametrize("text", NO_SPECS, ids=range(len(NO_SPECS)))
def test_what_is_no_spec(text):
    with pytest.raises(SpecError):
        ModelSpec.from_json(text)


def test_a_frozen_plain_network_learns_nothing():
    with pytest.raises(SpecError, match="frozen"):
        ModelSpec(Residual(), frozen=True)


def _experts(**changes):
    data = ModelSpec(Experts()).to_dict()
    data["backbone"].update(changes)
    return data


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experts": []}, "backbone.experts: expected 1 to 16 of them, got 0"),
        ({"experts": [{}] * 17}, "backbone.experts: expected 1 to 16"),
        ({"experts": {}}, "backbone.experts: expected a list"),
        ({"experts": [3]}, "backbone.experts[0]: expected a table"),
        ({"experts": [{}, {"width": 3}]}, "backbone.experts[1].width: unknown key; did you mean"),
        ({"experts": [{"widths": [0]}]}, "backbone.widths: expected 1 to"),
        ({"gate": 3}, "backbone.gate: expected a table"),
        ({"gate": None}, "backbone.gate: expected a table"),
        ({"gate": {"context": [4]}}, "backbone.gate.context: expected none"),
        ({"gate": {"unshuffle": 3}}, "backbone.unshuffle: expected 1, 2 or 4"),
        ({"waves": 0}, "backbone.waves: expected 1 to"),
        ({"waves": 2.5}, "backbone.waves: expected a whole number"),
    ],
)
def test_errors_of_experts(changes, message):
    with pytest.raises(SpecError) as caught:
        ModelSpec.from_dict(_experts(**changes))
    assert str(caught.value).startswith(message)


def test_kinds():
    shared = InputTransform(3, layout="shared"), OutputTransform()
    backbones = UNet(), Experts()
    plain, gated = map(ModelSpec, backbones)
    assert [plain.kind, gated.kind] == ["plain", "gated"]
    assert [ModelSpec(b, *shared).kind for b in backbones] == ["reprogrammed", "reprogrammed"]
    assert [s.makes_waves for s in (plain, gated)] == [False, True]
    assert ModelSpec(UNet(), *shared).makes_waves


def test_experts_take_rgb():
    ModelSpec(Experts(), InputTransform(3, layout="shared"), OutputTransform())
    with pytest.raises(SpecError, match=r'^input_transform: expected layout "shared"'):
        ModelSpec(Experts(), InputTransform(3), OutputTransform())


def test_no_context_inside_transforms():
    with_context = UNet(context=(4,))
    shared = InputTransform(3, layout="shared"), OutputTransform()
    for backbone in (with_context, Experts((UNet(), with_context))):
        ModelSpec(backbone)
        with pytest.raises(SpecError, match=r"^backbone\.context: expected none inside transforms"):
            ModelSpec(backbone, *shared)
