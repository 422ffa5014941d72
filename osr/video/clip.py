"""Reading a video: frames upright, with their times, and what the rest of the file holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.extras import require_extra
from osr.images import MAX_PIXELS
from osr_core.errors import ImageError
from osr_core.files import open_regular

_FORMATS = "mov,mp4,matroska,webm,avi,mpeg,mpegts,flv,asf,nut"
"""Demuxers of FFmpeg that may be used: those of playlists would open other files and addresses."""

CONVERSION = 4 | 0x2000 | 0x4000 | 0x40000
"""Of samples to RGB and back: libswscale's SWS_BICUBIC, SWS_FULL_CHR_H_INT, SWS_FULL_CHR_H_INP and
SWS_ACCURATE_RND. Its default darkens a video by a level of 8 bit each time."""

_UNSPECIFIED, _BT601, _BT709 = 2, 5, 1  # matrices, ISO/IEC 23091-2; 5 is FFmpeg's default
_LIMITED, _RGB = 1, 0


@dataclass(frozen=True)
class Colours:
    """How the samples of a video become colours."""

    matrix: int
    limited: bool
    primaries: int
    transfer: int
    format: str
    """Layout of the samples, such as ``yuv420p``."""
    deep: bool
    """Whether samples have more than 8 bits."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame, upright."""

    pixels: NDArray[Any]
    """``(H, W, 3)`` RGB, uint8 or uint16."""
    pts: int
    """Time at which it is shown, in units of the clip's time base."""


@dataclass(frozen=True)
class Clip:
    """A video file; its first stream of moving pictures is the one that is restored."""

    path: Path
    height: int
    """Of an upright frame, in pixels."""
    width: int
    turns: int
    """Quarter turns, counterclockwise, by which stored frames become upright."""
    colours: Colours
    codec: str
    """FFmpeg's name, such as ``h264``."""
    time_base: Fraction
    """Seconds."""
    rate: Fraction
    """Mean frames a second."""
    aspect: Fraction
    """Width of a pixel by its height, upright."""
    frame_count: int
    """As the file says, or estimated from its duration."""
    note: str | None = None

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """All frames in their order, without the first ones.

        Raises:
            ImageError: if the file cannot be decoded to its end, or a frame has no time.
        """
        name = "rgb48le" if self.colours.deep else "rgb24"
        with opened(self.path) as container:
            last = None
            for number, frame in enumerate(container.decode(moving(container))):
                pts = frame.pts if frame.pts is not None else frame.dts
                if pts is None or (last is not None and pts <= last):
                    raise ImageError(f"frame {number} has no time of its own")
                last = pts
                if number >= skip:
                    stored = frame.to_ndarray(format=name, interpolation=CONVERSION)
                    pixels = np.rot90(stored, self.turns)
                    if pixels.shape[:2] != (self.height, self.width):
                        raise ImageError(f"frame {number} has another size")
                    yield Frame(pixels, pts)


def open_clip(path: Path, max_pixels: int | None = None) -> Clip:
    """Look at a video.

    Args:
        path: the file.
        max_pixels: width times height of a frame above which it is refused.

    Raises:
        ImageError: if it is no video, cannot be decoded, or its frames are too large.
        PackageError: if PyAV is not installed.
    """
    with opened(path) as container:
        stream = moving(container)
        limit = MAX_PIXELS if max_pixels is None else max_pixels
        if stream.width * stream.height > limit:
            raise ImageError(f"{stream.width} × {stream.height} pixels, more than {limit:,}")
        first = next(container.decode(stream), None)
        if first is None:
            raise ImageError("has no frames")
        turns = round(first.rotation / 90) % 4
        height, width = (first.width, first.height) if turns % 2 else (first.height, first.width)
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        seconds = (container.duration or 0) / 1e6
        return Clip(
            path=path,
            height=height,
            width=width,
            turns=turns,
            colours=_colours(first),
            codec=stream.codec_context.name,
            time_base=first.time_base,
            rate=rate,
            aspect=1 / aspect if turns % 2 else aspect,
            frame_count=stream.frames or max(1, round(seconds * float(rate))),
            note="interlaced; deinterlace it first" if first.interlaced_frame else None,
        )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """PyAV's container of a file; errors name it."""
    av = require_av()
    try:
        with (
            open_regular(path) as file,
            av.open(file, options={"format_whitelist": _FORMATS}) as container,
        ):
            yield container
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise ImageError(f"{path}: cannot be read as a video: {reason}") from None


def require_av() -> ModuleType:
    """The module ``av``; :class:`PackageError` if it is not installed."""
    require_extra("video", "video")
    import av

    return av


def moving(container: Any) -> Any:
    """The first stream of moving pictures; covers are streams of one picture."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise ImageError("has no video stream")


def _colours(frame: Any) -> Colours:
    matrix = {_UNSPECIFIED: _BT601, _RGB: _BT709}.get(frame.colorspace, frame.colorspace)
    deep = max(part.bits for part in frame.format.components) > 8
    return Colours(
        matrix=int(matrix),
        limited=frame.color_range in (0, _LIMITED) and not frame.format.name.startswith("yuvj"),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        format=frame.format.name,
        deep=deep,
    )
