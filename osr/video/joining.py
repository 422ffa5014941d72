"""The file of a restored video: its segments, and every other stream of the input as it was."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from osr.video.clip import Clip, moving, opened, require_av
from osr_core.errors import ImageError
from osr_core.files import atomic_write

_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")
"""Metadata that speak of the file, which is another one."""

_Timed = tuple[float, int, Any]  # seconds, number of the stream, packet


def join(clip: Clip, segments: Sequence[Path], target: Path) -> list[str]:
    """Write the result, whole or not at all.

    Args:
        clip: the input; its sound, subtitles, covers, chapters and metadata are copied.
        segments: encoded frames, in their order.
        target: the file.

    Returns:
        What of the input was left out, since the format of the result cannot hold it.

    Raises:
        ImageError: if the file cannot be written.
    """
    av = require_av()
    movie = target.suffix.lower() in (".mp4", ".m4v", ".mov")
    options = {"movflags": "+faststart+use_metadata_tags"} if movie else {}
    if movie and clip.time_base.numerator == 1:  # else FFmpeg chooses a finer one
        options["video_track_timescale"] = str(clip.time_base.denominator)
    try:
        with (
            opened(clip.path) as source,
            opened(segments[0]) as first,
            atomic_write(target) as temporary,
            av.open(str(temporary), "w", options=options) as result,
        ):
            keep = {k: v for k, v in source.metadata.items() if k not in _OF_THE_FILE}
            result.metadata.update(keep)
            video = result.add_stream_from_template(first.streams.video[0])
            if movie and video.codec_context.name == "hevc":
                video.codec_context.codec_tag = "hvc1"  # the only one that QuickTime takes
            copied, notes = _streams(source, result, video)
            result.set_chapters(source.chapters())
            streams = _frames(segments, video), _others(source, copied)
            for _, _, packet in heapq.merge(*streams, key=lambda each: each[0]):
                result.mux(packet)
            return notes
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{target}: cannot be written: {reason}") from None


def _streams(source: Any, result: Any, video: Any) -> tuple[dict[int, Any], list[str]]:
    """Streams of the result for those of the source that are copied, by index; and notes."""
    copied: dict[int, Any] = {}
    notes: list[str] = []
    restored = moving(source).index
    for stream in source.streams:
        if stream.index == restored:
            _describe(stream, video)
            continue
        try:
            if stream.type not in ("audio", "subtitle", "video"):
                raise ValueError(stream.type)
            copied[stream.index] = result.add_stream_from_template(stream)
            _describe(stream, copied[stream.index])
        except (ValueError, AttributeError):
            notes.append(f"stream {stream.index} ({stream.type}) is left out")
    return copied, notes


def _describe(stream: Any, copy: Any) -> None:
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition


def _frames(segments: Sequence[Path], video: Any) -> Iterator[_Timed]:
    last = None
    for path in segments:
        with opened(path) as container:
            for packet in container.demux(video=0):
                if packet.dts is None:
                    continue
                if last is not None and packet.dts <= last:
                    raise ValueError("times of frames do not increase")
                last = packet.dts
                packet.stream = video
                yield float(packet.dts * packet.time_base), 0, packet


def _others(source: Any, copied: dict[int, Any]) -> Iterator[_Timed]:
    if not copied:
        return
    for packet in source.demux([source.streams[index] for index in copied]):
        if packet.dts is None:
            continue
        seconds = float(packet.dts * packet.time_base)
        packet.stream = copied[packet.stream.index]
        yield seconds, 1, packet
