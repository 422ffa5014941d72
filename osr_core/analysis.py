"""What follows from a spec alone: parameters, cost, receptive field, total stride.

:class:`Tracer` runs the network of :mod:`osr_core.networks` on shapes instead of pixels.

>>> from osr_core.spec import ModelSpec, Residual
>>> baseline = analyse(ModelSpec(Residual()))
>>> baseline.parameter_count, round(baseline.macs_per_pixel), baseline.receptive_field
(738819, 738576, 61)
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from osr_core import blockiness
from osr_core.limits import check_size
from osr_core.networks import network
from osr_core.operations import Init
from osr_core.spec import IMAGE_CHANNELS, External, ModelSpec

_EXTERNAL_VALUES = Fraction(120)  # per pixel, a guess: those of osr-general


@dataclass(frozen=True)
class Parameter:
    """One tensor of a network."""

    name: str
    """Canonical (torch's) name, for instance ``backbone.head.weight``."""
    shape: tuple[int, ...]
    """Convolutions: ``(out, in, k, k)``; transposed ones: ``(in, out, k, k)``."""
    init: Init
    fan_in: int
    """Inputs that are summed for one output."""
    trainable: bool = True
    """False in a frozen backbone, and in frozen experts."""

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Analysis:
    """Properties of a network that do not depend on its weights."""

    parameters: tuple[Parameter, ...]
    """Every tensor once, in the order of first use: the order of checkpoints."""
    macs_per_pixel: float
    """Multiply-accumulates of all convolutions per pixel, without the context branch."""
    peak_values: float
    """Values of all feature maps per pixel of the image that are needed at one time, at most, if
    each layer writes a new one."""
    halo: int
    """Pixels to each side that can influence an output pixel: the overlap that tiles need."""
    receptive_field: int
    """Side, in pixels, of the square that can influence an output pixel: the largest there is."""
    total_stride: int
    """Height and width of the network's input must be multiples of this."""
    minimum: int
    """Smallest height and width of the network's input, a multiple of the total stride."""
    global_statistics: bool
    """Whether every output pixel depends on the whole image, so that tiles change the result."""
    context_channels: int
    """Channels of the context of the whole image that the network also takes, which each tile
    needs: 3 of its thumbnail, 6 with patches of it, 0 if it takes none."""

    @property
    def parameter_count(self) -> int:
        """Number of values in all tensors."""
        return sum(parameter.size for parameter in self.parameters)


@lru_cache(maxsize=64)
def analyse(spec: ModelSpec) -> Analysis:
    """The properties of a spec's network, without weights.

    Raises:
        SpecError: if it exceeds the bounds of :mod:`osr_core.limits`.
    """
    tracer = Tracer()
    result = network(tracer, spec, Traced(IMAGE_CHANNELS))
    parameters = tracer.parameters.values()
    size = sum(parameter.size for parameter in parameters)
    check_size(size, float(tracer.macs), float(tracer.values_per_pixel))
    return Analysis(
        parameters=tuple(replace(p, trainable=spec.learns(p.name)) for p in parameters),
        macs_per_pixel=float(tracer.macs),
        peak_values=float(tracer.peak_values),
        halo=math.ceil(max(result.before, result.after)),
        receptive_field=math.ceil(result.before + result.after) + 1,
        total_stride=tracer.total_stride,
        minimum=-(-tracer.minimum // tracer.total_stride) * tracer.total_stride,
        global_statistics=tracer.global_statistics,
        context_channels=tracer.context_channels,
    )


@dataclass(frozen=True)
class Traced:
    """A feature map without values.

    Element *e* of a row covers image pixels ``[e·step, (e + 1)·step)`` and depends on no pixel
    further than ``before`` to the left of that or ``after`` to the right.
    """

    channels: int
    step: Fraction = Fraction(1)
    before: Fraction = Fraction(0)
    after: Fraction = Fraction(0)
    is_thumbnail: bool = False
    """Made of the context, so that it does not depend on single pixels of a tile."""


@dataclass
class Tracer:
    """Operations on shapes; see :class:`osr_core.operations.Ops`."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    macs: Fraction = Fraction(0)
    values_per_pixel: Fraction = Fraction(0)
    """Of the input and output of the widest convolution."""
    total_stride: int = 1
    minimum: int = 1
    global_statistics: bool = False
    context_channels: int = 0
    peak_values: Fraction = Fraction(0)
    _values: Fraction = Fraction(0)

    def conv(
        self,
        name: str,
        x: Traced,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        bias: bool = True,
        init: Init = "he",
    ) -> Traced:
        fan_in = x.channels * kernel**2
        self._declare(f"{name}.weight", (out_channels, x.channels, kernel, kernel), init, fan_in)
        if bias:
            self._declare(f"{name}.bias", (out_channels,), "zeros", fan_in)
        if x.is_thumbnail:
            return replace(x, channels=out_channels)
        step = x.step * stride
        self.total_stride = max(self.total_stride, int(step))
        self.macs += Fraction(fan_in * out_channels) / step**2
        values = x.channels / x.step**2 + out_channels / step**2
        self.values_per_pixel = max(self.values_per_pixel, values)
        margin = kernel // 2 * x.step  # to both sides; less to the right of a stride
        after = max(x.after + margin - (stride - 1) * x.step, Fraction(0))
        return self._held(Traced(out_channels, step, x.before + margin, after))

    def deconv(self, name: str, x: Traced) -> Traced:
        shape = (x.channels, x.channels, 3, 3)
        fan_in = x.channels * 9 // 4
        self._declare(f"{name}.weight", shape, "lecun", fan_in)
        self._declare(f"{name}.bias", (x.channels,), "zeros", fan_in)
        self.macs += Fraction(x.channels**2 * 9) / x.step**2
        # Even rows depend on one element, odd rows on two (3×3, stride 2, padding 1).
        return self._held(Traced(x.channels, x.step / 2, x.before + x.step / 2, x.after + x.step))

    def coefficients(self, name: str, shape: tuple[int, ...]) -> Any:
        self._declare(name, shape, "ones", 1)
        return np.broadcast_to(np.float32(1), shape)

    def add(self, x: Traced, y: Traced) -> Traced:
        return self._held(self._joined(x, y, max(x.channels, y.channels)))

    sub = mul = add

    def same(self, x: Traced, *_: Any, **__: Any) -> Traced:
        return x

    scale = affine = relu = leaky = sigmoid = same

    def wave(self, amplitude: Traced, phase: Traced) -> tuple[Traced, Traced]:
        return self.add(amplitude, phase), self.add(amplitude, phase)

    def concat(self, x: Traced, y: Traced) -> Traced:
        return self._held(self._joined(x, y, x.channels + y.channels))

    def split(self, x: Traced) -> tuple[Traced, Traced]:
        half = replace(x, channels=x.channels // 2)
        return half, half

    def unshuffle(self, x: Traced, side: int) -> Traced:
        step = x.step * side
        self.total_stride = max(self.total_stride, int(step))
        return self._held(replace(x, channels=x.channels * side**2, step=step))

    def shuffle(self, x: Traced, side: int) -> Traced:
        step = x.step / side
        rest = x.step - step  # the corner pixels of a block depend on its far side
        return self._held(Traced(x.channels // side**2, step, x.before + rest, x.after + rest))

    def subpixel(self, name: str, x: Traced, out_channels: int, factor: int) -> Traced:
        return self.shuffle(self.conv(name, x, out_channels * factor**2, 1, init="lecun"), factor)

    def upsample(self, x: Traced, factor: int) -> Traced:
        margin = x.step * 3 / 2  # half an element to the next centre, and all of that element
        return self._held(
            replace(x, step=x.step / factor, before=x.before + margin, after=x.after + margin)
        )

    def gated(self, gate: Traced, x: Callable[[], Traced], otherwise: Traced) -> Traced:
        return x()

    def mean(self, x: Traced) -> Traced:
        self.global_statistics |= not x.is_thumbnail
        return x

    def thumbnail(self, x: Traced) -> Traced:
        self.context_channels = max(self.context_channels, IMAGE_CHANNELS)
        return Traced(x.channels, is_thumbnail=True)

    def patches(self, x: Traced) -> Traced:
        self.context_channels = 2 * IMAGE_CHANNELS
        return Traced(x.channels, is_thumbnail=True)

    mean_of_patches = same

    def haze_amount(self, thumbnail: Traced) -> Traced:
        return replace(thumbnail, channels=1)

    def level(self, x: Traced, cell: int) -> Traced:
        step = x.step * cell
        self.total_stride = max(self.total_stride, int(step))
        return self._held(Traced(1, step, x.before, x.after))

    def blockiness(self, patches: Traced) -> Traced:
        return replace(patches, channels=blockiness.CHANNELS)

    def external(self, spec: External, x: Traced) -> Traced:
        self.total_stride = max(self.total_stride, spec.total_stride)
        self.minimum = spec.minimum
        self.peak_values = max(self.peak_values, _EXTERNAL_VALUES)
        self.global_statistics |= spec.halo is None  # unknown: the whole image
        halo = spec.halo or 0
        return replace(x, before=x.before + halo, after=x.after + halo)

    def note(self, name: str, value: Traced) -> None:
        pass

    def _declare(self, name: str, shape: tuple[int, ...], init: Init, fan_in: int) -> None:
        self.parameters[name] = Parameter(name, shape, init, fan_in)

    @staticmethod
    def _joined(x: Traced, y: Traced, channels: int) -> Traced:
        return Traced(
            channels=channels,
            step=y.step if x.is_thumbnail else x.step,
            before=max(x.before, y.before),
            after=max(x.after, y.after),
            is_thumbnail=x.is_thumbnail and y.is_thumbnail,
        )

    def _held(self, x: Traced) -> Traced:
        """Count a new feature map for as long as the network holds it: while the object lives."""
        if not x.is_thumbnail:
            size = x.channels / x.step**2
            self._values += size
            self.peak_values = max(self.peak_values, self._values)
            weakref.finalize(x, self._release, size)
        return x

    def _release(self, size: Fraction) -> None:
        self._values -= size
