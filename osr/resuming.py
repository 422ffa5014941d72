"""Results of an earlier, interrupted run, so that a batch is not computed twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from osr.images import stream
from osr.stages import Job, Result
from osr.video import is_video
from osr.video.clip import open_clip
from osr_core.errors import ImageError

_ROWS = 1024  # that are verified at a time


def split_done(
    jobs: Sequence[Job], max_pixels: int | None = None
) -> tuple[list[Result], list[Job]]:
    """The results of jobs that are done, and the other jobs.

    A job is done if all its results are there, are whole, and are no older than its input. With
    which model and options they were made is not known.
    """
    results: list[Result] = []
    missing: list[Job] = []
    for job in jobs:
        if all(_is_done(job, target, max_pixels) for target in job.targets):
            results.append(Result(str(job.source), skipped="restored before"))
        else:
            missing.append(job)
    return results, missing


def _is_done(job: Job, target: Path, max_pixels: int | None) -> bool:
    try:
        if os.stat(target).st_mtime_ns < os.stat(job.source).st_mtime_ns:
            return False
        if is_video(target):
            open_clip(target, max_pixels)
            return True
        pixels = stream(target, max_pixels).pixels
        for top in range(0, pixels.shape[0], _ROWS):
            pixels[top : top + _ROWS]
    except (OSError, ImageError, MemoryError):
        return False
    return True
