"""Samples are a pure function of (seed, step), whoever makes them."""

from dataclasses import replace

import numpy as np
import pytest
from training_runs import SAMPLING_WEIGHTS, make_images, make_recipe, make_samples

from osr.training.loading import batches
from osr.training.recipe import Validation
from osr.training.sampling import Samples
from osr_core.backend import World
from osr_core.errors import ImageError, OptionError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


@pytest.fixture
def samples(folder):
    return make_samples(folder)


def test_a_batch_is_a_function_of_seed_and_step(samples):
    inputs, targets = samples.batch(3)
    assert inputs.shape == targets.shape == (4, 3, 16, 16)
    assert inputs.dtype == targets.dtype == np.float32
    again = samples.batch(3)
    assert np.array_equal(inputs, again[0])
    assert np.array_equal(targets, again[1])
    assert not np.array_equal(inputs, samples.batch(4)[0])
    other = replace(samples, recipe=replace(samples.recipe, seed=1))
    assert not np.array_equal(inputs, other.batch(3)[0])


def test_the_parts_of_several_processes_are_the_batch_of_one(samples):
    whole = samples.batch(3)
    parts = [samples.batch(3, World(rank, 2)) for rank in range(2)]
    for index in range(2):
        assert np.array_equal(np.concatenate([part[index] for part in parts]), whole[index])


def test_loader_processes_change_nothing(samples):
    here = list(batches(samples, 2, workers=0))
    there = list(batches(samples, 2, workers=2))
    assert len(here) == len(there) == 4
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])


@pytest.mark.parametrize("kind", SAMPLING_WEIGHTS)
def test_each_kind_of_sample(folder, kind):
    only = make_samples(folder, sampling_weights={kind: 1.0, "noise": 0.0, "haze": 1e-9})
    inputs, targets = only.batch(0)
    assert np.isfinite(inputs).all()
    assert targets.min() >= 0
    assert targets.max() <= 1
    assert np.array_equal(inputs, targets) == (kind == "clean")


@pytest.mark.parametrize(
    ("weights", "upright"),
    [
        ({"haze": 1.0}, True),
        ({"mixture": 1.0, "rain": 1e-9, "haze": 1e-9}, True),
        ({"clean": 1.0, "haze+jpeg": 1e-9}, True),  # else turned images would be clean ones
        ({"clean": 1.0, "haze": 0.0}, False),
        ({"noise": 1.0}, False),
    ],
)
def test_all_images_are_upright_where_some_are_hazy(folder, weights, upright):
    """Red grows from top to bottom in every picture of the folder."""
    samples = make_samples(folder, sampling_weights=weights)
    red = np.concatenate([samples.batch(step)[1][:, 0] for step in range(10)])
    assert (red[:, -1] > red[:, 0]).all() == upright


def test_pairs_stay_together(folder):
    inputs, targets = make_samples(folder, sampling_weights={"pairs": 1.0}).batch(0)
    assert np.abs(inputs - targets / 2).max() < 2 / 255


def test_ranges_of_a_recipe_are_kept(folder):
    ranges = {"noise": {"sigma": (10.0, 10.0)}}
    samples = make_samples(folder, sampling_weights={"noise": 1.0}, degradations=ranges)
    inputs, targets = samples.batch(0)
    assert (inputs - targets).std() * 255 == pytest.approx(10, rel=0.05)


def test_chains_are_drawn_from_the_ranges_of_their_parts(folder):
    ranges = {"noise": {"sigma": (10.0, 10.0)}}
    weights = {"grey+noise": 1.0}
    inputs, targets = make_samples(folder, sampling_weights=weights, degradations=ranges).batch(0)
    assert np.array_equal(targets[:, 0], targets[:, 2])
    assert (inputs - targets).std() * 255 == pytest.approx(10, rel=0.05)


def test_a_mixture_needs_something_to_mix(folder):
    """Alone it used to train the identity."""
    for weights in ({"mixture": 1.0}, {"mixture": 1.0, "clean": 1.0, "pairs": 1.0, "noise": 0.0}):
        with pytest.raises(OptionError, match="sampling_weights.mixture: needs degradations"):
            make_samples(folder, sampling_weights=weights)


def test_what_is_missing_is_named(folder, tmp_path):
    with pytest.raises(OptionError, match=r"sampling_weights\.noise: recipe\.data has no photo"):
        make_samples(folder, data={}, sampling_weights={"noise": 1.0})
    with pytest.raises(OptionError, match=r"sampling_weights\.gopro: .*add --data gopro=PATH"):
        make_samples(folder, sampling_weights={"gopro": 1.0})
    with pytest.raises(OptionError, match=r"recipe\.sampling_weights\.rian: did you mean rain\?"):
        make_samples(folder, sampling_weights={"rian": 1.0})
    with pytest.raises(OptionError, match=r"weights\.noise\+jpg: .*did you mean jpeg\?"):
        make_samples(folder, sampling_weights={"noise+jpg": 1.0})
    with pytest.raises(OptionError, match="degradations.noise.sigm"):
        make_samples(folder, degradations={"noise": {"sigm": (0.0, 1.0)}})
    with pytest.raises(OptionError, match="recipe.data.fotographs"):
        make_samples(folder, data={"fotographs": str(folder)})
    with pytest.raises((OptionError, ImageError), match="recipe.data.pairs: .*nowhere"):
        make_samples(folder, data={"pairs": str(tmp_path / "nowhere")})


def test_an_unreadable_image_is_named_and_replaced(folder, tmp_path, caplog):
    images = make_images(tmp_path)
    (images / "clear" / "1.png").write_bytes(b"not an image")
    samples = make_samples(images, sampling_weights={"clean": 1.0}, batch_size=12)
    inputs, _ = samples.batch(0)
    assert np.isfinite(inputs).all()
    assert "1.png" in caplog.text
    assert np.array_equal(samples.batch(0)[0], inputs), "still a function of (seed, step)"
    for path in (images / "clear").iterdir():
        path.write_bytes(b"not an image")
    with pytest.raises(ImageError, match="in a row cannot be read"):
        make_samples(images, sampling_weights={"clean": 1.0}, max_side=77).batch(0)


@pytest.mark.parametrize(("fraction", "count"), [(0.01, 1), (0.3, 3), (0.4, 4), (0.9, 9)])
def test_the_validation_split_has_the_given_fraction(folder, fraction, count):
    item = make_samples(folder).photographs[0]
    photographs = tuple(replace(item, name=str(index)) for index in range(10))
    samples = make_samples(folder, validation=Validation(val_fraction=fraction))
    training, validation = replace(samples, photographs=photographs).split()
    assert len(validation.photographs) == count
    assert {*training.photographs, *validation.photographs} == {*photographs}
    assert len(training.photographs) == 10 - count
    assert len(training.pairs["pairs"]) == len(validation.pairs["pairs"]) == 1


def test_the_validation_split_is_not_trained_on(folder):
    samples = make_samples(folder, validation=Validation(val_fraction=0.3))
    training, validation = samples.split()
    for name in ("photographs", "pairs"):
        ours, theirs, everything = (
            set(s.photographs if name == "photographs" else s.pairs["pairs"])
            for s in (training, validation, samples)
        )
        assert ours
        assert theirs
        assert not ours & theirs
        assert ours | theirs == everything
    same, other = make_samples(folder).split()
    assert same.photographs == other.photographs
    assert not np.array_equal(same.batch(0)[1], other.batch(0)[1]), "other crops"


def test_a_depth_map_of_another_size_is_named(folder, tmp_path, caplog):
    samples = make_samples(folder, sampling_weights={"haze": 1.0})
    np.save(tmp_path / "depth.npy", np.ones((9, 7)))
    items = tuple(replace(item, depth=tmp_path / "depth.npy") for item in samples.photographs)
    with pytest.raises(ImageError, match="in a row cannot be read"):
        replace(samples, photographs=items).batch(0)
    assert "depth.npy: 7 × 9 pixels, but its image 80 × 60" in caplog.text


def test_a_fingerprint_tells_files_apart(folder):
    assert make_samples(folder).fingerprint() == make_samples(folder).fingerprint()
    fewer = Samples.of(make_recipe(folder, data={"photographs": str(folder / "clear")},
                                   sampling_weights={"noise": 1.0}))  # fmt: skip
    assert fewer.fingerprint() != make_samples(folder).fingerprint()
