"""What follows from a spec alone: parameters, cost, receptive field, size multiple.

Nothing is computed but shapes: :class:`Tracer` runs the network of :mod:`osr_core.networks` on
pictures that have no pixels.

>>> from osr_core.spec import ModelSpec, Residual
>>> baseline = analyse(ModelSpec(Residual()))
>>> baseline.parameter_count, round(baseline.macs_per_pixel), baseline.receptive_field
(738819, 738576, 61)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from osr_core.networks import network
from osr_core.operations import Init
from osr_core.spec import IMAGE_CHANNELS, ModelSpec
from osr_core.wave import CarriedOver


@dataclass(frozen=True)
class Parameter:
    """One tensor of a network."""

    name: str
    """Canonical (torch's) name, for instance ``backbone.head.weight``."""
    shape: tuple[int, ...]
    """Convolutions: ``(out, in, k, k)``; transposed ones: ``(in, out, k, k)``."""
    init: Init
    """Initialiser."""
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
    """What is known of a network before any weight is."""

    parameters: tuple[Parameter, ...]
    """Every tensor once, in the order of first use: the order of checkpoints."""
    macs_per_pixel: float
    """Multiply-accumulates of all convolutions, per pixel of the image."""
    reach: int
    """Pixels to either side that can influence an output pixel: the overlap that tiles need."""
    receptive_field: int
    """Side, in pixels, of the square that can influence an output pixel (an upper bound where
    strides make it differ from pixel to pixel)."""
    size_multiple: int
    """Height and width must be multiples of this at the network's door."""
    global_statistics: bool
    """Whether every output pixel depends on the whole picture: then tiles change the result."""
    sees_scene: bool
    """Whether it looks at a thumbnail of the whole picture, too, which tiles need beside them; not
    counted in what it costs per pixel, or sees."""

    @property
    def parameter_count(self) -> int:
        """Number of values in all tensors."""
        return sum(parameter.size for parameter in self.parameters)


@lru_cache(maxsize=64)
def analyse(spec: ModelSpec) -> Analysis:
    """Everything that follows from the spec, without weights."""
    tracer = Tracer()
    result = network(tracer, spec, Traced(IMAGE_CHANNELS))
    parameters = (replace(p, trainable=spec.learns(p.name)) for p in tracer.parameters.values())
    return Analysis(
        parameters=tuple(parameters),
        macs_per_pixel=float(tracer.macs),
        reach=math.ceil(max(result.before, result.after)),
        receptive_field=math.ceil(result.before + result.after) + 1,
        size_multiple=tracer.coarsest,
        global_statistics=tracer.global_statistics,
        sees_scene=tracer.sees_scene,
    )


@dataclass(frozen=True)
class Traced:
    """A picture without pixels.

    An element *e* of its grid covers image pixels ``[e·step, (e + 1)·step)`` and depends on no
    pixel further than ``before`` to the left of that or ``after`` to the right.
    """

    channels: int
    step: Fraction = Fraction(1)
    before: Fraction = Fraction(0)
    after: Fraction = Fraction(0)
    is_thumbnail: bool = False
    """Of the whole picture: it has nothing to do with single pixels of the image."""


@dataclass
class Tracer:
    """Operations on pictures without pixels; see :class:`osr_core.operations.Ops`."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    macs: Fraction = Fraction(0)
    coarsest: int = 1
    global_statistics: bool = False
    sees_scene: bool = False

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
        """Kernel *k* reaches ``k // 2`` elements to both sides; the last of a stride less far."""
        fan_in = x.channels * kernel**2
        self._declare(f"{name}.weight", (out_channels, x.channels, kernel, kernel), init, fan_in)
        if bias:
            self._declare(f"{name}.bias", (out_channels,), "zeros", fan_in)
        if x.is_thumbnail:
            return replace(x, channels=out_channels)
        step = x.step * stride
        self.coarsest = max(self.coarsest, int(step))
        self.macs += Fraction(fan_in * out_channels) / step**2
        reach = kernel // 2 * x.step
        after = max(x.after + reach - (stride - 1) * x.step, Fraction(0))
        return Traced(out_channels, step, x.before + reach, after)

    def deconv(self, name: str, x: Traced) -> Traced:
        """Even rows see one element, odd rows two (3×3, stride 2, padding 1, to twice the size)."""
        shape = (x.channels, x.channels, 3, 3)
        fan_in = x.channels * 9 // 4
        self._declare(f"{name}.weight", shape, "lecun", fan_in)
        self._declare(f"{name}.bias", (x.channels,), "zeros", fan_in)
        self.macs += Fraction(x.channels**2 * 9) / x.step**2
        return Traced(x.channels, x.step / 2, x.before + x.step / 2, x.after + x.step)

    def coefficients(self, name: str, shape: tuple[int, ...]) -> Any:
        """Declares the parameter; its values do not matter here."""
        self._declare(name, shape, "ones", 1)
        return np.broadcast_to(np.float32(1), shape)

    def scale(self, x: Traced, coefficients: Any) -> Traced:
        """Changes no shape."""
        return x

    def affine(self, x: Traced, scale: float, shift: float) -> Traced:
        """Changes no shape."""
        return x

    def add(self, x: Traced, y: Traced) -> Traced:
        """Sees what either sees."""
        before, after = max(x.before, y.before), max(x.after, y.after)
        return Traced(x.channels, x.step, before, after, x.is_thumbnail and y.is_thumbnail)

    def mix(self, x: Traced, y: Traced, gate: Traced) -> Traced:
        """Sees what any of the three sees; a pooled gate is accounted for where it is pooled."""
        return self.add(self.add(x, y), gate)

    def relu(self, x: Traced) -> Traced:
        """Changes no shape."""
        return x

    def leaky(self, x: Traced, leak: float = 0.0) -> Traced:
        """Changes no shape."""
        return x

    def sigmoid(self, x: Traced) -> Traced:
        """Changes no shape."""
        return x

    def wave(self, amplitude: Traced, phase: Traced) -> tuple[Traced, Traced]:
        """Both parts see what amplitude or phase sees."""
        both = self.add(amplitude, phase)
        return both, both

    def carry(
        self, keep: CarriedOver, wave: tuple[Traced, Traced], original: tuple[Traced, Traced]
    ) -> tuple[Traced, Traced]:
        """Each part sees what any of the four sees."""
        seen = self.add(self.add(*wave), self.add(*original))
        return seen, seen

    def modulus(self, real: Traced, imaginary: Traced) -> Traced:
        """Sees what either part sees."""
        return self.add(real, imaginary)

    def pi_tanh(self, x: Traced) -> Traced:
        """Changes no shape."""
        return x

    def concat(self, x: Traced, y: Traced) -> Traced:
        """Adds up channels."""
        return replace(self.add(x, y), channels=x.channels + y.channels)

    def split(self, x: Traced) -> tuple[Traced, Traced]:
        """Halves the channels."""
        half = replace(x, channels=x.channels // 2)
        return half, half

    def unshuffle(self, x: Traced, side: int) -> Traced:
        """An element now covers a block, which is just what it depends on."""
        step = x.step * side
        self.coarsest = max(self.coarsest, int(step))
        return replace(x, channels=x.channels * side**2, step=step)

    def shuffle(self, x: Traced, side: int) -> Traced:
        """The corner pixels of a block see its far side."""
        step = x.step / side
        inside = x.step - step
        return Traced(x.channels // side**2, step, x.before + inside, x.after + inside)

    def mean(self, x: Traced) -> Traced:
        """Sees everything, but for that of a thumbnail."""
        self.global_statistics |= not x.is_thumbnail
        return x

    def thumbnail(self, x: Traced) -> Traced:
        """No part of the picture, but all of it."""
        self.sees_scene = True
        return Traced(x.channels, is_thumbnail=True)

    def veil(self, seen: Traced) -> Traced:
        """One number of a thumbnail."""
        return replace(seen, channels=1)

    def _declare(self, name: str, shape: tuple[int, ...], init: Init, fan_in: int) -> None:
        self.parameters[name] = Parameter(name, shape, init, fan_in)
