"""What a training run is: frozen, validated dataclasses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from typing import Any, Literal

from osr_core.analysis import analyse
from osr_core.errors import OptionError
from osr_core.settings import build, require
from osr_core.spec import SPEC_VERSION, External, ModelSpec
from osr_core.training.options import Optimizer, TrainerOptions
from weights.external import with_file

_RESUMABLE = frozenset(
    ("data", "vgg", "checkpoint_every", "max_checkpoints", "log_every", "max_skipped_steps",
     "accumulation_steps")
)  # fmt: skip
"""Keys that may change when a run is resumed."""

# Bounds, so that a slip of the finger does not ask for terabytes.
STEPS = 10**9
MAX_PIXELS = 2**27  # of the crops of a batch: 3 GB, degraded and clean
MAX_WEIGHT = 1e6


def _check_limits(where: str, part: Any, **limits: tuple[int, int]) -> None:
    for name, (low, high) in limits.items():
        value = getattr(part, name)
        require(low <= value <= high, f"{where}.{name}", f"{low} to {high}", value)


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
        _check_limits("recipe.scheduler", self, warmup=(0, STEPS), step_size=(0, STEPS))
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
        _check_limits("recipe.validation", self, every=(1, STEPS), samples=(0, 2**16))
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
    monochrome: float = 0.0
    """Grey, half of them with reduced contrast."""
    blank: float = 0.0
    """An even surface in place of the image."""

    def __post_init__(self) -> None:
        for part, value in zip(fields(self), astuple(self), strict=True):
            require(0 <= value <= 1, f"recipe.augmentation.{part.name}", "0 to 1", value)


PREVIOUS = "previous"
"""As a model to start from: the result of the stage before."""


@dataclass(frozen=True)
class Init:
    """Files that the initial weights come from, each a registered model or weight file.

    ``backbone`` stands alone. Without any file, all weights are drawn from the seed.
    """

    model: str = ""
    """All weights, of the same spec: training continues from there. Of a U-Net with fewer channels:
    the wider one starts as the same function. ``previous``: those of the stage before, where later
    stages start unless they say otherwise."""
    backbone: str = ""
    """The backbone's weights: of a plain model, or a reprogrammed one with the same backbone."""
    experts: tuple[str, ...] = ()
    """For a mixture of experts (:class:`osr_core.spec.Experts`): a plain model for each expert, in
    order. With ``model``, the gating network is that of the model."""

    def __post_init__(self) -> None:
        several = bool(self.backbone and (self.model or self.experts))
        require(not several, "recipe.init", "backbone alone, or model and experts", self)

    @property
    def files(self) -> tuple[str, ...]:
        """What is named, without ``previous``."""
        names = (self.model, self.backbone, *self.experts)
        return tuple(name for name in names if name not in ("", PREVIOUS))


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a training run.

    Two runs of one recipe see the same batches in either backend. The defaults are a short run.

    >>> recipe = Recipe.from_dict(
    ...     {"sampling_weights": {"noise": 1}, "spec": {"backbone": {"kind": "unet"}}})
    >>> recipe.batch_size, recipe.optimizer.kind
    (16, 'adamw')
    """

    spec: ModelSpec
    """The network; :mod:`osr_core.spec`."""
    sampling_weights: Mapping[str, float]
    """Relative frequency of each kind of sample: ``clean``, ``mixture``, names and chains of
    :data:`osr.degradations.DEGRADATIONS` such as ``noise`` and ``grey+noise+jpeg``, and the names
    of the paired data sets in ``data``."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Data set (``osr data list``) → its folder, or a list of folders."""
    degradations: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    """Degradation → parameter → [low, high], where not the default range."""
    loss: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    """Loss (:data:`osr_core.training.losses.LOSSES`) → its weight in the sum."""
    routing: bool = False
    """Whether the router and the gates of frozen ``routed_experts`` learn which expert each image
    and each cell needs (:mod:`osr_core.training.routing`), in place of ``loss``."""
    routing_replay: int = 0
    """Recent samples that a step of ``routing`` repeats for each new one. A resumed run starts
    with none to repeat."""
    routing_heads: bool = False
    """Whether ``routing`` trains only the last layers of the router, and the gates. The layers
    before them are frozen, and their output is computed once per sample, so that it costs little
    to repeat it."""
    vgg: str = ""
    """File of VGG16's weights (torchvision's ``vgg16*.pth``, or converted), for ``perceptual``."""
    optimizer: Optimizer = field(default_factory=Optimizer)
    scheduler: Scheduler = field(default_factory=Scheduler)
    validation: Validation = field(default_factory=Validation)
    augmentation: Augmentation = field(default_factory=Augmentation)
    init: Init = field(default_factory=Init)
    steps: int = 1000
    """Optimizer steps."""
    batch_size: int = 16
    """Crops per step, on all devices together."""
    accumulation_steps: int = 1
    """Parts into which a device splits its batch, to need less memory; the result is the same."""
    crop_size: int = 64
    """Side of a crop in pixels, a multiple of the network's total stride."""
    max_side: int = 1024
    """Larger photographs are downscaled to this: full-size ones are soft at the scale of a pixel.
    0: no downscaling."""
    clip_grad_norm: float = 1.0
    """Largest norm of the gradient of all weights together; 0: no clipping."""
    ema_decay: float = 0.999
    """Decay per step of the EMA of the weights, which is what is published; 0: no EMA."""
    precision: str = "float32"
    """Type in which convolutions are computed; float16 scales the loss."""
    seed: int = 0
    """Seed of the initial weights and of every sample."""
    checkpoint_every: int = 500
    """Steps between two states on disk."""
    max_checkpoints: int = 2
    """States kept."""
    log_every: int = 50
    """Steps between two lines of ``metrics.jsonl``."""
    max_skipped_steps: int = 20
    """Consecutive steps with a loss or gradient that is not finite, after which the run ends."""

    def __post_init__(self) -> None:
        _check_limits(
            "recipe", self,
            steps=(1, STEPS), batch_size=(1, 2**16), accumulation_steps=(1, 2**16),
            crop_size=(1, 4096), max_side=(0, 2**17), seed=(0, 2**63 - 1),
            checkpoint_every=(1, STEPS), log_every=(1, STEPS), max_checkpoints=(1, 10_000),
            max_skipped_steps=(1, STEPS),
        )  # fmt: skip
        for name, count in (("batch_size", self.batch_size),
                            ("validation.samples", self.validation.samples)):  # fmt: skip
            fits = count * self.crop_size**2 <= MAX_PIXELS
            require(fits, f"recipe.{name}", f"at most {MAX_PIXELS} pixels in all crops", count)
        require(0 <= self.ema_decay < 1, "recipe.ema_decay", "0 or more, below 1", self.ema_decay)
        _ = self.trainer_options  # checks its own part
        for name, weight in self.sampling_weights.items():
            fits = 0 <= weight <= MAX_WEIGHT
            require(fits, f"recipe.sampling_weights.{name}", f"0 to {MAX_WEIGHT:g}", weight)
        weights = dict(self.sampling_weights)
        require(any(weights.values()), "recipe.sampling_weights", "a weight above 0", weights)
        multiple = analyse(self.spec).total_stride
        fits = self.crop_size % multiple == 0
        require(fits, "recipe.crop_size", f"a multiple of {multiple}", self.crop_size)
        least = analyse(self.spec).minimum
        require(self.crop_size >= least, "recipe.crop_size", f"at least {least}", self.crop_size)
        given = isinstance(self.spec.backbone, External) or self.init != Init()
        require(not self.spec.frozen or given, "recipe.init.backbone",
                "the weights of the frozen backbone", "none")  # fmt: skip

    def lr(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.optimizer.lr * self.scheduler.factor(step, self.steps)

    @property
    def trainer_options(self) -> TrainerOptions:
        """What the trainer is given."""
        return TrainerOptions(
            self.loss,
            self.routing,
            self.routing_replay,
            self.routing_heads,
            self.optimizer,
            self.clip_grad_norm,
            self.accumulation_steps,
            self.precision,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        ranges = {kind: {name: list(bounds) for name, bounds in table.items()}
                  for kind, table in self.degradations.items()}  # fmt: skip
        return {**asdict(self), "spec": self.spec.to_dict(), "degradations": ranges}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """The inverse of :meth:`to_dict`; raises :class:`OptionError` or ``SpecError``."""
        if "spec" not in data:
            raise OptionError("recipe.spec: missing; it says which network is trained")
        spec = data["spec"]
        if isinstance(spec, Mapping):
            spec = with_file({"version": SPEC_VERSION, **spec})
        return build(cls, {**data, "spec": ModelSpec.from_dict(spec)}, "recipe")

    def differences(self, other: Recipe) -> list[str]:
        """Keys that make the other a different run: not where its data is, nor how it saves."""
        names = [part.name for part in fields(self) if part.name not in _RESUMABLE]
        return [name for name in names if getattr(self, name) != getattr(other, name)]
