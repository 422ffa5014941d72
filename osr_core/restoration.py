"""Restoring an array with a network of any backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.alpha import fill_hidden
from osr_core.analysis import Analysis, analyse
from osr_core.backend import Network
from osr_core.context import thumbnail
from osr_core.errors import ImageError, OptionError, OutputError
from osr_core.tiling import default_tile, tiles

Image = NDArray[Any]


def restore(
    image: Image,
    network: Network,
    tile: int | None = None,
    on_progress: Callable[[float], object] | None = None,
) -> Image:
    """A restored copy of an image.

    Args:
        image: ``(H, W)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB or ``(H, W, 4)``
            RGB and alpha; uint8, uint16, or float32/float64 in [0, 1].
        network: of any backend, for instance ``backends.load("osr-general")``.
        tile: largest side of the tiles, in pixels; ``None``: :func:`~.tiling.default_tile`; 0: the
            whole image at once.
        on_progress: called after each tile with the fraction of the image that it covers.

    Returns:
        An array of the same shape and type. Grey stays grey; alpha, and the colours under fully
        transparent pixels, stay as they are.

    Raises:
        ImageError: if the array is no image or holds values that are not finite.
        OptionError: if the tile is too small for the network, or the network depends on the whole
            image (global statistics, unknown halo), which is larger than a tile.
        OutputError: if the network returns values that are not finite.
        MemoryError: or the framework's own error, if the memory does not suffice.
    """
    _check(image)
    colour, alpha = _split_alpha(image)
    if alpha is None:
        return _restore(colour, network, tile, on_progress)
    hidden = alpha[..., 0] == 0  # (H, W)
    visible = fill_hidden(colour, hidden) if hidden.any() else colour
    result = _restore(visible, network, tile, on_progress)
    result[hidden] = colour[hidden]
    return np.concatenate((result, alpha), axis=2)


def _restore(
    image: Image, network: Network, tile: int | None, on_progress: Callable[[float], object] | None
) -> Image:
    """Tile by tile, without alpha."""
    result = np.empty_like(image)
    info = analyse(network.spec)
    padded = _pad(image, info.total_stride)
    height, width = padded.shape[:2]
    size = _tile_size(max(height, width), tile, info)
    context = _context(padded) if info.uses_context and max(height, width) > size else None
    for rows, columns in tiles(height, width, size, info.halo, info.total_stride):
        planes = _to_planes(padded[rows.tile, columns.tile])
        restored = network.predict(planes, context)[0, :, rows.valid_in_tile, columns.valid_in_tile]
        if not np.isfinite(restored).all():
            raise OutputError(
                f"the network's output is not finite (NaN or infinity) in {network.precision}; "
                "its weights may be unusable, or need another precision"
            )
        kept = result[rows.valid, columns.valid]  # without the padding
        kept[...] = _from_planes(restored, image)[: kept.shape[0], : kept.shape[1]]
        if on_progress is not None:
            on_progress(kept.shape[0] * kept.shape[1] / (image.shape[0] * image.shape[1]))
    return result


def _check(image: Image) -> None:
    if not isinstance(image, np.ndarray):
        raise ImageError(f"image: expected a NumPy array, got {type(image).__name__}")
    grey = image.ndim == 2
    if not grey and not (image.ndim == 3 and image.shape[2] in (2, 3, 4)):
        raise ImageError(f"image: expected (H, W) or (H, W, 2 to 4), got shape {image.shape}")
    if 0 in image.shape:
        raise ImageError(f"image: has no pixels: shape {image.shape}")
    if image.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise ImageError(f"image: expected uint8, uint16 or float in [0, 1], got {image.dtype}")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ImageError("image: holds values that are not finite")


def _split_alpha(image: Image) -> tuple[Image, Image | None]:
    if image.ndim == 3 and image.shape[2] in (2, 4):
        return image[..., :-1], image[..., -1:]
    return image, None


def _pad(image: Image, multiple: int) -> Image:
    """Reflection at the lower and right edge up to the multiple."""
    down, right = -image.shape[0] % multiple, -image.shape[1] % multiple
    if down == right == 0:
        return image
    widths = [(0, down), (0, right), (0, 0)][: image.ndim]
    return np.pad(image, widths, mode="reflect")


def _tile_size(longest: int, tile: int | None, info: Analysis) -> int:
    if tile is not None and tile < 0:
        raise OptionError(f"tile {tile}: expected 0 or a number of pixels")
    if tile == 0:
        return longest
    size = default_tile(info.halo) if tile is None else tile
    if info.global_statistics and longest > size:
        raise OptionError(
            f"tile {size}: this network depends on the whole image, so that tiles would change its "
            "result; use 0 to restore it whole"
        )
    return size


def _to_planes(image: Image) -> NDArray[np.float32]:
    """(H, W[, C]) of any type → (1, 3, H, W) float32 in [0, 1]."""
    planes = _scaled(np.moveaxis(np.atleast_3d(image), 2, 0))
    return np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:]))[None])


def _context(image: Image) -> NDArray[np.float32]:
    """The thumbnail, channel by channel, so that no large image is copied as a whole."""
    channels = np.moveaxis(np.atleast_3d(image), 2, 0)
    planes = np.concatenate([thumbnail(_scaled(c[None, None])) for c in channels], 1)
    return planes.repeat(3 // planes.shape[1], axis=1)


def _scaled(image: Image) -> NDArray[np.float32]:
    """Of any type → float32 in [0, 1]."""
    scaled = image.astype(np.float32)
    scaled /= np.float32(1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max)
    return scaled


def _from_planes(planes: NDArray[np.float32], like: Image) -> Image:
    """(3, H, W) float32 → (H, W[, C]) of the type and channels of ``like``."""
    image = np.moveaxis(planes.clip(0, 1), 0, 2)
    if like.ndim == 2 or like.shape[2] == 1:
        image = image.mean(2, keepdims=True)
    image = image.reshape(*image.shape[:2], *like.shape[2:])
    if like.dtype.kind == "f":
        return image.astype(like.dtype)
    return np.rint(image * np.float32(np.iinfo(like.dtype).max)).astype(like.dtype)
