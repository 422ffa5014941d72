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
    UNet,
)

SPECS = [
    ModelSpec(Residual()),
    ModelSpec(GridDehaze(width=4), InputTransform(3, 3, "turn"), OutputTransform(8, "pooled")),
    ModelSpec(UNet((8, 16)), InputTransform(4), OutputTransform(residual=True), frozen=True),
    ModelSpec(UNet(activation="leaky", scene=(4, 8))),
    ModelSpec(Experts((UNet((8, 16)), UNet((4,), 1, 4)), UNet((4,)), 2), frozen=True),
    ModelSpec(
        Residual(),
        InputTransform(phase_range="bounded"),
        OutputTransform(keep="phase", combine="amplitude"),
    ),
]


@pytest.mark.parametrize("spec", SPECS)
def test_json_there_and_back(spec):
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_channels_of_the_backbone():
    assert [spec.backbone_channels for spec in SPECS] == [3, 3, 8, 3, 3, 16]


def test_a_file_that_knows_less_means_the_defaults():
    data = SPECS[2].to_dict()
    for field in ("backbone.activation", "input_transform.phase_range", "output_transform.keep",
                  "output_transform.combine", "output_transform.gates"):  # fmt: skip
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
        ("version", 3),
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
        ("backbone.scene", [8, 0]),
        ("backbone.scene", [8] * 7),
        ("backbone.scene", [8]),
        ("backbone.colour", 1),
        ("input_transform.channels", 0),
        ("input_transform.phase_kernel", 5),
        ("input_transform.feed", "twice"),
        ("input_transform.phase_range", "half"),
        ("input_transform.phase_range", True),
        ("output_transform.gates", None),
        ("output_transform.residual", 1),
        ("output_transform.keep", "image"),
        ("output_transform.keep", None),
        ("output_transform.keep", ["amplitude"]),
        ("output_transform.combine", "phase"),
        ("output_transform.combined", "parts"),
        ("output_transform", None),
        ("frozen", "yes"),
        ("colour", 1),
    ],
)
def test_errors_name_the_field(field, value):
    with pytest.raises(SpecError, match=f"^{field}:") as caught:
        ModelSpec.from_json(_changed(field, value))
    assert "\n" not in str(caught.value)


def test_what_version_1_left_unsaid_is_as_it_was_then():
    backbone = {"kind": "unet", "widths": [8, 8]}
    old = {"version": 1, "backbone": backbone, "input_transform": {}, "output_transform": {}}
    spec = ModelSpec.from_dict(old)
    assert spec.input_transform == InputTransform(phase_kernel=1)
    assert spec.output_transform == OutputTransform(residual=False)
    new = ModelSpec.from_dict({**old, "version": 2})
    assert (new.input_transform, new.output_transform) == (InputTransform(), OutputTransform())
    assert ModelSpec.from_dict({"version": 1, "backbone": backbone}).output_transform is None


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"version": 1}', "NaN"])
def test_what_is_no_spec(text):
    with pytest.raises(SpecError):
        ModelSpec.from_json(text)


def test_a_frozen_plain_network_learns_nothing():
    with pytest.raises(SpecError, match="frozen"):
        ModelSpec(Residual(), frozen=True)


def test_a_backbone_that_could_change_nothing():
    OutputTransform(keep="amplitude")
    with pytest.raises(SpecError, match=r"^output_transform\.combine: expected parts .* backbone"):
        OutputTransform(keep="amplitude", combine="amplitude")


def _experts(**changes):
    data = ModelSpec(Experts()).to_dict()
    data["backbone"].update(changes)
    return data


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experts": []}, "backbone.experts: expected 1 to 16 of them, got 0"),
        ({"experts": [{}] * 17}, "backbone.experts: expected 1 to 16"),
        ({"experts": {}}, "backbone.experts: expected a list of UNets"),
        ({"experts": [3]}, "backbone.experts[0]: expected an object"),
        ({"experts": [{}, {"width": 3}]}, "backbone.experts[1].width: unknown field"),
        ({"experts": [{"widths": [0]}]}, "backbone.widths: expected 1 to"),
        ({"gate": 3}, "backbone.gate: expected an object"),
        ({"gate": None}, "backbone.gate: expected an object"),
        ({"gate": {"scene": [4]}}, "backbone.gate.scene: expected none"),
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
    turn = InputTransform(3, feed="turn"), OutputTransform()
    backbones = UNet(), Experts()
    plain, gated = map(ModelSpec, backbones)
    assert [plain.kind, gated.kind] == ["plain", "gated"]
    assert [ModelSpec(b, *turn).kind for b in backbones] == ["reprogrammed", "reprogrammed"]
    assert [s.makes_waves for s in (plain, gated, ModelSpec(UNet(), *turn))] == [False, True, True]


def test_experts_take_rgb():
    ModelSpec(Experts(), InputTransform(3, feed="turn"), OutputTransform())
    with pytest.raises(SpecError, match=r'^input_transform: expected feed "turn"'):
        ModelSpec(Experts(), InputTransform(3), OutputTransform())


def test_a_scene_is_none_of_waves():
    seeing, turn = UNet(scene=(4,)), (InputTransform(3, feed="turn"), OutputTransform())
    for backbone in (seeing, Experts((UNet(), seeing))):
        ModelSpec(backbone)
        with pytest.raises(SpecError, match=r"^backbone\.scene: expected none inside transforms"):
            ModelSpec(backbone, *turn)
