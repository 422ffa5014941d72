"""Recipes that ask for too much, hang a reader or are no recipes: one line each, exit status 2."""

import os

import pytest

from osr.settings import assign
from osr.training.recipe_files import load_stages
from osr.training.sampling import Samples
from osr_core.errors import OptionError, OSRError

SPEC = '[spec.backbone]\nkind = "unet"\nwidths = [8]\nblocks = 1\n'
GOOD = "sampling_weights = {noise = 1}\n" + SPEC
LONG = "9" * 5000
HEX = "0x" + "f" * 5000


def _load(folder, text):
    path = folder / "recipe.toml"
    path.write_text(text)
    return [Samples.of(stage) for stage in load_stages(path)]


def _refused(folder, text):
    with pytest.raises(OSRError) as error:
        _load(folder, text)
    assert len(str(error.value)) <= 1000
    assert "\n" not in str(error.value)


VALUES = ["'text'", "[1, 'a']", "{a = 1}", "1979-05-27", "nan", "-inf", "-1", "1e308", LONG, HEX,
          "true", "[[[[[[1]]]]]]", '"\\u0000"']  # fmt: skip
KEYS = ["steps", "batch_size", "crop_size", "seed", "validation.samples", "scheduler.warmup",
        "spec.backbone.widths", "optimizer.lr", "sampling_weights.noise", "degradations",
        "degradations.noise", "degradations.noise.sigma", "loss.l1", "augmentation.tone", "data",
        "data.photographs", "init.model", "stage", "task", "extends", "precision"]  # fmt: skip
VALID = {
    ("seed", HEX): False, ("optimizer.lr", "1e308"): True, ("loss.l1", "1e308"): True,
}  # fmt: skip
"""What a recipe may say, beside what it may not."""


@pytest.mark.parametrize("key", KEYS)
def test_wrong_types_and_numbers(tmp_path, key):
    for value in VALUES:
        text = GOOD.replace("{noise = 1}\n", f"{{noise = 1}}\n{key} = {value}\n", 1)
        if key == "sampling_weights.noise":
            text = f"sampling_weights = {{noise = {value}}}\n{SPEC}"
        if key.startswith("spec.backbone."):
            text = GOOD.replace("widths = [8]", f"widths = {value}")
        if not VALID.get((key, value)):
            _refused(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        f"steps = {10**12}",
        f"batch_size = {10**12}",
        f"crop_size = {2**60}",
        f"crop_size = {10**9}",
        "batch_size = 65536\ncrop_size = 4096",
        f"validation.samples = {10**9}",
        f"max_side = {2**60}",
        f"seed = {2**64}",
        "data = 3",
        "data.photographs = [['a', ['b']]]",
        "data.photographs = 'no\\u0000thing'",
        f"data.photographs = '{'n' * 10_000}'",
        f"data.{'n' * 10_000} = 'folder'",
        f"vgg = '{'n' * 10_000}'\nloss = {{perceptual = 1}}",
        f"init.model = '{'n' * 10_000}'",
    ],
    ids=lambda text: text[:40],
)
def test_too_much(tmp_path, text):
    if text.startswith(("vgg", "init")):  # read when the training starts
        import osr

        (tmp_path / "recipe.toml").write_text(f"{text}\n{GOOD}")
        with pytest.raises(OSRError):
            osr.train(tmp_path / "recipe.toml", tmp_path / "run", device="cpu")
    else:
        _refused(tmp_path, f"{text}\n{GOOD}")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 50_000 + "]" * 50_000,
        "a = " + "{b = " * 2000 + "1" + "}" * 2000,
        ".".join("a" * 100_000) + " = 1",
        "".join(f"{'.'.join('a' * 40)} = 1\n" for _ in range(2)),
        "[" + ".".join("a" * 30) + "]",
        "#" * 10**7,
        "a = 1\x00",
        'a = "\ud800"',
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_texts_beyond_the_bounds(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(OptionError, match="not TOML|larger than"):
        load_stages(path)


def test_an_integer_of_5000_digits(tmp_path):
    (tmp_path / "recipe.toml").write_text(f"seed = {LONG}")
    with pytest.raises(OptionError, match="not TOML: an integer of too many digits$"):
        load_stages(tmp_path / "recipe.toml")


@pytest.mark.parametrize("base", ["no\\u0000thing", "/dev/zero", "fifo", "folder", "loop", "recipe",
                                  "n" * 5000])  # fmt: skip
def test_extends_what_is_no_recipe(tmp_path, base):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "recipe").symlink_to(tmp_path / "recipe.toml")
    _refused(tmp_path, f'extends = "{base}"\n{GOOD}')


def test_long_chains_of_files(tmp_path):
    (tmp_path / "0.toml").write_text(GOOD)
    for number in range(1, 30):
        (tmp_path / f"{number}.toml").write_text(f'extends = "{number - 1}.toml"')
    assert load_stages(tmp_path / "10.toml")
    with pytest.raises(OptionError, match="in a row at most"):
        load_stages(tmp_path / "29.toml")


@pytest.mark.parametrize("path", ["/dev/zero", "fifo", "no\0thing", "n" * 5000, "folder", "."])
def test_paths_of_recipes(tmp_path, path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OptionError):
        load_stages(tmp_path / path)
    with pytest.raises(OptionError):
        load_stages(path)


@pytest.mark.parametrize(
    "pair", ["a." * 100_000 + "a=1", "a=" + "[" * 9000, f"steps={LONG}", "=", "a" * 10**6]
)
def test_pairs(pair):
    with pytest.raises(OptionError) as error:
        assign({}, [pair])
    assert len(str(error.value)) <= 1000
