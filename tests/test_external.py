"""Networks in files of other programs, by spandrel: trained around, saved by reference, loaded."""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from command_line import osr as command
from module_users import USERS
from training_runs import TOML, make_images

import osr
from osr.images import Picture, read, write
from osr.training.recipe_files import load_stages
from osr_core import Checkpoint, restore
from osr_core.analysis import analyse
from osr_core.errors import BackendError, CheckpointError, ModelError, OptionError, SpecError
from osr_core.spec import External, InputTransform, ModelSpec, OutputTransform
from osr_core.training.options import TrainerOptions
from weights.external import find_backbone, with_file

SPEC = """
[spec]
frozen = true
input_transform = { channels = 3, layout = "shared" }
output_transform = { channels = 4 }
backbone = """
RECIPE = TOML[: TOML.index("[spec.backbone]")] + SPEC


@pytest.fixture(scope="module")
def torch() -> Any:
    if find_spec("spandrel") is None:
        pytest.skip("spandrel is not installed")
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def files(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small networks with random weights: ×2, ×2 on shuffled pixels, with a map of the noise."""
    from weights.external import import_spandrel

    import_spandrel()
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.DnCNN import DnCNN
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("spandrel")
    shuffled = {"in_nc": 12, "num_filters": 4, "num_blocks": 1, "shuffle_factor": 2}
    noise = DnCNN(in_nc=4, out_nc=3, nc=4, nb=8, act_mode="R", mode="FDnCNN")
    for name, network in (
        ("compact", Compact(num_feat=4, num_conv=1, upscale=2)),
        ("shuffled", ESRGAN(**shuffled)),
        ("noise", noise),
    ):
        torch.save({"params": network.state_dict()}, folder / f"{name}.pth")
    return folder


@pytest.fixture(scope="module")
def trained(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short training around the first."""
    folder = make_images(tmp_path_factory.mktemp("trained"))
    recipe = folder / "recipe.toml"
    recipe.write_text(f'{RECIPE}"spandrel:{(files / "compact.pth").as_posix()}"', "utf-8")
    data = {"photographs": folder / "clear"}
    done = osr.train(recipe, folder / "run", data=data, backend="torch", device="cpu", workers=0)
    assert done.finished
    return folder


def _table(file: Path, **more: Any) -> dict[str, Any]:
    return dict(with_file({"backbone": {"source": f"spandrel:{file}", **more}})["backbone"])


def test_what_a_file_requires(files: Path) -> None:
    found = _table(files / "compact.pth", halo=6)
    about = {"kind": "external", "name": "Compact", "scale": 2, "total_stride": 2, "halo": 6}
    assert about | found == found
    shuffled = _table(files / "shuffled.pth")
    assert (shuffled["scale"], shuffled["total_stride"], shuffled["minimum"]) == (2, 8, 8)


def test_a_model_refers_to_its_file(trained: Path, files: Path) -> None:
    checkpoint = Checkpoint.load(trained / "run")
    assert not any(name.startswith("backbone.") for name in checkpoint.state)
    assert checkpoint.spec.frozen
    external = checkpoint.spec.backbone
    assert isinstance(external, External)
    assert external.source == f"spandrel:{(files / 'compact.pth').as_posix()}"
    network = osr.load_network(trained / "run", "torch", "cpu")
    image = np.random.default_rng(0).random((21, 30, 3), np.float32)
    restored = restore(image, network)
    assert restored.shape == image.shape
    assert 1e-3 < np.abs(restored - image).max() < 0.5
    run = command("restore", trained / "clear" / "0.png", "-o", trained / "out.png",
                  "--model", trained / "run", "--backend", "torch")  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert read(trained / "out.png").pixels.shape == (60, 80, 3)


def test_a_run_is_resumed(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "run", tmp_path / "run")
    (tmp_path / "run" / "state-00000006.safetensors").unlink()
    again = osr.train(trained / "recipe.toml", tmp_path / "run", resume=True, workers=0,
                      data={"photographs": trained / "clear"}, backend="torch")  # fmt: skip
    assert again.finished
    first, second = (Checkpoint.load(folder / "run").state for folder in (trained, tmp_path))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_it_is_evaluated(trained: Path, tmp_path: Path) -> None:
    results = osr.evaluate(
        [str(trained / "run")], [str(trained / "clear")], tmp_path, degradations=["noise:25"],
        backend="torch", device="cpu", baselines=False, limit=1,
    )  # fmt: skip
    assert {row.model for row in results.rows} == {"input", "run"}


@pytest.mark.slow
def test_it_is_exported(trained: Path, tmp_path: Path) -> None:
    done = osr.export(trained / "run", tmp_path / "a.pt2")
    assert done.difference < 1e-5
    assert done.total_stride == 2


def test_a_file_beside_the_model_a_missing_one_and_another(
    trained: Path, files: Path, tmp_path: Path
) -> None:
    spec = Checkpoint.load(trained / "run").spec
    moved = {**_table(files / "compact.pth"), "source": "spandrel:elsewhere/compact.pth"}
    spec = ModelSpec.from_dict({**spec.to_dict(), "backbone": moved})
    with pytest.raises(ModelError, match=r"elsewhere/compact\.pth, which is not there; put comp"):
        find_backbone(spec, "torch", tmp_path)
    for name in ("a" * 3000, "a\0b", "."):  # none is a file, and none a traceback
        hostile = ModelSpec.from_dict(
            {**spec.to_dict(), "backbone": {**moved, "source": f"spandrel:{name}"}}
        )
        with pytest.raises(ModelError, match="which is not there"):
            find_backbone(hostile, "torch", tmp_path)
    shutil.copy(files / "compact.pth", tmp_path)
    assert find_backbone(spec, "torch", tmp_path) is not None
    shutil.copy(files / "noise.pth", tmp_path / "compact.pth")
    with pytest.raises(ModelError, match=r"compact\.pth: another file than the one"):
        find_backbone(spec, "torch", tmp_path)


def test_a_network_that_is_not_frozen_is_stored_with_its_weights(
    files: Path, tmp_path: Path
) -> None:
    torch = import_module("backends.torch")
    spec = ModelSpec.from_dict(
        {"version": 3, "backbone": _table(files / "compact.pth"), "frozen": False,
         "input_transform": {"channels": 3, "layout": "shared"}, "output_transform": {}}
    )  # fmt: skip
    network = torch.build(spec, device="cpu", backbone=find_backbone(spec, "torch"))
    images = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)
    before = network.state()
    torch.Trainer(network, TrainerOptions()).step(images, images[::-1].copy(), 1e-2)
    after = network.state()
    assert not np.array_equal(before["backbone.body.0.weight"], after["backbone.body.0.weight"])
    Checkpoint(spec, after).save(tmp_path / "a.safetensors")
    loaded = osr.load_network(tmp_path / "a.safetensors", "torch", "cpu")
    np.testing.assert_allclose(loaded.predict(images), network.predict(images), atol=1e-6)


def test_only_pytorch_runs_it(trained: Path, tmp_path: Path) -> None:
    run = command("export", trained / "run", "-o", tmp_path / "a.onnx")
    assert run.returncode == 2
    assert "reprograms spandrel:" in run.errors[0]
    assert "--to torch" in run.errors[0]
    spec = Checkpoint.load(trained / "run").spec
    with pytest.raises(BackendError, match="backend mindspore: .* choose the backend torch"):
        find_backbone(spec, "mindspore")


def test_a_network_is_called_as_spandrel_does(torch: Any, files: Path) -> None:
    """With its map of the noise, which spandrel makes for one image."""
    spec = ModelSpec.from_dict(
        {"version": 3, "backbone": _table(files / "noise.pth"), "frozen": True,
         "input_transform": {"channels": 3, "layout": "shared"}, "output_transform": {}}
    )  # fmt: skip
    x = torch.rand(2, 3, 8, 8)
    backbone = find_backbone(spec, "torch")
    expected = torch.cat([x, torch.full((2, 1, 8, 8), 15 / 255)], 1)
    with torch.no_grad():
        torch.testing.assert_close(backbone(x), backbone.network(expected))


def test_a_small_image_is_padded_to_the_minimum(files: Path) -> None:
    external = External(**{k: v for k, v in _table(files / "shuffled.pth").items() if k != "kind"})
    spec = ModelSpec(external, InputTransform(3, layout="shared"), OutputTransform(4), frozen=True)
    assert analyse(spec).minimum == 8
    network = import_module("backends.torch").build(spec, backbone=find_backbone(spec, "torch"))
    assert restore(np.zeros((3, 5, 3), np.uint8), network).shape == (3, 5, 3)


def test_files_that_are_no_backbone(files: Path, tmp_path: Path, torch: Any) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"other\.pth: not an architecture that spandrel knows"):
        _table(tmp_path / "other.pth")
    torch.save({"weight": Hostile()}, tmp_path / "code.pth")
    with pytest.raises(CheckpointError, match=r"code\.pth: needs .*, and code in weight files"):
        _table(tmp_path / "code.pth")
    with pytest.raises(CheckpointError, match=r"absent\.pth: no such file"):
        _table(tmp_path / "absent.pth")
    recipe = tmp_path / "recipe.toml"
    stacked = RECIPE.replace('channels = 3, layout = "shared"', "channels = 3")
    recipe.write_text(f'{stacked}"spandrel:{(files / "compact.pth").as_posix()}"', "utf-8")
    with pytest.raises(OptionError, match="around networks that take RGB"):
        load_stages(recipe)
    recipe.write_text(f'{RECIPE}"spandrel:{(files / "shuffled.pth").as_posix()}"', "utf-8")
    with pytest.raises(OptionError, match="crop_size: expected a multiple of 8, got 12"):
        load_stages(recipe, assign=["crop_size=12"])
    for field in ({"source": "pickle:a"}, {"source": "spandrel:a", "sha256": "?"}, {"scale": 3}):
        with pytest.raises(SpecError, match=r"backbone\.(source|sha256|total_stride)"):
            External(**field)  # type: ignore[arg-type]


class Hostile:
    """Runs a function where it is unpickled."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("it ran",)


def _enlarging(user: Any, name: str) -> Any:
    """Twice the size: a module or cell of the user's own."""
    nn = user.nn
    if name == "torch":
        return nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
    return nn.SequentialCell(nn.Conv2d(3, 12, 3, pad_mode="pad", padding=1, has_bias=True),
                             nn.PixelShuffle(2))  # fmt: skip


def test_your_own_network_may_enlarge(twins: dict[str, ModuleType]) -> None:
    x = np.random.default_rng(0).random((2, 3, 8, 12), np.float32)
    results, state = [], {}
    for name, twin in twins.items():
        module = _enlarging(USERS[twin.__name__](), name)
        network = twin.reprogram(module, scale=2, total_stride=2)
        state = state or network.state()
        network.load_state(state)
        results.append(network.predict(x))
        with pytest.raises(SpecError, match=r"total_stride: expected a multiple of backbone\.sc"):
            twin.reprogram(module, scale=2)
    assert results[0].shape == x.shape
    np.testing.assert_allclose(*results, atol=1e-5)


def test_your_own_network_in_a_recipe(backend: ModuleType, tmp_path: Path) -> None:
    folder = make_images(tmp_path)
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE + '{ kind = "external", scale = 2, total_stride = 2 }', "utf-8")
    options: dict[str, Any] = {"data": {"photographs": folder / "clear"}, "workers": 0,
                               "backend": backend.name, "device": "cpu"}  # fmt: skip
    with pytest.raises(ModelError, match="give it from Python"):
        osr.train(recipe, folder / "none", **options)
    module = _enlarging(USERS[backend.__name__](), backend.name)
    done = osr.train(recipe, folder / "run", backbone=module, **options)
    network = backend.load(done.model, device="cpu", backbone=module)
    assert "backbone.0.weight" in network.state()
    write(tmp_path / "a.png", Picture(np.zeros((8, 8, 3), np.uint8)))
    assert restore(read(tmp_path / "a.png").pixels, network).shape == (8, 8, 3)
