"""The frames of a clip through a network, several at a time where they are small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from osr.video.clip import Clip, Frame
from osr_core.analysis import analyse
from osr_core.backend import Network
from osr_core.errors import OutputError, is_out_of_memory
from osr_core.pixels import from_planes, pad_right
from osr_core.strips import Restoration, Tiling

_LARGEST = 16  # frames of a batch


def restore_frames(
    clip: Clip,
    skip: int,
    network: Network,
    tiling: Tiling,
    advance: Callable[[float], object] | None = None,
) -> Iterator[Frame]:
    """Restored frames of a clip, without the first ones.

    Frames are restored one by one in their content: none looks at its neighbours. A batch has at
    most as many pixels as a tile; frames larger than that are restored in tiles.

    Args:
        clip: the video.
        skip: number of frames that are left out.
        network: of any backend.
        tiling: how large frames are divided.
        advance: called with each share of the clip that is done.
    """
    size = batch_size(clip, network, tiling)
    frames, share = clip.frames(skip), 1 / max(clip.frame_count, skip + 1)
    advance = advance or (lambda share: None)
    advance(skip * share)
    while batch := list(islice(frames, size)):
        yield from _restored(batch, network, tiling)
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


def _restored(batch: list[Frame], network: Network, tiling: Tiling) -> Iterable[Frame]:
    if len(batch) > 1:
        try:
            return _together(batch, network)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
    return (
        Frame(np.concatenate(list(Restoration(frame.pixels, network, tiling))), frame.pts)
        for frame in batch
    )


def _together(batch: list[Frame], network: Network) -> list[Frame]:
    first = batch[0].pixels
    height, width = first.shape[:2]
    rows, columns = _padded(height, width, network)
    inputs = np.empty((len(batch), rows, columns, 3), np.float32)
    for each, frame in zip(inputs, batch, strict=True):
        each[...] = pad_right(frame.pixels, rows, columns)
    inputs /= np.float32(np.iinfo(first.dtype).max)
    results = network.predict(inputs.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    if not np.isfinite(results).all():
        raise OutputError("the network's output is not finite (NaN or infinity)")
    restored = []
    for result, frame in zip(results, batch, strict=True):
        pixels = np.empty_like(frame.pixels, order="C")
        from_planes(np.clip(result[:height, :width], 0, 1), pixels)
        restored.append(Frame(pixels, frame.pts))
    return restored
