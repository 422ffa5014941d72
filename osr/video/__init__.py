"""Videos: their frames restored by the same networks, everything else of the file copied.

``clip`` reads, ``frames`` restores, ``segments`` encodes and resumes, ``joining`` writes the file.
PyAV (the libraries of FFmpeg) is imported when a video is opened.
"""

from __future__ import annotations

from pathlib import Path

WRITABLE = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm"))
"""Suffixes, in lower case, of videos that are read and written."""

SUFFIXES = WRITABLE | {".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".flv", ".wmv"}
"""Suffixes of videos that are read."""


def is_video(path: Path) -> bool:
    """Whether a path has the suffix of a video."""
    return path.suffix.lower() in SUFFIXES


def video_target(path: Path) -> Path:
    """The path of a result: its own suffix, or .mkv if that is not written.

    >>> video_target(Path("a.MOV")).name, video_target(Path("a.avi")).name
    ('a.MOV', 'a.mkv')
    """
    return path if path.suffix.lower() in WRITABLE else path.with_suffix(".mkv")
