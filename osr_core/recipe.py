"""What a training run is, apart from its data folders: a frozen, validated dataclass."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from osr_core.backend import PRECISIONS
from osr_core.errors import OptionError, SpecError
from osr_core.spec import ModelSpec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a training run, given its photographs.

    Two runs of one recipe see the same batches in either backend. The defaults are a short run.
    """

    spec: ModelSpec
    shares: Mapping[str, float] = field(default_factory=dict)
    """Relative frequency of each kind of sample: ``clean``, ``pairs`` (photographs that come with
    a damaged twin), ``mixture``, and the kinds of :mod:`osr_core.degradations`."""
    steps: int = 1000
    """Optimiser steps."""
    batch: int = 16
    """Crops per step."""
    crop: int = 64
    """Side of a crop in pixels, a multiple of the network's size multiple."""
    learning_rate: float = 2e-3
    """Peak of the schedule."""
    warmup: int = 200
    """Steps of linear warm-up; a half cosine down to zero follows."""
    weight_decay: float = 1e-4
    """Decoupled, as in AdamW (Loshchilov and Hutter, ICLR 2019)."""
    clip: float = 1.0
    """Largest norm of the gradient of all weights together."""
    ema: float = 0.999
    """Decay of the moving average of the weights, which is what is published; 0 turns it off."""
    precision: str = "float32"
    """Type in which convolutions are computed."""
    seed: int = 0
    """Seed of the initial weights and of every sample."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "crop", "learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise OptionError(f"recipe.{name}: expected a positive number")
        if not 0 <= self.ema < 1:
            raise OptionError(f"recipe.ema: expected 0 up to 1, got {self.ema}")
        if self.precision not in PRECISIONS:
            raise OptionError(f"recipe.precision: expected one of {', '.join(PRECISIONS)}")
        if not self.shares or min(self.shares.values()) < 0 or sum(self.shares.values()) <= 0:
            raise OptionError("recipe.shares: expected kinds of samples with positive shares")

    def rate(self, step: int) -> float:
        """Learning rate of a step counted from 0: linear warm-up, then half a cosine."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (1 + math.cos(math.pi * progress)) / 2

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "spec": self.spec.to_dict(), "shares": dict(self.shares)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """The inverse of :meth:`to_dict`; raises :class:`OptionError` or ``SpecError``."""
        try:
            return cls(**{**data, "spec": ModelSpec.from_dict(data["spec"])})
        except (KeyError, TypeError) as error:
            raise OptionError(f"recipe: missing or unknown key: {error}") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recipe:
        """The recipe of a TOML file; errors name the file."""
        try:
            return cls.from_dict(tomllib.loads(Path(path).read_text("utf-8")))
        except (OptionError, SpecError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OptionError(f"{path}: {error}") from None
        except OSError as error:
            raise OptionError(f"{path}: cannot be read: {error.strerror}") from None
