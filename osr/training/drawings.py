"""Thin lines and text drawn on clean crops, which are easily mistaken for rain.

Images are (H, W, 3) float32 in [0, 1]. What a function adds is content: it is in the degraded image
and in the target. Rain is many short grey streaks of one direction that brighten what is behind
them. These lines are long or bent, cross each other, have any direction, colour and brightness, and
hide what is behind them.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from osr.degradations.depth import smooth_field
from osr.training.surfaces import colour, cover, log_uniform
from osr_core.checks import Image

# Ranges of what is drawn, in pixels; all log-uniformly.
SPACING = (4.0, 40.0)  # between parallel lines
BLADE = (5.0, 60.0)  # length of a blade of grass
LETTER = (0.3, 1.2)  # factor of the 21 pixels of a capital letter in OpenCV's fonts

_SCALE = 2  # lines are drawn larger and shrunk, for widths of fractions of a pixel
_SHIFT = 4  # fractional bits of coordinates
_FONTS = 8  # of OpenCV, numbered from 0

Lines = list[NDArray[np.float64]]
"""Points (N, 2) of each line: column and row in pixels."""


def draw_lines(image: Image, rng: np.random.Generator) -> Image:
    """Thin lines on all or parts of the image, like wires, fences, masonry and grass."""
    kind = LINES[rng.integers(len(LINES))]
    drawn = image
    for _ in range(int(rng.integers(1, 4))):  # each of another colour and width
        width = int(rng.integers(1, 3 * _SCALE))
        mask = _stroked(kind(image.shape[:2], rng), image.shape[:2], width)
        drawn = drawn + mask[..., None] * (_paint(image.shape, rng) - drawn)
    return cover(image, drawn, rng) if rng.random() < 0.5 else drawn


def draw_text(image: Image, rng: np.random.Generator) -> Image:
    """Rows of random letters, on the image itself or on paper that covers parts of it."""
    import cv2

    height, width = (_SCALE * side for side in image.shape[:2])
    mask = np.zeros((height, width), np.uint8)
    font, scale = int(rng.integers(_FONTS)), _SCALE * float(log_uniform(LETTER, rng)[0])
    thick, leading = int(rng.integers(1, 2 * _SCALE + 1)), rng.uniform(1.2, 2.5) * 21 * scale
    for row in np.arange(rng.uniform(0, leading), height + leading, leading):
        start = int(rng.integers(-30, width // 2)), int(row)
        words = _words(rng, int(width / (10 * scale)))
        cv2.putText(mask, words, start, font, scale, 255, thick, cv2.LINE_AA)
    letters = _shrunk(mask)[..., None]
    paper = _paint(image.shape, rng) if rng.random() < 0.5 else image
    page = paper + letters * (_paint(image.shape, rng) - paper)
    return cover(image, page, rng) if rng.random() < 0.5 else page.clip(0.0, 1.0)


def _words(rng: np.random.Generator, count: int) -> str:
    return "".join(rng.choice(list(string.ascii_letters + string.digits + " " * 10), count))


def _paint(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """One colour in soft light."""
    light = 1 + np.float32(rng.uniform(0.0, 0.5)) * smooth_field(shape, 4, rng)
    return np.clip(light[..., None] * (rng.uniform() * colour(rng)), 0.0, 1.0, dtype=np.float32)


def _stroked(lines: Lines, shape: tuple[int, ...], width: int) -> NDArray[np.float32]:
    """How much of each pixel lines cover, 0 to 1, for a width in pixels divided by the scale."""
    import cv2

    mask = np.zeros([_SCALE * side for side in shape], np.uint8)
    scaled = [np.rint(line * (_SCALE << _SHIFT)).astype(np.int32) for line in lines]
    cv2.polylines(mask, scaled, False, 255, width, cv2.LINE_AA, _SHIFT)
    return _shrunk(mask)


def _shrunk(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    size = mask.shape[1] // _SCALE, mask.shape[0] // _SCALE
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(255)


def _wires(shape: tuple[int, ...], rng: np.random.Generator) -> Lines:
    """A few long lines that sag, some of them dashed like a chain."""
    count, reach = int(rng.integers(1, 13)), float(sum(shape))
    along = np.linspace(-reach, reach, 60)
    sag = rng.uniform(-0.2, 0.2, (count, 1)) * along**2 / reach
    angles = rng.uniform(0.0, np.pi) + rng.uniform(0.0, 0.5) * rng.standard_normal(count)
    lines = _placed(np.broadcast_to(along, sag.shape), sag, angles, shape, rng)
    if rng.random() < 0.7:
        return list(lines)
    return [line[start : start + 2] for line in lines for start in range(0, 60, 2)]


def _mesh(shape: tuple[int, ...], rng: np.random.Generator) -> Lines:
    """Parallel lines, or two crossing sets of them."""
    angle, reach = rng.uniform(0.0, np.pi), float(sum(shape))
    angles = [angle, angle + rng.uniform(0.3, 0.7) * np.pi][: int(rng.integers(1, 3))]
    lines: Lines = []
    for each in angles:
        direction, normal = np.array([np.cos(each), np.sin(each)]), [-np.sin(each), np.cos(each)]
        for offset in np.arange(-reach, reach, log_uniform(SPACING, rng)[0]):
            centre = np.array(shape[::-1]) / 2 + offset * np.array(normal)
            lines.append(np.stack((centre - reach * direction, centre + reach * direction)))
    return lines


def _masonry(shape: tuple[int, ...], rng: np.random.Generator) -> Lines:
    """The joints of bricks, in rows or in columns, somewhat crooked."""
    height, width = shape
    rise = 2 * float(log_uniform(SPACING, rng)[0])
    length = rise * rng.uniform(1.5, 4.0)
    lines: Lines = []
    for index, top in enumerate(np.arange(-rise, height, rise)):
        columns = np.arange(-length, width + length, length)
        lines.append(np.stack((columns, np.full_like(columns, top)), 1))
        for column in columns + (index % 2) * length / 2:
            lines.append(np.array([[column, top], [column, top + rise]]))
    if rng.random() < 0.5:
        lines = [line[:, ::-1] for line in lines]
    return [line + rng.normal(0.0, 0.03 * rise, line.shape) for line in lines]


def _blades(shape: tuple[int, ...], rng: np.random.Generator) -> Lines:
    """Many short bent lines of directions around one, or of any."""
    mean = float(log_uniform(BLADE, rng)[0])
    count = int(rng.uniform(0.05, 0.5) * shape[0] * shape[1] / mean) + 1
    length = mean * rng.uniform(0.4, 1.6, (count, 1))
    along = np.linspace(-0.5, 0.5, 4)
    bend = length * rng.uniform(-0.8, 0.8, (count, 1)) * along**2
    angles = rng.uniform(0.0, np.pi) + rng.uniform(0.2, 1.5) * rng.standard_normal(count)
    return list(_placed(length * along, bend, angles, shape, rng))


def _placed(
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    angles: NDArray[np.float64],
    shape: tuple[int, ...],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Lines (M, N, 2), each turned around the origin and moved to a random place in the image."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    turned = np.stack((along * cos - across * sin, along * sin + across * cos), 2)
    return np.asarray(turned + rng.uniform((0, 0), shape[::-1], (len(angles), 1, 2)))


LINES: tuple[Callable[[tuple[int, ...], np.random.Generator], Lines], ...] = (
    _wires, _mesh, _masonry, _blades,
)  # fmt: skip
"""What lines may depict."""
