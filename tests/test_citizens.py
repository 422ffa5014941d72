"""Our networks are ordinary modules of their framework: compilers, wrappers, loaders, loops."""

import copy
import io
import pickle

import numpy as np
import pytest
from parity_cases import CASES
from training_runs import make_images, make_recipe

import backends
import osr
from osr.training.sampling import Samples
from osr.training.views import SampleView
from osr_core.analysis import analyse
from osr_core.errors import OptionError

slow = pytest.mark.slow
COMPILED = [
    "unet, shared",
    *(pytest.param(kind, marks=slow) for kind in ("griddehaze", "experts", "routed experts")),
]


def _images(count=1, side=32, seed=0):
    return np.random.default_rng(seed).random((count, 3, side, side), dtype=np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def ms():
    return pytest.importorskip("mindspore")


@pytest.mark.parametrize("kind", COMPILED)
def test_torch_compile_takes_any_size(torch, kind):
    """Traced as a whole, sizes free; code is not generated, which takes half a minute."""
    from backends.torch import build

    torch.compiler.reset()
    network = build(CASES[kind]).eval()
    compiled = torch.compile(network, backend="eager", fullgraph=True, dynamic=True)
    with torch.no_grad():
        for side in (32, 48):
            x = torch.from_numpy(_images(side=side))
            torch.testing.assert_close(compiled(x), network(x), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("side", "share"), [(256, 1), (1024, 0.6)])
def test_memory_of_feature_maps_is_what_the_analysis_says(torch, side, share):
    """Large ones are computed a few rows at a time."""
    model = backends.get_backend("torch").load("osr-denoise", "cpu")
    image = _images(side=side)
    model.predict(image)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        model.predict(image)
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = np.cumsum([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())])
    values = held.max() / 4 / side**2  # of float32 per pixel
    assert values == pytest.approx(share * analyse(model.spec).peak_values, rel=0.1)


def test_ddp_averages_what_it_is_given(torch, tmp_path):
    from backends.torch import build

    distributed = torch.distributed
    network = build(CASES["unet, shared"])
    plain = copy.deepcopy(network)
    distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        wrapped = torch.nn.parallel.DistributedDataParallel(network)
        x = torch.from_numpy(_images(2))
        for _ in range(2):  # a weight without gradient would be an error in the second step
            wrapped(x).square().mean().backward()
            plain(x).square().mean().backward()
        for one, other in zip(network.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)
    finally:
        distributed.destroy_process_group()


def test_copies_pickles_and_state_dicts(torch):
    from backends.torch import build

    network = build(CASES["experts"], seed=3).eval()
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    buffer.seek(0)
    filled = build(CASES["experts"], seed=4).eval()
    assert not filled.load_state_dict(torch.load(buffer, weights_only=True)).missing_keys
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), filled):
        np.testing.assert_array_equal(other.predict(_images()), network.predict(_images()))
        assert other.spec == network.spec


def test_autocast_and_types_of_torch(torch):
    from backends.torch import build

    network = build(CASES["unet, shared"]).eval()
    x = torch.from_numpy(_images())
    expected = network(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert (network(x).float() - expected).abs().max() < 0.05
    double = copy.deepcopy(network).double()
    assert (double(x.double()) - expected).abs().max() < 1e-4


@pytest.fixture
def graphs(ms):
    """MindSpore's GRAPH mode for one test."""
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    yield ms
    ms.set_context(mode=before)


@pytest.mark.parametrize("kind", ["unet, shared", pytest.param("experts", marks=slow)])
def test_graph_mode_with_free_sizes(graphs, kind):
    from backends.mindspore import build

    network = build(CASES[kind])
    network.set_train(False)
    network.set_inputs(graphs.Tensor(shape=[None, 3, None, None], dtype=graphs.float32))
    eager = build(CASES[kind])
    for side in (32, 48):
        result = network(graphs.Tensor(_images(side=side))).asnumpy()
        np.testing.assert_allclose(result, eager.predict(_images(side=side)), atol=1e-6)


def test_model_train_of_mindspore(ms, folder):
    """``Model.train`` with mixed precision, on a GeneratorDataset of our samples."""
    from backends.mindspore import build

    view = SampleView(Samples.of(make_recipe(folder, steps=6)))
    data = ms.dataset.GeneratorDataset(view, ["degraded", "clean"], shuffle=False)
    data = data.batch(view.batch_size, drop_remainder=True)
    network = build(make_recipe(folder).spec)
    before = {name: value.copy() for name, value in network.state().items()}
    optimizer = ms.nn.Adam(network.trainable_params(), 1e-3)
    model = ms.train.Model(network, ms.nn.MSELoss(), optimizer, amp_level="O0")
    model.train(1, data, dataset_sink_mode=False)
    after = network.state()
    assert any(not np.array_equal(after[name], value) for name, value in before.items())
    assert all(np.isfinite(value).all() for value in after.values())


def test_mixed_precision_of_mindspore(ms):
    from backends.mindspore import build

    expected = build(CASES["unet, shared"]).predict(_images())
    network = ms.amp.auto_mixed_precision(build(CASES["unet, shared"]), "O2", ms.float16)
    result = network(ms.Tensor(_images())).astype(ms.float32).asnumpy()
    assert 0 < np.abs(result - expected).max() < 0.02


def test_a_data_loader_gives_the_batches_of_training(torch, folder):
    samples = Samples.of(make_recipe(folder))
    view = SampleView(samples)
    assert len(view) == samples.recipe.steps * view.batch_size
    loader = torch.utils.data.DataLoader(view, view.batch_size)
    for step, (degraded, clean) in enumerate(loader):
        for tensor, array in zip((degraded, clean), samples.batch(step), strict=True):
            np.testing.assert_array_equal(tensor.numpy(), array)
    with pytest.raises(IndexError):
        view[len(view)]


def test_a_generator_dataset_gives_the_batches_of_training(ms, folder):
    samples = Samples.of(make_recipe(folder))
    view = SampleView(samples)
    data = ms.dataset.GeneratorDataset(view, ["degraded", "clean"], shuffle=False)
    found = list(data.batch(view.batch_size).create_tuple_iterator(output_numpy=True))
    assert len(found) == samples.recipe.steps
    for step, pair in enumerate(found):
        for given, array in zip(pair, samples.batch(step), strict=True):
            np.testing.assert_array_equal(given, array)


def test_samples_of_a_recipe(folder):
    recipe = make_recipe(folder)
    splits = {name: osr.training_samples(recipe, split=name) for name in ("train", "val", "all")}
    counts = {name: sum(view.samples.counts().values()) for name, view in splits.items()}
    assert counts["all"] >= max(counts["train"], counts["val"])
    assert splits["val"].samples.stream == 1, "other crops and degradations"
    degraded, clean = splits["train"][0]
    assert degraded.shape == clean.shape == (3, 16, 16)
    for wrong in ({"split": "test"}, {"stage": 2}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            osr.training_samples(recipe, **wrong)
