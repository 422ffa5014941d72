"""What the page asks for, as files: a photograph degraded, restored, and the waves inside.

All of it is the work of :mod:`osr.pipeline`, :mod:`osr.degradations` and :mod:`osr.inspection`;
pictures that a browser can show are added.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from osr.degradations import DEGRADATIONS, Chain
from osr.degradations.files import degrade_files
from osr.evaluation.metrics import psnr
from osr.images import MAX_PIXELS, READABLE, Picture, read, to_float, to_rgb8, write
from osr.inspection import inspect_image
from osr.pipeline import restore_files
from osr.stages import Result
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ImageError, ModelError, OptionError, OSRError
from osr_core.registry import registry

SHOWN_PIXELS = 4_000_000
"""Width times height above which a picture is shown smaller; downloads have their full size."""

SHOWN_SIDE = 16_000
"""Longest side of a picture that is shown."""

MAX_STEPS = 8
"""Degradations in one chain."""


@dataclass(frozen=True)
class Settings:
    """Of a server, for all its pages."""

    models: tuple[str, ...]
    """Names and files that a page may choose from."""
    backend: str | None = None
    device: str = "auto"
    precision: str = "float32"
    max_pixels: int | None = None
    """See :func:`osr.images.read`."""

    def check(self, model: str) -> None:
        """Raise :class:`ModelError` if a page asks for a model that it was not offered."""
        if model not in self.models:
            raise ModelError(f"model {model}: is not one of {', '.join(self.models)}")

    @property
    def most_pixels(self) -> int:
        """Of files made here, which may be small for their pixels."""
        return self.max_pixels or MAX_PIXELS


@dataclass(frozen=True)
class Restored:
    """A restored photograph."""

    files: dict[str, Path]
    """``before``, ``after`` and, of a degraded one, ``original``: to be shown. ``restored`` and
    ``degraded``: to be downloaded."""
    facts: dict[str, Any]
    """For the page, as JSON: size, depth, seconds, note, PSNR of the input and of the result."""


def options(settings: Settings) -> dict[str, Any]:
    """What the page offers, as JSON."""
    known = registry()
    models = [
        {
            "value": name,
            "title": name if name in known else Path(name).name,
            "summary": f"{known[name].summary}. Licence: {known[name].licence}."
            if name in known else f"A model of {name}",
        }
        for name in settings.models
    ]  # fmt: skip
    return {"models": models, "kinds": list(DEGRADATIONS), "accept": ",".join(sorted(READABLE))}


def upload_name(name: str) -> str:
    """Name of the file for a photograph that a page sends; of its own name only the suffix counts.

    >>> upload_name("../../IMG_1.TIFF"), upload_name("notes.txt")
    ('photo.tiff', 'photo')
    """
    suffix = os.path.splitext(name)[1].lower()
    return f"photo{suffix if suffix in READABLE else ''}"


def restore(
    source: Path,
    folder: Path,
    model: str,
    degradation: str,
    settings: Settings,
    progress: Callable[[float], object],
) -> Restored:
    """Restore a photograph, degraded before if the page asks for it.

    Args:
        source: the photograph.
        folder: for the results; empty.
        model: one of the settings' models.
        degradation: a chain such as ``noise:25+jpeg:40``; empty or ``none``: the photograph itself.
        settings: of the server.
        progress: called with the share of the restoration that is done; may raise an
            :class:`OSRError`, which ends it.

    Raises:
        OSRError: one line for the page, without the folders of the server.
    """
    settings.check(model)
    chain = Chain.parse(degradation.strip() or "none")
    if len(chain.steps) > MAX_STEPS:
        raise OptionError(f"degradation: has {len(chain.steps)} steps, more than {MAX_STEPS}")
    before, original, limit = source, None, settings.max_pixels
    if chain.steps:
        limit = settings.most_pixels
        results = degrade_files(source, folder, chain, pairs=True, max_pixels=settings.max_pixels)
        before, original = _output(results, source), folder / "gt" / "photo.png"
    results = restore_files(
        before, folder / "restored", model=model, backend=settings.backend, device=settings.device,
        precision=settings.precision, max_pixels=limit,
        progress=lambda done, total, name: progress(done / total),
    )  # fmt: skip
    files = {"restored": _output(results, before)}
    facts: dict[str, Any] = {"seconds": results[0].seconds, "note": results[0].note}
    shown = {"before": before, "after": files["restored"]}
    if original is not None:
        files["degraded"], shown["original"] = before, original
        facts["degradation"] = str(chain)
    pictures = {name: read(path, settings.most_pixels) for name, path in shown.items()}
    if original is not None:
        truth = to_rgb8(pictures["original"].pixels)
        scores = (psnr(to_rgb8(pictures[name].pixels), truth) for name in ("before", "after"))
        facts["psnr"] = [score if math.isfinite(score) else None for score in scores]
    pixels = pictures["after"].pixels
    facts |= {"height": pixels.shape[0], "width": pixels.shape[1], "bits": 8 * pixels.itemsize}
    facts["suffix"] = files["restored"].suffix
    for name, picture in pictures.items():
        files[name] = folder / f"{name}.jpg"
        facts["scale"] = _show(picture, files[name])
    return Restored(files, facts)


def inspect(source: Path, folder: Path, model: str, settings: Settings) -> dict[str, Path]:
    """The pictures of an inspection by their names (:func:`osr.inspection.captions`)."""
    from osr.inspection.drawing import save_pictures

    settings.check(model)
    pixels = to_float(to_rgb8(read(source, settings.most_pixels).pixels))
    try:
        return save_pictures(inspect_image(pixels, Checkpoint.load(model)), folder / "inside")
    except ModelError as error:
        raise ModelError(f"model {model}: {error}") from None


def public(error: OSRError, folder: Path) -> str:
    """An error's line with the names of files in a folder of the server, not their paths."""
    separator = re.escape(os.sep)
    return re.sub(rf"{re.escape(str(folder))}{separator}(?:\w+{separator})*", "", str(error))


def _output(results: list[Result], source: Path) -> Path:
    """The file of the only result."""
    (result,) = results
    if result.output is None:
        raise ImageError(result.error or f"{source}: {result.skipped}")
    return Path(result.output)


def _show(picture: Picture, target: Path) -> float:
    """Write a picture for the browser; returns the scale at which it is shown, at most 1."""
    pixels = to_rgb8(picture.pixels)
    height, width = pixels.shape[:2]
    scale = min(1.0, math.sqrt(SHOWN_PIXELS / (height * width)), SHOWN_SIDE / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    write(target, replace(picture, pixels=pixels, exif=None, xmp=None), quality=95)
    return scale
