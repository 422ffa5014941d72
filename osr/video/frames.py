"""The frames of a clip through a network, several at a time where they are small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice

import numpy as np
from numpy.typing import NDArray

from osr.video import segments
from osr.video.clip import Clip, Frame
from osr_core.analysis import analyse
from osr_core.backend import Network
from osr_core.context import context_of_rows, thumbnail_of_rows
from osr_core.errors import OutputError, is_out_of_memory
from osr_core.pixels import from_planes, pad_right
from osr_core.strips import Restoration
from osr_core.tiling import Tiling

NEW_SCENE = 0.1
"""Mean difference of thumbnails, of values in [0, 1], from which on a frame is of another scene."""

_LARGEST = 16  # frames of a batch

Context = NDArray[np.float32] | None


def restore_frames(
    clip: Clip,
    skip: int,
    network: Network,
    tiling: Tiling,
    advance: Callable[[float], object] | None = None,
) -> Iterator[Frame]:
    """Restored frames of a clip, without the first ones.

    Frames are restored one by one, but a network that takes a context of the whole image gets that
    of the first frame of the scene, so that its decisions do not flicker. A batch has at most as
    many pixels as a tile; frames larger than that are restored in tiles.

    Args:
        clip: the video.
        skip: number of frames that are left out.
        network: of any backend.
        tiling: how large frames are divided.
        advance: called with each share of the clip that is done.
    """
    size = batch_size(clip, network, tiling)
    share = 1 / max(clip.frame_count, skip + 1)
    advance = advance or (lambda share: None)
    advance(skip * share)
    for batch, context in _batches(clip.frames(skip), skip, network, size):
        yield from _restored(batch, context, network, tiling)
        advance(len(batch) * share)


def batch_size(clip: Clip, network: Network, tiling: Tiling) -> int:
    """Frames that are restored at the same time."""
    height, width = _padded(clip.height, clip.width, network)
    if tiling.side and tiling.side < max(height, width):
        return 1
    area = tiling.pixels(analyse(network.spec))
    return int(np.clip(area // (height * width), 1, _LARGEST))


def _padded(height: int, width: int, network: Network) -> tuple[int, int]:
    """The size that the network takes, of frames of a size."""
    info = analyse(network.spec)
    stride, least = info.total_stride, info.minimum
    return max(-(-height // stride) * stride, least), max(-(-width // stride) * stride, least)


def _batches(
    frames: Iterable[Frame], first: int, network: Network, size: int
) -> Iterator[tuple[list[Frame], Context]]:
    """Frames that are restored at the same time, all of one scene, and its context."""
    pairs = _with_context(frames, first, network)
    for _, scene in groupby(pairs, lambda pair: id(pair[1])):
        while batch := list(islice(scene, size)):
            yield [frame for frame, _ in batch], batch[0][1]


def _with_context(
    frames: Iterable[Frame], first: int, network: Network
) -> Iterator[tuple[Frame, Context]]:
    """Each frame and the context of the first frame of its scene, if the network takes one.

    Each segment begins a scene, so that a resumed run restores it as an uninterrupted one does.
    ``first`` is the number of the first frame.
    """
    channels = analyse(network.spec).context_channels
    context: Context = None
    for number, frame in enumerate(frames, first):
        if channels:
            height, width = _padded(frame.pixels.shape[0], frame.pixels.shape[1], network)
            small = thumbnail_of_rows(frame.pixels, height, width)
            begins = number % segments.LENGTH == 0
            if begins or context is None or np.abs(small - context[:, :3]).mean() > NEW_SCENE:
                context = context_of_rows(frame.pixels, height, width, channels)
        yield frame, context


def _restored(
    batch: list[Frame], context: Context, network: Network, tiling: Tiling
) -> Iterable[Frame]:
    if len(batch) > 1:
        try:
            return _together(batch, context, network)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
    strips = (Restoration(frame.pixels, network, tiling, context=context) for frame in batch)
    return (
        Frame(np.concatenate(list(each)), frame.pts)
        for each, frame in zip(strips, batch, strict=True)
    )


def _together(batch: list[Frame], context: Context, network: Network) -> list[Frame]:
    first = batch[0].pixels
    height, width = first.shape[:2]
    rows, columns = _padded(height, width, network)
    inputs = np.empty((len(batch), rows, columns, 3), np.float32)
    for each, frame in zip(inputs, batch, strict=True):
        each[...] = pad_right(frame.pixels, rows, columns)
    inputs /= np.float32(np.iinfo(first.dtype).max)
    contexts = None if context is None else context.repeat(len(batch), 0)
    results = network.predict(inputs.transpose(0, 3, 1, 2), contexts).transpose(0, 2, 3, 1)
    if not np.isfinite(results).all():
        raise OutputError("the network's output is not finite (NaN or infinity)")
    restored = []
    for result, frame in zip(results, batch, strict=True):
        pixels = np.empty_like(frame.pixels, order="C")
        from_planes(np.clip(result[:height, :width], 0, 1), pixels)
        restored.append(Frame(pixels, frame.pts))
    return restored
