"""Recipes: what is wrong is named, files lie over each other, schedules have the right values."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import TOML, make_recipe

from osr import settings
from osr.training.recipe import Recipe, Scheduler
from osr.training.recipe_files import load_stages
from osr.training.sampling import Samples
from osr_core.errors import OptionError, SpecError
from osr_core.spec import ModelSpec, UNet

RECIPES = Path(__file__).parent.parent / "recipes"


def test_there_and_back(tmp_path):
    recipe = make_recipe(tmp_path, degradations={"noise": {"sigma": (0.0, 10.0)}})
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "recipe.colour: unknown key"),
        ("stepz = 1", "recipe.stepz: unknown key; did you mean steps?"),
        ("steps = 0", "recipe.steps: expected 1 to 1000000000"),
        ("steps = 1.5", "recipe.steps: expected a whole number"),
        ("precision = 'float8'", "precision: expected one of float32"),
        ("ema_decay = 1", "recipe.ema_decay: expected 0 or more, below 1"),
        ("optimizer.kind = 'adan'", "recipe.optimizer.kind: did you mean adam?"),
        ("optimizer.weight_deca = 1", "weight_deca: unknown key; did you mean weight_decay?"),
        ("scheduler.kind = 'step'", "recipe.scheduler.step_size: expected a positive number"),
        ("loss.l3 = 1", "loss.l3: "),
        ("sampling_weights.noise = -1", "recipe.sampling_weights.noise: expected 0 to 1e+06"),
        ("sampling_weights.noise = 'a'", "recipe.sampling_weights.noise: expected a number"),
        ("data = 3", "recipe.data: expected a table"),
        ("augmentation.tone = 40", "recipe.augmentation.tone: expected 0 to 1"),
        ("init = {model = 'a', backbone = 'b'}", "recipe.init: expected backbone alone"),
        ("degradations.noise = 3", "recipe.degradations.noise: expected a table"),
        ("degradations.noise.sigma = [1]", "recipe.degradations.noise.sigma: expected 2 values"),
        ("degradations.noise.sigma = ['a', 'b']", "degradations.noise.sigma[0]: expected a number"),
        ("spec.backbone.kind = 'vnet'", "backbone.kind: expected one of"),
        ("spec.backbone.width = 3", "backbone.width: unknown key; did you mean widths"),
        ("spec.frozen = true", "recipe.init.backbone: expected the weights"),
        ("init.file = 'x'", "recipe.init.file: unknown key"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(TOML)
    with pytest.raises(OptionError, match=r"recipe\.toml: ") as error:
        load_stages(path, assign=[text.replace(" = ", "=", 1)])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path):
    path = tmp_path / "recipe.toml"
    with pytest.raises(OptionError, match=r"recipe\.toml: cannot be read"):
        load_stages(path)
    path.write_text("steps = ")
    with pytest.raises(OptionError, match=r"recipe\.toml: not TOML"):
        load_stages(path)
    path.write_text("extends = 'recipe.toml'")
    with pytest.raises(OptionError, match="extends itself"):
        load_stages(path)
    path.write_text("steps = 3\n[sampling_weights]\nclean = 1")
    with pytest.raises(OptionError, match=r"recipe\.spec: missing"):
        load_stages(path)
    with pytest.raises(SpecError):
        Recipe.from_dict({"spec": {}, "sampling_weights": {"noise": 1}})


def test_files_lie_over_each_other(tmp_path):
    (tmp_path / "base.toml").write_text(TOML)
    (tmp_path / "task.toml").write_text(
        "extends = 'base.toml'\nsteps = 7\n[sampling_weights]\nrain = 1\n"
    )
    (tmp_path / "over.toml").write_text("[optimizer]\nkind = 'adam'\n")
    (recipe,) = load_stages(
        tmp_path / "task.toml",
        tmp_path / "over.toml",
        assign=["scheduler.warmup=4", "sampling_weights.noise=2"],
        data={"photographs": ["a", "b"]},
    )
    assert recipe.steps == 7
    assert recipe.sampling_weights == {"rain": 1, "noise": 2}, "replaced, then put in"
    assert (recipe.optimizer.kind, recipe.optimizer.lr) == ("adam", 2e-3), "others are merged"
    assert recipe.scheduler.warmup == 4
    assert recipe.data == {"photographs": ["a", "b"]}


def test_pairs_that_make_no_sense():
    for pair in ("steps", "=3"):
        with pytest.raises(OptionError, match="expected key=value"):
            settings.assign({}, [pair])
    with pytest.raises(OptionError, match="steps is not a table"):
        settings.assign({"steps": 3}, ["steps.more=1"])


def test_schedules():
    cosine = Scheduler("cosine", warmup=10)
    assert cosine.factor(0, 100) == pytest.approx(0.1)
    assert cosine.factor(9, 100) == cosine.factor(10, 100) == 1.0
    assert cosine.factor(55, 100) == pytest.approx(0.5)
    assert cosine.factor(100, 100) == pytest.approx(0.0)
    halving = Scheduler("step", step_size=10)
    assert [halving.factor(step, 100) for step in (0, 9, 10, 25)] == [1.0, 1.0, 0.5, 0.25]
    constant = Scheduler("constant", warmup=2)
    assert [constant.factor(step, 100) for step in (0, 1, 2, 99)] == [0.5, 1.0, 1.0, 1.0]


def test_what_makes_another_run(tmp_path):
    recipe = make_recipe(tmp_path)
    assert recipe.differences(replace(recipe, data={}, max_checkpoints=5)) == []
    assert recipe.differences(replace(recipe, seed=3, steps=9)) == ["steps", "seed"]
    assert recipe.differences(replace(recipe, spec=ModelSpec(UNet()))) == ["spec"]


MODELS = ("general", "small", "small-plain", *(
    f"specialists/{name}"
    for name in (
        "denoise", "denoise-free", "denoise-reprogrammed", "derain", "dehaze", "dehaze-depth",
        "deblur", "jpeg", "lowlight", "sr",
    )
))  # fmt: skip
WIDER = ("specialists/denoise", "specialists/jpeg")
SINGLE = ("dehaze", "derain", "denoise", "deblur", "sr")
TASKS = (*SINGLE, *(f"dehaze-{task}" for task in SINGLE[1:]))


@pytest.mark.parametrize("name", MODELS)
def test_recipes_of_models(name):
    stages = load_stages(name)
    assert [stage.init.model for stage in stages[1:]] == ["previous"] * (len(stages) - 1)
    specs = {stage.spec for stage in stages}
    assert len(specs) == 1 + (name in WIDER)  # in the last stage
    spec = stages[0].spec
    mixture = name.startswith("general")
    assert spec.frozen == (mixture or name == "specialists/denoise-reprogrammed")
    if mixture:
        assert len(stages[0].init.experts) == len(spec.backbone.experts)
    elif getattr(spec.backbone, "context", ()):
        with pytest.raises(OptionError, match="context"):  # transforms would hide it
            load_stages(name, "osr")


@pytest.mark.parametrize("task", TASKS)
def test_recipes_of_the_papers_experiments(task):
    for name in ("paper", "paper-small"):
        (plain,) = load_stages(name, task=task)
        assert not plain.spec.reprogrammed
        assert load_stages(name, "osr", task=task)[0].spec.reprogrammed
        (frozen,) = load_stages(name, "frozen", task=task, assign=["init.backbone=x"])
        assert frozen.spec.frozen
        assert frozen.spec.backbone_channels == 3
    assert Samples.of(plain).batch(0)[0].shape == (8, 3, 48, 48)


def test_every_recipe_is_tested():
    names = {
        path.relative_to(RECIPES).with_suffix("").as_posix() for path in RECIPES.rglob("*.toml")
    }
    other = {"paper", "paper-small", "osr", "frozen", "matrix", "specialists/base"}
    assert names == {*MODELS, *other}


def test_tasks(tmp_path):
    with pytest.raises(OptionError, match="paper: task missing: choose one of dehaze, derain"):
        load_stages("paper")
    with pytest.raises(OptionError, match="task rain: choose one of"):
        load_stages("paper", task="rain")
    with pytest.raises(OptionError, match="small: task rain: the recipe has no tasks"):
        load_stages("small", task="rain")


STAGES = """
[[stage]]
steps = 2
[[stage]]
steps = 3
sampling_weights = {rain = 1}
optimizer.lr = 1e-4
[[stage]]
init.model = "osr-sr"
"""


def test_stages_override_the_recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(TOML + STAGES)
    stages = load_stages(path, data={"photographs": ["a"]})
    assert [stage.steps for stage in stages] == [2, 3, 6]
    assert [stage.init.model for stage in stages] == ["", "previous", "osr-sr"]
    assert [dict(stage.sampling_weights) for stage in stages] == [
        {"noise": 1},
        {"rain": 1},
        {"noise": 1},
    ]
    assert [stage.optimizer.lr for stage in stages] == [2e-3, 1e-4, 2e-3]
    assert all(stage.data == {"photographs": ["a"]} for stage in stages)
    stages = load_stages(path, assign=["steps=1", "init.model=osr-denoise"])
    assert [stage.steps for stage in stages] == [1, 1, 1]
    assert [stage.init.model for stage in stages] == ["osr-denoise", "previous", "osr-denoise"]
    for wrong in ("stage = 3", "stage = []", "stage = [1]", "task = 3"):
        path.write_text(f"{wrong}\n{TOML}")
        with pytest.raises(OptionError, match=r"recipe\.(stage|task): expected"):
            load_stages(path)
    with pytest.raises(
        OptionError, match="recipe smal: no such file or recipe; did you mean small"
    ):
        load_stages("smal")
