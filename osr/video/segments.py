"""Frames encoded in segments, each a file of its own: what a killed run has done is not lost.

The folder of segments is beside the result, named after it with ``.parts``, and is removed when the
result is there. ``plan.json`` in it says of which input and settings they are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from osr.video.clip import CONVERSION, Clip, Frame, require_av
from osr_core.errors import ImageError
from osr_core.files import atomic_write, remove_temporaries

LENGTH = 128
"""Frames of a segment."""

_ENCODERS = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
"""Codec of a stream → encoder; all others become H.264, or VP9 in WebM."""

_SOFT_CRF = 112
"""Constant rate factor is this less the quality: 17 at 95, which is visually lossless."""


class Segments:
    """The segments of one result, in their folder.

    Args:
        target: the result.
        clip: the input.
        quality: 1 to 100.
        settings: what the frames depend on, as JSON.
        resume: keep segments of the same input and settings; else start from the first frame.
    """

    def __init__(
        self, target: Path, clip: Clip, quality: int, settings: Mapping[str, Any], resume: bool
    ) -> None:
        self.folder = target.with_name(f"{target.name}.parts")
        self._clip, self._quality = clip, quality
        self._encoder = _encoder(clip, target)
        stat = clip.path.stat()
        plan = {"size": stat.st_size, "time": stat.st_mtime_ns, "quality": quality,
                "length": LENGTH, "encoder": self._encoder, **settings}  # fmt: skip
        text = json.dumps(plan, sort_keys=True)
        if not (resume and _text(self.folder / "plan.json") == text):
            self.remove()
            self.folder.mkdir(parents=True)
            (self.folder / "plan.json").write_text(text, "utf-8")
        remove_temporaries(self.folder)

    def files(self) -> list[Path]:
        """Those that are whole, in their order."""
        names = (self.folder / f"{number:06}.nut" for number in range(10**6))
        whole: list[Path] = []
        for path in names:
            if not path.is_file():
                return whole
            whole.append(path)
        return whole

    def done(self) -> int:
        """Frames that are in the segments. All but the last of a clip hold :data:`LENGTH`."""
        return LENGTH * len(self.files())

    def write(self, frames: Iterable[Frame]) -> int:
        """Encode the frames that follow those that are done; returns how many they were."""
        written, number = 0, len(self.files())
        rest = iter(frames)
        for first in rest:
            with atomic_write(self.folder / f"{number:06}.nut") as temporary:
                written += self._encode(temporary, chain([first], islice(rest, LENGTH - 1)))
            number += 1
        return written

    def remove(self) -> None:
        """Remove the folder."""
        if self.folder.is_symlink():
            raise ImageError(f"{self.folder}: is a link; remove it")
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _encode(self, path: Path, frames: Iterator[Frame]) -> int:
        av, clip, count = require_av(), self._clip, 0
        colours = clip.colours
        with av.open(str(path), "w", format="nut") as container:
            options = {"crf": str(min(51, _SOFT_CRF - self._quality))}
            if self._encoder == "libx265":
                options["x265-params"] = "log-level=error"
            stream = container.add_stream(self._encoder, rate=clip.rate, options=options)
            context = stream.codec_context
            context.width, context.height = clip.width, clip.height
            context.pix_fmt = _format(av.Codec(self._encoder, "w"), clip)
            context.time_base = clip.time_base
            # Frames in the order of their times, so that segments can be put together.
            context.max_b_frames = 0
            context.sample_aspect_ratio = clip.aspect
            context.colorspace, context.color_range = colours.matrix, 1 if colours.limited else 2
            context.color_primaries, context.color_trc = colours.primaries, colours.transfer
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(
                    frame.pixels, "rgb48le" if colours.deep else "rgb24"
                ).reformat(
                    format=context.pix_fmt,
                    dst_colorspace=colours.matrix,
                    dst_color_range=context.color_range,
                    interpolation=CONVERSION,
                )
                picture.pts, picture.time_base = frame.pts, clip.time_base
                container.mux(stream.encode(picture))
                count += 1
            container.mux(stream.encode(None))
        return count


def _encoder(clip: Clip, target: Path) -> str:
    webm = target.suffix.lower() == ".webm"
    if webm and clip.codec not in ("vp9", "av1"):
        return _ENCODERS["vp9"]
    return _ENCODERS.get(clip.codec, _ENCODERS["h264"])


def _format(codec: Any, clip: Clip) -> str:
    """The clip's layout of samples, if the encoder takes it; else one with as much in it."""
    names = [each.name for each in codec.video_formats or ()]
    name = clip.colours.format.replace("yuvj", "yuv")
    odd = clip.width % 2 or clip.height % 2
    if name in names and not odd:
        return name
    for name in ("yuv444p10le", "yuv420p10le") if clip.colours.deep else ("yuv444p", "yuv420p"):
        if name in names and (odd or "420" in name):
            return name
    return names[0]


def _text(path: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text("utf-8")
    return None
