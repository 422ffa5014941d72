"""Properties that hold for any input: drawn by hypothesis, the same draws in every run.

``HYPOTHESIS_EXAMPLES=1000 pytest tests/test_properties.py`` draws more of them.
"""

import contextlib
import os
from itertools import product

import numpy as np
import pytest
from reference_network import ReferenceNetwork
from training_runs import make_images, make_samples

from osr.degradations import DEGRADATIONS, Chain
from osr.evaluation.metrics import psnr, psnr_and_ssim
from osr.training.loading import batches
from osr_core import restore
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError, SpecError
from osr_core.initial import initial_state
from osr_core.spec import (
    Experts,
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    UNet,
)
from osr_core.tiling import spans
from weights.convert import convert

hypothesis = pytest.importorskip("hypothesis", reason="pip install 'osr[test]'")
st = hypothesis.strategies
given = hypothesis.given

FACTOR = int(os.environ.get("HYPOTHESIS_EXAMPLES", "100")) / 100


def some(count):
    """So many examples, without a deadline, the same in every run."""
    return hypothesis.settings(
        max_examples=max(1, round(count * FACTOR)), derandomize=True, deadline=None, database=None
    )


small = st.integers(1, 3)
unets = st.builds(
    UNet,
    widths=st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    blocks=st.integers(1, 2),
    unshuffle=st.sampled_from([1, 2, 4]),
    activation=st.sampled_from(["relu", "leaky"]),
)
backbones = st.one_of(
    unets,
    st.builds(Residual, widths=st.tuples(*[small] * 5)),
    st.builds(GridDehaze, height=st.integers(2, 3), width=st.sampled_from([4, 6]),
              depth_rate=small, dense_layers=small, growth=small),
)  # fmt: skip
plain = st.builds(
    ModelSpec, st.one_of(backbones, st.builds(
        Experts, st.lists(unets, min_size=1, max_size=3).map(tuple), unets, small
    ))
)  # fmt: skip
layouts = st.sampled_from(["stacked", "shared"])
reprogrammed = st.builds(
    ModelSpec,
    backbones,
    st.builds(InputTransform, small, st.sampled_from([1, 3]), layouts),
    st.builds(OutputTransform, small, st.sampled_from(["pixel", "pooled"]), st.booleans()),
    st.booleans(),
)  # fmt: skip
specs = st.one_of(plain, reprogrammed)
images = st.builds(
    lambda seed, height, width: np.random.default_rng(seed).random((height, width, 3), np.float32),
    st.integers(0, 99), st.integers(8, 40), st.integers(8, 40),
)  # fmt: skip


@some(300)
@given(small.map(lambda n: 2**n), st.integers(1, 60), st.integers(1, 60), st.integers(0, 40),
       st.integers(1, 200))  # fmt: skip
def test_tiles_cover_each_pixel_once(stride, rows, columns, halo, tile):
    height, width = rows * stride, columns * stride
    try:
        across, down = (spans(side, tile, halo, stride) for side in (width, height))
        found = product(down, across)
    except OptionError:
        hypothesis.reject()
    count = np.zeros((height, width), int)
    for vertical, horizontal in found:
        count[vertical.valid, horizontal.valid] += 1
    assert (count == 1).all()


@some(12)
@given(unets, st.integers(0, 9), st.integers(1, 40), st.integers(0, 30), st.integers(0, 30))
def test_tiled_is_whole(unet, seed, more, rows, columns):
    spec = ModelSpec(unet)
    analysis = analyse(spec)
    tile = 2 * analysis.halo + 3 * analysis.total_stride + more
    hypothesis.assume(tile < 150)
    network = ReferenceNetwork(spec)
    image = np.random.default_rng(seed).random((tile + rows, tile + columns, 3), np.float32)
    whole, tiled = (restore(image, network, tile=side) for side in (0, tile))
    assert np.abs(whole - tiled).max() <= 1e-5


@some(100)
@given(specs)
def test_specs_survive_json(spec):
    assert ModelSpec.from_json(spec.to_json()) == spec


@some(40)
@given(specs, st.text(max_size=5), st.one_of(st.none(), st.integers(), st.floats(), st.text()))
def test_changed_specs_are_specs_or_refused(spec, key, value):
    data = spec.to_dict()
    inner = data["backbone"]
    changed = [{**data, name: value} for name in (key, *data)]
    changed += [{**data, "backbone": {**inner, name: value}} for name in (key, *inner)]
    for each in changed:
        with contextlib.suppress(SpecError):
            ModelSpec.from_dict(each)


@some(15)
@given(specs)
def test_counted_parameters_are_those_of_the_network(any_backend, spec):
    network = any_backend.build(spec, device="cpu")
    counted = {parameter.name: parameter.shape for parameter in analyse(spec).parameters}
    assert {name: array.shape for name, array in network.state().items()} == counted


@some(20)
@given(specs, st.lists(st.sampled_from(["ckpt", "safetensors"]), min_size=1, max_size=3))
def test_conversion_changes_nothing(tmp_path_factory, spec, suffixes):
    folder = tmp_path_factory.mktemp("convert")
    first = Checkpoint(spec, initial_state(spec, 0), {"steps": 1})
    source = folder / "0.safetensors"
    first.save(source)
    for number, suffix in enumerate([*suffixes, "safetensors"], 1):
        target = folder / f"{number}.{suffix}"
        convert(source, target)
        source = target
    last = Checkpoint.load(source)
    assert last.spec == spec
    assert all(np.array_equal(last.state[name], value) for name, value in first.state.items())


@some(40)
@given(images, st.floats(0.01, 0.2))
def test_metrics(image, sigma):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(image.shape).astype(np.float32) * np.float32(sigma)
    near, far = (image + factor * noise for factor in (np.float32(0.5), np.float32(1)))
    assert psnr(image, image) == np.inf
    assert psnr(near, image) == pytest.approx(psnr(image, near))
    assert psnr(near, image) > psnr(far, image)
    if min(image.shape[:2]) >= 11:  # the side of its window
        same, light, strong = (psnr_and_ssim(each, image)[1] for each in (image, near, far))
        assert same == pytest.approx(1)
        assert strong <= light <= 1


@some(60)
@given(images, st.lists(st.sampled_from([*DEGRADATIONS]), min_size=1, max_size=3),
       st.integers(0, 2**32))  # fmt: skip
def test_degradations(image, names, seed):
    chain, before = Chain.parse("+".join(names)), image.copy()
    results = [chain(image, np.random.default_rng(seed)) for _ in range(2)]
    for degraded, target in results:
        assert degraded.shape == target.shape == image.shape
        assert degraded.dtype == target.dtype == np.float32
        assert np.isfinite(degraded).all()
        assert -2 < degraded.min() <= degraded.max() < 3
    assert all(np.array_equal(*pair) for pair in zip(*results, strict=True))
    assert np.array_equal(image, before)


@some(200)
@given(st.lists(st.sampled_from([*DEGRADATIONS]), min_size=1, max_size=3), st.data())
def test_degradations_survive_as_text(names, data):
    steps = []
    for name in names:
        row = DEGRADATIONS[name]
        low, high = row.params[row.level].valid if row.level else (0, 0)
        level = data.draw(st.floats(low, high))
        steps.append(f"{name}:{level!r}" if row.level and data.draw(st.booleans()) else name)
    chain = Chain.parse("+".join(steps))
    assert Chain.parse(str(chain)) == chain


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return make_samples(make_images(tmp_path_factory.mktemp("data")), steps=5)


@some(8)
@given(st.integers(0, 4))
def test_a_resumed_run_sees_the_same_batches(samples, start):
    whole = list(batches(samples, 0, 0))
    for ours, theirs in zip(batches(samples, start, 0), whole[start:], strict=True):
        assert all(np.array_equal(*pair) for pair in zip(ours, theirs, strict=True))
