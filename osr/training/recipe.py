"""What a training run is: a frozen, validated dataclass, read from TOML."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from osr_core import settings
from osr_core.analysis import analyse
from osr_core.backend import PRECISIONS
from osr_core.errors import OptionError, SpecError
from osr_core.spec import SPEC_VERSION, ModelSpec
from osr_core.training.losses import check_losses


@dataclass(frozen=True)
class Optimizer:
    """How weights follow their gradients."""

    kind: Literal["adam", "adamw", "muon"] = "adamw"
    """Adam (Kingma and Ba, ICLR 2015), AdamW (Loshchilov and Hutter, ICLR 2019), or Muon for
    kernels with AdamW for the rest (:mod:`osr_core.training.muon`)."""
    rate: float = 2e-3
    """Learning rate at the peak of the schedule."""
    weight_decay: float = 0.0
    """``adamw``, ``muon``: decoupled; ``adam``: the weights, times this, join the gradient."""

    def __post_init__(self) -> None:
        _require(self.rate > 0, "optimizer.rate", "a positive number", self.rate)
        _require(self.weight_decay >= 0, "optimizer.weight_decay", "0 or more", self.weight_decay)


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes with the steps."""

    kind: Literal["constant", "step", "cosine"] = "cosine"
    """``step``: times ``factor`` after each ``every`` steps; ``cosine``: half a cosine to zero."""
    warmup: int = 0
    """Steps of linear warm-up before it, in any kind."""
    every: int = 0
    """Only for ``step``."""
    factor: float = 0.5
    """Only for ``step``."""

    def __post_init__(self) -> None:
        _require(self.warmup >= 0, "schedule.warmup", "0 or more", self.warmup)
        stepped = self.kind == "step"
        _require(self.every > 0 or not stepped, "schedule.every", "a positive number", self.every)
        _require(0 < self.factor <= 1, "schedule.factor", "more than 0 up to 1", self.factor)

    def share(self, step: int, steps: int) -> float:
        """Share of the peak rate at a step of a run, counted from 0."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.kind == "constant":
            return 1.0
        if self.kind == "step":
            return self.factor ** float((step - self.warmup) // self.every)
        progress = (step - self.warmup) / max(1, steps - self.warmup)
        return (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Evaluation:
    """The look at where a run stands: PSNR on samples that never change."""

    every: int = 500
    """Steps between two; also the rhythm of pictures and of the best weights."""
    samples: int = 16
    """Crops; 0 turns it off."""
    held_out: float = 0.0
    """Share of the files of each set that are kept from training for this, at least one a set;
    0: the samples are made of training files, with other crops and degradation."""

    def __post_init__(self) -> None:
        _require(self.every > 0, "evaluation.every", "a positive number", self.every)
        _require(self.samples >= 0, "evaluation.samples", "0 or more", self.samples)
        _require(0 <= self.held_out < 1, "evaluation.held_out", "0 up to 1", self.held_out)


@dataclass(frozen=True)
class Start:
    """Where the backbone's weights come from."""

    weights: str = ""
    """A registered model or weight file: plain, or reprogrammed with the same backbone. Empty:
    drawn from the seed."""
    experts: tuple[str, ...] = ()
    """For a backbone of :class:`osr_core.spec.Experts`: a plain one for each expert, in order."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a training run.

    Two runs of one recipe see the same batches in either backend. The defaults are a short run.

    >>> recipe = Recipe.from_dict({"shares": {"noise": 1}, "spec": {"backbone": {"kind": "unet"}}})
    >>> recipe.batch, recipe.optimizer.kind
    (16, 'adamw')
    """

    spec: ModelSpec
    shares: Mapping[str, float]
    """Relative frequency of each kind of sample: ``clean``, ``mixture``, the kinds of
    :mod:`osr.degradations`, and the names of the paired sets in ``data``."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Data set (``osr data list``) → its folder, or a list of folders."""
    degradations: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    """Kind → parameter → (least, most), where not the default."""
    loss: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    """Loss (:data:`osr_core.training.losses.LOSSES`) → its weight in the sum."""
    vgg: str = ""
    """File of VGG16's weights (torchvision's ``vgg16*.pth``, or converted), for ``perceptual``."""
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    evaluation: Evaluation = field(default_factory=Evaluation)
    weights: str = ""
    """A registered model or weight file of the same spec from which all weights start, to train it
    further; empty: drawn from the seed."""
    backbone: Start = field(default_factory=Start)
    steps: int = 1000
    """Optimiser steps."""
    batch: int = 16
    """Crops per step, on all devices together."""
    accumulate: int = 1
    """Parts into which a device divides its batch, to need less memory; the step is the same."""
    crop: int = 64
    """Side of a crop in pixels, a multiple of the network's size multiple."""
    largest_side: int = 1024
    """Larger photographs are scaled down to this: full-size ones are soft at the scale of a
    pixel. 0: all as they are."""
    tones: float = 0.0
    """Share of the photographs that get another exposure, tone curve and white balance before they
    are degraded, haze excepted; :func:`osr.training.augmentation.retone`."""
    close_ups: float = 0.0
    """Share of the photographs of which a part is enlarged before they are degraded, haze excepted;
    :func:`osr.training.augmentation.close_up`."""
    walls: float = 0.0
    """Share of the photographs parts of which are covered by even surfaces before they are degraded,
    haze excepted; :func:`osr.training.augmentation.wall`."""
    stripes: float = 0.0
    """The same, by striped surfaces; :func:`osr.training.augmentation.stripes`."""
    fades: float = 0.0
    """Share of the photographs that lose contrast before they are degraded, haze excepted;
    :func:`osr.training.augmentation.fade`."""
    clip: float = 1.0
    """Largest norm of the gradient of all weights together; 0: not clipped."""
    ema: float = 0.999
    """Decay per step of the moving average of the weights, which is what is published; 0: off."""
    precision: str = "float32"
    """Type in which convolutions are computed; float16 scales the loss."""
    seed: int = 0
    """Seed of the initial weights and of every sample."""
    save_every: int = 500
    """Steps between two states on disk."""
    keep: int = 2
    """States kept."""
    log_every: int = 50
    """Steps between two lines of ``metrics.jsonl``."""
    max_skipped: int = 20
    """Steps in a row whose loss or gradient is not finite, after which the run ends."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "crop", "save_every", "keep", "log_every",
                     "max_skipped"):  # fmt: skip
            _require(getattr(self, name) > 0, name, "a positive number", getattr(self, name))
        for name in ("largest_side", "clip", "seed"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(0 <= self.ema < 1, "ema", "0 up to 1", self.ema)
        known = ", ".join(PRECISIONS)
        _require(self.precision in PRECISIONS, "precision", f"one of {known}", self.precision)
        check_losses(self.loss)
        shares = [v for v in self.shares.values() if isinstance(v, (int, float)) and v >= 0]
        _require(len(shares) == len(self.shares), "shares", "numbers, 0 or more", self.shares)
        _require(sum(shares) > 0, "shares", "a share over 0", self.shares)
        multiple = analyse(self.spec).size_multiple
        _require(self.crop % multiple == 0, "crop", f"a multiple of {multiple}", self.crop)
        for name, value in asdict(self.backbone).items():
            one = not (value and self.weights)
            _require(one, f"backbone.{name}", "none beside recipe.weights", value)
        start = self.backbone
        frozen = self.spec.frozen and not (start.weights or start.experts or self.weights)
        _require(not frozen, "backbone.weights", "the weights of the frozen backbone", "none")

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.optimizer.rate * self.schedule.share(step, self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        ranges = {kind: {n: list(r) for n, r in part.items()}
                  for kind, part in self.degradations.items()}  # fmt: skip
        plain = asdict(replace(self, degradations={}))
        return {**plain, "spec": self.spec.to_dict(), "degradations": ranges}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """The inverse of :meth:`to_dict`; raises :class:`OptionError` or ``SpecError``."""
        table = dict(data)
        if "spec" not in table:
            raise OptionError("recipe.spec: missing; it says which network is trained")
        spec = table["spec"]
        if isinstance(spec, Mapping):
            spec = {"version": SPEC_VERSION, **spec}
        table["spec"] = ModelSpec.from_dict(spec)
        table["degradations"] = _ranges(table.get("degradations", {}))
        return settings.build(cls, table)

    @classmethod
    def load(
        cls,
        *paths: str | os.PathLike[str],
        assign: Iterable[str] = (),
        data: Mapping[str, list[str]] | None = None,
    ) -> Recipe:
        """The recipe of TOML files, later ones over earlier.

        Args:
            paths: of the files.
            assign: ``key=value`` pairs laid over them.
            data: folders of data sets, in place of those that the files name.

        Raises:
            OptionError: naming the files and the key that is wrong.
        """
        table = settings.assign(settings.load(paths), assign)
        if data:
            table["data"] = {**table.get("data", {}), **data}
        try:
            return cls.from_dict(table)
        except (OptionError, SpecError) as error:
            raise OptionError(f"{', '.join(map(str, paths))}: {error}") from None

    def differences(self, other: Recipe) -> list[str]:
        """Keys that make the other a different run: not where its data lie, nor how it saves."""
        ours, theirs = self.to_dict(), other.to_dict()
        return [key for key in ours if key not in _HARMLESS and ours[key] != theirs[key]]


def _ranges(table: Any) -> dict[str, dict[str, tuple[float, float]]]:
    """Lists of two numbers as pairs; which kinds and parameters there are, samples know."""
    result: dict[str, dict[str, tuple[float, float]]] = {}
    for kind, part in table.items() if isinstance(table, Mapping) else (("", table),):
        where = f"degradations.{kind}" if kind else "degradations"
        _require(isinstance(part, Mapping), where, "a table of parameters", part)
        for name, pair in part.items():
            two = isinstance(pair, (list, tuple)) and len(pair) == 2
            _require(two, f"{where}.{name}", "[least, most]", pair)
            result.setdefault(kind, {})[name] = (float(pair[0]), float(pair[1]))
    return result


_HARMLESS = ("data", "vgg", "save_every", "keep", "log_every", "max_skipped", "accumulate")


def _require(condition: bool, name: str, expected: str, got: object) -> None:
    if not condition:
        raise OptionError(f"recipe.{name}: expected {expected}, got {got!r}")
