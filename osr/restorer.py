"""A network with its options, loaded once, that restores any number of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from osr.images import Content, check_holds, stream, write
from osr.jobs import PathLike, Progress, run_jobs
from osr.memory import parse_bytes, resident_bytes, tile_area
from osr.stages import Job, Profile, Result
from osr.video import is_video
from osr.video.frames import restore_frames
from osr.video.stages import Video, load_video, save_video
from osr_core.allocator import keep_freed_memory
from osr_core.registry import default_model, find_weights
from osr_core.strips import Restoration, Rows
from osr_core.tiling import Overlap, Tiling
from weights.external import load_network

Loaded = Content[Rows] | Video


class Restorer:
    """Reads, restores and writes files; the arguments are those of :func:`osr.restore_files`.

    Raises:
        OSRError: if the options are invalid or the model cannot be loaded.
    """

    def __init__(
        self,
        model: PathLike | None = None,
        backend: str | None = None,
        device: str = "auto",
        precision: str = "float32",
        *,
        tile: int | None = None,
        overlap: Overlap = "auto",
        memory: str | int | None = None,
        quality: int = 95,
        max_pixels: int | None = None,
        resume: bool = False,
    ) -> None:
        keep_freed_memory()
        self._model = model or default_model()
        self._network = load_network(self._model, backend, device, precision)
        self._tiling = Tiling(tile, overlap=overlap)
        limit = parse_bytes(memory) if isinstance(memory, str) else memory
        self._free = None if limit is None else limit - resident_bytes()
        self._quality, self._max_pixels, self._resume = quality, max_pixels, resume
        self._notes: dict[int, str | None] = {}

    def run(
        self,
        jobs: Sequence[Job],
        progress: Progress | None = None,
        profile: Profile | None = None,
    ) -> list[Result]:
        """A result for each job, in their order; see :func:`osr.jobs.run_jobs`."""
        return run_jobs(jobs, self._load, self._work, self._save, progress, profile)

    def _load(self, job: Job) -> Loaded:
        if is_video(job.source):
            weights = hashlib.sha256(find_weights(self._model).read_bytes()).hexdigest()
            settings = {"weights": weights, "precision": self._network.precision}
            return load_video(job, self._max_pixels, self._quality, settings, self._resume)
        picture = stream(job.source, self._max_pixels, job.page)
        check_holds(job.targets[0], picture.pixels)
        return picture

    def _work(self, job: Job, loaded: Loaded, advance: Callable[[float], object]) -> Iterable[Any]:
        network, tiling = self._network, self._tiling
        before = tiling.note
        if self._free is not None:
            image = None if isinstance(loaded, Video) else loaded.pixels
            tiling.limit = tile_area(network, self._free, image)
        if isinstance(loaded, Video):
            done = loaded.segments.done()
            yield from restore_frames(loaded.clip, done, network, tiling, advance)
        else:
            yield from Restoration(loaded.pixels, network, tiling, advance)
        self._notes[job.index] = tiling.note if tiling.note != before else None

    def _save(self, job: Job, loaded: Loaded, parts: Iterator[Any]) -> Result:
        if isinstance(loaded, Video):
            return save_video(job, loaded, parts)
        write(job.targets[0], loaded, self._quality, parts)
        height, width = loaded.pixels.shape[:2]
        note = "; ".join(filter(None, (loaded.note, self._notes.pop(job.index, None))))
        return Result(str(job.source), str(job.targets[0]), width, height, note=note or None)
