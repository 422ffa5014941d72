"""What a model computes inside: amplitude, phase, both parts of the wave, and the gates.

The values come from one run of the NumPy forward pass (:mod:`osr_core.reference`), so that they
are the same for every backend and need none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.extras import require_extra
from osr.images import Picture, centre, read, to_float, to_rgb8, write
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.checks import Image, check_image, check_range
from osr_core.errors import ImageError, ModelError
from osr_core.networks import network
from osr_core.reference import NumpyOps
from osr_core.registry import default_model
from osr_core.spec import InputTransform, RoutedExperts
from osr_core.transforms import input_transform
from osr_core.wave import wrap

Planes = NDArray[np.float32]

DEFAULT_SIZE = 384
"""Side in pixels of the centre crop that is inspected; the default model takes 3 s."""

PICTURES: Mapping[str, tuple[str, str]] = {
    "image": ("Image", "the input of the model"),
    "amplitude": ("Amplitude", "|a|, the content; white is strong"),
    "phase": ("Phase", "θ, the degradation, as hue; dark where the amplitude is weak"),
    "real": ("Real part", "a cos θ; blue below 0, red above"),
    "imaginary": ("Imaginary part", "a sin θ; blue below 0, red above"),
    "gate": ("Gates", "mean of all gates: dark keeps the image, yellow takes the restoration"),
}
"""Title and meaning of the pictures of :func:`osr.inspection.drawing.pictures`. A mixture has one
picture of each expert instead of the last: see :func:`captions`."""

_EXPERT = re.compile(r"expert-(\d+)(?:-(.+))?")


@dataclass(frozen=True, eq=False)
class Inspection:
    """The wave that enters a reprogrammed model, or the gating network of a mixture of experts.

    C is the number of waves, D the width at which wave and image are mixed, or the number of
    experts.
    """

    image: Image
    """Input, (H, W, 3) RGB in [0, 1]."""
    result: Image
    """Output, (H, W, 3) RGB, not clipped."""
    amplitude: Planes
    """*a*, (C, H, W), of any sign."""
    phase: Planes
    """*θ*, (C, H, W) in radians, wrapped to [-π, π)."""
    real: Planes
    """a cos θ, (C, H, W)."""
    imaginary: Planes
    """a sin θ, (C, H, W)."""
    gate: Planes
    """Share of the restored wave in the result, (D, H, W): 0 is the image itself, 1 the wave. Of
    experts: the weight of each one's correction, which may exceed 1."""
    experts: tuple[str, ...] = ()
    """``expert-1-NAME`` … for the D experts of a mixture; empty for a reprogrammed model."""


def captions(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Title and meaning of each picture, in the order in which they are shown.

    >>> captions(["expert-3-osr-derain", "real"])["expert-3-osr-derain"]
    ('Expert 3: osr-derain', 'weight of its correction: dark is 0, yellow 1')
    """
    given = set(names)
    found = {name: text for name, text in PICTURES.items() if name in given}
    experts = {name: match for name in given if (match := _EXPERT.fullmatch(name))}
    for name, match in sorted(experts.items(), key=lambda item: int(item[1][1])):
        title = f"Expert {match[1]}: {match[2]}" if match[2] else f"Expert {match[1]}"
        found[name] = title, "weight of its correction: dark is 0, yellow 1"
    return found


def inspect(
    image: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    size: int = DEFAULT_SIZE,
    max_pixels: int | None = None,
) -> Inspection:
    """Run a model on the centre of an image file and record its wave and its gates.

    Args:
        image: a file.
        model: registered name or ``.safetensors`` file; by default the default model.
        output: file of a contact sheet, or a folder, which gets one PNG per quantity.
        size: side of the centre crop, 16 to 2048 pixels.
        max_pixels: see :func:`osr.images.read`.

    Raises:
        ImageError: if a file cannot be read or written.
        ModelError: if there is no such model, or it has neither transforms nor a gating network.
        OptionError: if the size is out of range.
        PackageError: if the extra ``evaluation`` is not installed, which the output needs.
    """
    if output is not None:
        require_extra("evaluation", "inspection")
    name = default_model() if model is None else os.fspath(model)
    checkpoint = Checkpoint.load(name)
    pixels = to_float(to_rgb8(read(Path(image), max_pixels).pixels))
    try:
        inspection = inspect_image(pixels, checkpoint, size)
    except ModelError as error:
        raise ModelError(f"model {name}: {error}") from None
    if output is not None:
        from osr.inspection.drawing import draw, save_pictures

        if Path(output).suffix:
            write(Path(output), Picture(draw(inspection, f"{Path(image).name}, {name}")))
        else:
            save_pictures(inspection, output)
    return inspection


def inspect_image(image: Image, checkpoint: Checkpoint, size: int = DEFAULT_SIZE) -> Inspection:
    """:func:`inspect` for an image (H, W, 3) float32 in [0, 1] and a loaded checkpoint."""
    check_range("size", size, 16, 2048)
    spec = checkpoint.spec
    if not spec.makes_waves:
        raise ModelError(
            "a plain model has no wave to inspect; choose a reprogrammed one, see 'osr info MODEL'"
        )
    if not np.isfinite(check_image(image)).all():
        raise ImageError("image: holds numbers that are not finite")
    picture = centre(image, size, size).clip(0, 1)
    height, width = picture.shape[:2]
    multiple = analyse(spec).total_stride
    rim = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    planes = np.moveaxis(np.pad(picture, rim, mode="reflect"), 2, 0)[None]
    ops = _Recorder(checkpoint.state)
    result = network(ops, spec, planes)
    if isinstance(spec.backbone, RoutedExperts):  # whose router reads waves of patches alone
        input_transform(ops, InputTransform(spec.backbone.waves), planes, "wave.")

    def cut(values: NDArray[Any]) -> Planes:  # (1, C, H', W'), or a pooled (1, C, 1, 1)
        whole = np.broadcast_to(values[0], (values.shape[1], *planes.shape[2:]))
        return np.ascontiguousarray(whole[:, :height, :width], np.float32)

    wave = "input_transform." if spec.reprogrammed else "wave."
    parts = {part: ops.noted[wave + part] for part in ("amplitude", "phase", "real", "imaginary")}
    parts["phase"] = wrap(parts["phase"])
    experts = _experts(checkpoint)
    if spec.reprogrammed:
        gate = ops.noted["output_transform.gate"]
    else:
        gate = np.concatenate([ops.weight(index) for index in range(len(experts))], axis=1)
    cuts = {name: cut(values) for name, values in parts.items()}
    output = np.moveaxis(cut(result), 0, 2)
    return Inspection(picture, output, **cuts, gate=cut(gate), experts=experts)


def _experts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Names of the experts' pictures, with those of the models that the experts were taken from."""
    spec = checkpoint.spec
    if spec.reprogrammed:
        return ()
    count, init = len(spec.experts), checkpoint.provenance.get("init")
    if not isinstance(init, list) or len(init) != count:
        init = [None] * count
    names = (each.get("name") if isinstance(each, dict) else None for each in init)
    # A file may hold anything as a name, and it becomes part of the name of a picture.
    words = (re.sub(r"\W+", "-", name)[:80] if isinstance(name, str) else "" for name in names)
    return tuple(f"expert-{n}-{w}" if w else f"expert-{n}" for n, w in enumerate(words, 1))


class _Recorder(NumpyOps):
    """Keeps the quantities that the network notes."""

    def __init__(self, state: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        super().__init__(state)
        self.noted: dict[str, NDArray[Any]] = {}

    def note(self, name: str, value: NDArray[Any]) -> None:
        """By name."""
        self.noted[name] = value

    def weight(self, index: int) -> NDArray[Any]:
        """Of an expert's correction: its gate, and its route where a router decides as well."""
        return self.noted[f"gates.{index}"] * self.noted.get(f"routes.{index}", 1.0)
