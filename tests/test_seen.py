"""What a model has been trained on, by the metadata of its checkpoint."""

import pytest

from osr.datasets import find
from osr.evaluation.models import NO_RECIPE, seen_degradation
from osr_core import Checkpoint


def test_seen_is_what_the_recipe_drew():
    rain = find("rain100l")
    assert (rain.paired, rain.degradation) == (True, "rain")
    weights = {"clean": 1, "mixture": 1, "noise": 0.5, "haze": 0, "rain100l": 2, "set5": 1,
               "own": 1}  # fmt: skip
    seen = seen_degradation({"sampling_weights": weights}, {})
    assert seen.kinds == ("noise", "rain")
    assert seen.unknown == ("own", "set5")  # the degradation of clean images is not known


def test_a_chain_trains_on_each_of_its_kinds():
    weights = {"grey+noise+jpeg": 1.0, "blur": 0.0}
    assert seen_degradation({"sampling_weights": weights}, {}).kinds == ("grey", "jpeg", "noise")


@pytest.mark.parametrize("origin", ["backbone", "start"])
def test_seen_includes_the_origins_of_the_weights(origin):
    backbone = {"recipe": {"sampling_weights": {"blur": 1.0, "pairs": 1.0}}, "provenance": {}}
    provenance = {origin: {"provenance": {}, **backbone}}
    seen = seen_degradation({"sampling_weights": {"noise": 1.0}}, provenance)
    assert (seen.kinds, seen.unknown) == (("blur", "noise"), ("pairs",))
    assert seen_degradation({}, {}).unknown == (NO_RECIPE,)


@pytest.mark.parametrize("strange", [[], ["noise"], "noise", 3, None, {"sampling_weights": [1]}])
def test_metadata_of_another_form_is_a_training_without_a_recipe(strange):
    """Anything may stand in a file's metadata, a JSON list for instance."""
    assert seen_degradation(strange, strange).unknown == (NO_RECIPE,)
    assert seen_degradation({}, {"experts": strange, "backbone": strange}).kinds == ()


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        ("osr-sr", "blur low_resolution noise"),  # those of an earlier training
    ],
)
def test_published_models_name_their_training_by_the_keys_of_0_1(model, kinds):
    checkpoint = Checkpoint.load(model)
    assert "shares" in checkpoint.recipe
    seen = seen_degradation(checkpoint.recipe, checkpoint.provenance)
    assert (" ".join(seen.kinds), seen.unknown) == (kinds, ())


def test_a_published_model_names_the_training_of_its_backbone():
    checkpoint = Checkpoint.load("osr-denoise-reprogrammed")
    assert checkpoint.recipe["sampling_weights"].keys() == {"clean", "noise", "rain", "haze"}
    seen = seen_degradation(checkpoint.recipe, checkpoint.provenance)
    assert seen.kinds == ("camera_noise", "grey", "haze", "jpeg", "noise", "rain")
