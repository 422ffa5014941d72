"""Files of earlier versions load, and the published ones restore what they did."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.errors import SpecError
from osr_core.initial import initial_state
from osr_core.reference import forward
from osr_core.registry import registry
from osr_core.spec import Experts, InputTransform, ModelSpec, OutputTransform, UNet

OUTPUTS = {
    # Mean and eight values of the float64 output when they were published, for the image below.
    "osr-general": [
        0.50131515971970, 0.50476152258246, 0.52995367973969, 0.55568034819823,
        0.54258660171359, 0.47482636559702, 0.48913308154441, 0.48477727457917,
        0.47955444681772,
    ],
    "osr-denoise": [
        0.49768390091472, 0.46029314399386, 0.53325668427330, 0.46541208101175,
        0.49955738248577, 0.46707396866519, 0.46091699148434, 0.53560106721640,
        0.47433562454295,
    ],
    "osr-jpeg": [
        0.49913465161994, 0.53823180037878, 0.74639284451653, 0.33255066422837,
        0.58696750283680, 0.47418838938174, 0.41087254540297, 0.49837575100591,
        0.48136777024222,
    ],
    "osr-denoise-free": [
        0.49908246278918, 0.48726617986094, 0.58224486406808, 0.46469440133188,
        0.49978893616272, 0.50022111977255, 0.45712834424295, 0.55177101866550,
        0.45461246893790,
    ],
    "osr-derain": [
        0.48020764843272, 0.62962801479135, 0.91103721339665, 0.21894731388830,
        0.80550569412007, 0.55644613710641, 0.22304501716055, 0.27038800696418,
        0.40852507124062,
    ],
    "osr-dehaze": [
        0.49837906331356, 0.63692168922403, 0.93396550380171, 0.22631712679114,
        0.83376680921048, 0.57680404388197, 0.23789175667711, 0.27797888692582,
        0.43157792679817,
    ],
    "osr-deblur": [
        0.50471899231955, 0.67691238555719, 0.96377658216557, 0.23937187708278,
        0.83536600901618, 0.59544648843639, 0.24019326795310, 0.31671109333809,
        0.47277042921872,
    ],
    "osr-sr": [
        0.49779390352765, 0.46039929509832, 0.61729290203885, 0.31199892156980,
        0.49276438048229, 0.48427555892469, 0.42028010320404, 0.47522465554065,
        0.43463012430968,
    ],
    "osr-lowlight": [
        0.49703707461448, 0.63565009946378, 0.93248798306406, 0.22501547129917,
        0.83235860360346, 0.57545268054229, 0.23673144736635, 0.27669658468529,
        0.43013183365992,
    ],
    "osr-denoise-reprogrammed": [
        0.47099941887327, 0.43200747576017, 0.64747272041494, 0.22733230104649,
        0.59091994552998, 0.47684975254943, 0.33121184169055, 0.42007390304438,
        0.35274148277004,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", registry())
def test_published_models_restore_what_they_did(name):
    checkpoint = Checkpoint.load(registry()[name].path)
    side = max(32, analyse(checkpoint.spec).total_stride)
    image = np.random.default_rng(0).random((1, 3, side, 2 * side))
    result = forward(checkpoint.spec, checkpoint.state, image)
    values = result[0, :, ::13, ::19].ravel()[::2][:8]
    np.testing.assert_allclose([result.mean(), *values], OUTPUTS[name], atol=1e-12)


def test_defaults_of_version_1():
    backbone = {"kind": "unet", "widths": [8, 8]}
    old = {"version": 1, "backbone": backbone, "input_transform": {}, "output_transform": {}}
    spec = ModelSpec.from_dict(old)
    assert spec.input_transform == InputTransform(phase_kernel=1)
    assert spec.output_transform == OutputTransform(residual=False)
    new = ModelSpec.from_dict({**old, "version": 2})
    assert (new.input_transform, new.output_transform) == (InputTransform(), OutputTransform())
    assert ModelSpec.from_dict({"version": 1, "backbone": backbone}).output_transform is None


def test_names_of_version_2():
    old = {"version": 2, "backbone": {"kind": "unet", "scene": []}, "output_transform": {},
           "input_transform": {"channels": 3, "feed": "turn", "phase_range": "free"}}  # fmt: skip
    inputs = InputTransform(3, layout="shared")
    assert ModelSpec.from_dict(old) == ModelSpec(UNet(), inputs, OutputTransform())


@pytest.mark.parametrize(
    ("part", "option", "value"),
    [
        ("input_transform", "phase_range", "bounded"),
        ("output_transform", "keep", "amplitude"),
        ("output_transform", "combine", "amplitude"),
        ("output_transform", "keep", None),
    ],
)
def test_removed_options_are_refused(part, option, value):
    parts = {"input_transform": {}, "output_transform": {}, part: {option: value}}
    with pytest.raises(SpecError, match=rf"^{part}\.{option}: .* was removed"):
        ModelSpec.from_dict({"version": 2, "backbone": {"kind": "unet"}, **parts})


@pytest.mark.parametrize("value", [3, None, ["joint"], {"joint": 1}])
def test_a_wrong_layout_is_named(value):
    inputs = {"feed": value}
    old = {"version": 2, "backbone": {"kind": "unet"}, "input_transform": inputs,
           "output_transform": {}}  # fmt: skip
    with pytest.raises(SpecError, match=r"^input_transform\.layout: expected one of"):
        ModelSpec.from_dict(old)


def test_tensors_of_version_2(tmp_path):
    unet = UNet((4, 6), 1, context=(5, 7))
    spec = ModelSpec(Experts((UNet((4,), 1), unet), UNet((4,), 1), 2))
    state = initial_state(spec, 0)
    data = json.loads(spec.to_json().replace('"context"', '"scene"'))
    old = {name.replace("context", "scene"): value for name, value in state.items()}
    assert "experts.1.scene_gate.weight" in old
    save_file(old, tmp_path / "old.safetensors", {"spec": json.dumps({**data, "version": 2})})
    checkpoint = Checkpoint.load(tmp_path / "old.safetensors")
    assert checkpoint.spec == spec
    assert checkpoint.state.keys() == state.keys()
