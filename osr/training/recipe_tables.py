"""The tables of a recipe: scheduler, validation, augmentation, initial weights."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields
from typing import Literal

from osr_core.settings import require


@dataclass(frozen=True)
class Scheduler:
    """How the learning rate changes with the steps."""

    kind: Literal["constant", "step", "cosine"] = "cosine"
    """``step``: times ``gamma`` after each ``step_size`` steps; ``cosine``: annealed to 0."""
    warmup: int = 0
    """Steps of linear warm-up before it, in any kind."""
    step_size: int = 0
    """Only for ``step``."""
    gamma: float = 0.5
    """Only for ``step``."""

    def __post_init__(self) -> None:
        require(self.warmup >= 0, "recipe.scheduler.warmup", "0 or more", self.warmup)
        sized = self.kind != "step" or self.step_size > 0
        require(sized, "recipe.scheduler.step_size", "a positive number", self.step_size)
        require(0 < self.gamma <= 1, "recipe.scheduler.gamma", "above 0, up to 1", self.gamma)

    def factor(self, step: int, steps: int) -> float:
        """Factor on the peak learning rate at a step of a run, counted from 0."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.kind == "constant":
            return 1.0
        if self.kind == "step":
            return self.gamma ** float((step - self.warmup) // self.step_size)
        progress = (step - self.warmup) / max(1, steps - self.warmup)
        return (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Validation:
    """PSNR on fixed samples, from time to time."""

    every: int = 500
    """Steps between two validations; each writes a picture, and the best weights so far."""
    samples: int = 16
    """Crops; 0: no validation."""
    val_fraction: float = 0.0
    """Fraction of the files of each data set that is kept out of training for validation, at least
    one of each. 0: validation uses training files, with other crops and degradations."""

    def __post_init__(self) -> None:
        require(self.every > 0, "recipe.validation.every", "a positive number", self.every)
        require(self.samples >= 0, "recipe.validation.samples", "0 or more", self.samples)
        fraction = self.val_fraction
        require(0 <= fraction < 1, "recipe.validation.val_fraction", "0 or more, below 1", fraction)


@dataclass(frozen=True)
class Augmentation:
    """Probability of each change to a clean photograph before it is degraded;
    :mod:`osr.training.augmentation`. Under haze only stripes, texture, lines and text are added."""

    tone: float = 0.0
    """Other exposure, gamma and white balance."""
    zoom: float = 0.0
    """The centre enlarged, with fine grain."""
    flat_patches: float = 0.0
    """Parts covered by even surfaces."""
    striped_patches: float = 0.0
    """Parts covered by striped surfaces."""
    texture: float = 0.0
    """Parts with fine random texture."""
    lines: float = 0.0
    """Thin lines: wires, fences, masonry, grass."""
    text: float = 0.0
    """Rows of letters."""
    sky: float = 0.0
    """A pale sky at the top."""
    contrast: float = 0.0
    """Reduced contrast."""

    def __post_init__(self) -> None:
        for part, value in zip(fields(self), astuple(self), strict=True):
            require(0 <= value <= 1, f"recipe.augmentation.{part.name}", "0 to 1", value)


PREVIOUS = "previous"
"""As a model to start from: the result of the stage before."""


@dataclass(frozen=True)
class Init:
    """Files that the initial weights come from, each a registered model or weight file. At most one
    of the three; without any, all weights are drawn from the seed."""

    model: str = ""
    """All weights, of the same spec: training continues from there. ``previous``: those of the
    stage before, where later stages start unless they say otherwise."""
    backbone: str = ""
    """The backbone's weights: of a plain model, or a reprogrammed one with the same backbone."""
    experts: tuple[str, ...] = ()
    """For a mixture of experts (:class:`osr_core.spec.Experts`): a plain model for each expert, in
    order."""

    def __post_init__(self) -> None:
        several = sum(map(bool, astuple(self))) > 1
        require(not several, "recipe.init", "one of model, backbone, experts", self)

    @property
    def files(self) -> tuple[str, ...]:
        """What is named, whichever it is."""
        return tuple(filter(None, (self.model, self.backbone, *self.experts)))
