"""Small video files, made by PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BASE = Fraction(1, 12800)
RATE = 25
EXACT = 4 | 0x2000 | 0x4000 | 0x40000  # conversion of colours, flags of libswscale


def scene(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A still scene of two colours and a ramp."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[...] = np.linspace(60, 190, width)[None, :, None]
    pixels[: height // 2, : width // 3] = (190, 60, 50)
    pixels[height // 2 :, width // 2 :, 2] = 90
    return pixels


def noisy(count: int, sigma: float, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """(N, H, W, 3): the still scene with other noise in each frame."""
    noise = np.random.default_rng(0).normal(0, sigma, (count, height, width, 3))
    return np.clip(scene(height, width) + noise, 0, 255).round().astype(np.uint8)


def times(count: int) -> list[int]:
    """Of frames, not evenly spaced, in units of :data:`BASE`."""
    return [512 * number + (number % 3) * 40 for number in range(count)]


def write_clip(
    path: Path, frames: NDArray[Any], *, codec: str = "libx264", format: str = "yuv420p",
    rotation: int = 0, matrix: int = 1, sound: str | None = "aac", crf: str = "1",
) -> Path:  # fmt: skip
    """Write frames (N, H, W, 3) with sound, title and language."""
    import av

    with av.open(str(path), "w") as container:
        container.metadata["title"] = "still life"
        video = container.add_stream(codec, rate=RATE, options={"crf": crf})
        video.width, video.height = frames.shape[2], frames.shape[1]
        video.pix_fmt = format
        video.codec_context.time_base = BASE
        video.codec_context.colorspace, video.codec_context.color_range = matrix, 1
        if rotation:
            video.set_display_rotation(rotation)
        audio = container.add_stream(sound, rate=48000, layout="mono") if sound else None
        if audio:
            audio.metadata["language"] = "deu"
        name = "rgb48le" if frames.dtype == np.uint16 else "rgb24"
        for pixels, pts in zip(frames, times(len(frames)), strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, name).reformat(
                format=format, dst_colorspace=matrix, dst_color_range=1, interpolation=EXACT
            )
            frame.pts, frame.time_base = pts, BASE
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio:
            _write_tone(av, container, audio, len(frames) / RATE)
    return path


def _write_tone(av: Any, container: Any, audio: Any, seconds: float) -> None:
    time = np.arange(int(48000 * seconds)) / 48000
    wave = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[None]
    tone = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
    tone.sample_rate, tone.pts = 48000, 0
    container.mux(audio.encode(tone))
    container.mux(audio.encode(None))


def decode(path: Path) -> tuple[NDArray[Any], list[int], Any]:
    """Frames, their times, and what else the file says."""
    import av

    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        assert {frame.time_base for frame in frames} == {video.time_base}
        arrays = [frame.to_ndarray(format="rgb24", interpolation=EXACT) for frame in frames]
        facts = {
            "title": container.metadata.get("title") or container.metadata.get("TITLE"),
            "seconds": container.duration / 1e6,
            "languages": [stream.language for stream in container.streams],
            "codecs": [stream.codec_context.name for stream in container.streams],
            "format": frames[0].format.name,
            "matrix": frames[0].colorspace,
            "rotation": frames[0].rotation,
        }
        return np.stack(arrays), [frame.pts * frame.time_base for frame in frames], facts


def through(pixels: NDArray[np.uint8], format: str, matrix: int) -> NDArray[np.uint8]:
    """A frame as a video of that format can show it, without losses of its codec."""
    import av

    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(
        format=format, dst_colorspace=matrix, dst_color_range=1, interpolation=EXACT
    )
    shown: NDArray[np.uint8] = frame.to_ndarray(format="rgb24", interpolation=EXACT)
    return shown


def packets(path: Path, kind: str) -> list[bytes]:
    """What a stream holds, encoded."""
    import av

    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]
