"""Reading, restoring and writing a video, as the stages of :func:`osr.jobs.run_jobs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from osr.stages import Job, Result
from osr.video.clip import Clip, Frame, open_clip
from osr.video.joining import join
from osr.video.segments import Segments


@dataclass(frozen=True, eq=False)
class Video:
    """A clip, and the segments of its result."""

    clip: Clip
    segments: Segments


def load_video(
    job: Job, max_pixels: int | None, quality: int, settings: Mapping[str, Any], resume: bool
) -> Video:
    """Open the video of a job; see :class:`~.segments.Segments`."""
    clip = open_clip(job.source, max_pixels)
    return Video(clip, Segments(job.targets[0], clip, quality, settings, resume))


def save_video(job: Job, video: Video, frames: Iterator[Frame]) -> Result:
    """Encode what is missing, and write the file."""
    clip, target = video.clip, job.targets[0]
    count = video.segments.write(frames)
    left_out = join(clip, video.segments.files(), target)
    video.segments.remove()
    note = "; ".join(filter(None, (clip.note, *left_out)))
    size = clip.width, clip.height
    return Result(str(job.source), str(target), *size, frames=count, note=note or None)
