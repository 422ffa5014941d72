"""A contact sheet: labelled pictures side by side, with colour keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from osr.inspection.colour_maps import Colours, cyclic

_GAP, _MARGIN, _TEXT, _HEADING = 14, 26, 16, 22
_LEAST = 220  # width of a tile that has room for its label
_KEY = 190  # width of the column of keys, labels included
_INK, _FRAME, _PAPER = (34, 34, 34), (204, 204, 204), (255, 255, 255)
_ANCHORS = {(0.5, 0.0): "mb", (1.0, 0.5): "lm", (0.5, 1.0): "mt", (0.0, 0.5): "rm"}


@dataclass(frozen=True)
class Key:
    """The meaning of the colours of a row."""

    picture: Colours
    """A bar or a wheel, (h, w, 3)."""
    labels: Sequence[tuple[float, float, str]]
    """Right (0 to 1), down (0 to 1) and text: beside the picture, from the middle of a side."""


@dataclass(frozen=True)
class Row:
    """Pictures of one quantity."""

    heading: str
    """In letters of Pillow's own font: Latin ones."""
    tiles: Sequence[tuple[str, Colours]]
    """Labels and pictures (H, W, 3), all of the same size."""
    key: Key | None = None


def bar(colours: Callable[..., Colours], labels: tuple[str, str, str], low: float = 0.0) -> Key:
    """The key of a colour map from ``low`` to 1, labelled at its bottom, middle and top."""
    shares = np.linspace(1.0, low, 180).repeat(18).reshape(180, 18)
    heights = zip((1.0, 0.5, 0.0), labels, strict=True)
    return Key(colours(shares), [(1.0, down, text) for down, text in heights])


def wheel() -> Key:
    """The key of :func:`~.colour_maps.cyclic`: angle is phase, distance amplitude."""
    y, x = np.mgrid[1:-1:101j, -1:1:101j]
    distance = np.hypot(x, y)
    disc = cyclic(np.arctan2(y, x), np.sqrt(distance))
    disc[distance > 1] = _PAPER
    labels = [(1.0, 0.5, "0°"), (0.5, 0.0, "90°"), (0.0, 0.5, "180°"), (0.5, 1.0, "-90°")]
    return Key(disc, labels)


def draw_sheet(rows: Sequence[Row]) -> Colours:
    """All rows from top to bottom, each with its heading and its key on the right.

    Small pictures are enlarged by a whole number, so that each pixel stays a square.

    Args:
        rows: at least one, all of whose tiles have the same size.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = rows[0].tiles[0][1].shape[:2]
    scale = -(-_LEAST // width)
    height, width = scale * height, scale * width
    columns = max(len(row.tiles) for row in rows)
    pitch = _HEADING + _TEXT + 2 * _GAP + max(height, _TEXT) + _GAP
    size = (2 * _MARGIN + columns * (width + _GAP) + _KEY, 2 * _MARGIN + len(rows) * pitch)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, row in enumerate(rows):
        top = _MARGIN + index * pitch
        pen.text((_MARGIN, top), row.heading, _INK, ImageFont.load_default(_HEADING))
        top += _HEADING + _GAP
        for column, (label, picture) in enumerate(row.tiles):
            left = _MARGIN + column * (width + _GAP)
            pen.text((left, top), label, _INK, ImageFont.load_default(_TEXT))
            tile = Image.fromarray(picture.repeat(scale, 0).repeat(scale, 1))
            corner = (left, top + _TEXT + _GAP // 2)
            sheet.paste(tile, corner)
            frame = (corner[0] - 1, corner[1] - 1, corner[0] + width, corner[1] + height)
            pen.rectangle(frame, outline=_FRAME)
        if row.key is not None:
            left = _MARGIN + columns * (width + _GAP)
            _draw_key(sheet, row.key, left, top + _TEXT + _GAP // 2 + height // 2)
    return np.asarray(sheet)


def _draw_key(sheet: Image.Image, key: Key, left: int, middle: int) -> None:
    """The key's picture with its labels around, in the column that starts at ``left``."""
    font, pen = ImageFont.load_default(_TEXT), ImageDraw.Draw(sheet)
    height, width = key.picture.shape[:2]
    if any(right == 0.0 for right, _, _ in key.labels):
        left += 3 * _TEXT
    top = middle - height // 2
    sheet.paste(Image.fromarray(key.picture), (left, top))
    for right, down, text in key.labels:
        x = left + right * width + 6 * (2 * right - 1)
        y = top + down * height + (6 * (2 * down - 1) if right == 0.5 else 0)
        pen.text((x, y), text, _INK, font, _ANCHORS.get((right, down), "lm"))
