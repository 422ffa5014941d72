"""Restore image files: reading, computing and writing overlap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from osr.images import writable
from osr.jobs import PathLike, Progress, plan
from osr.restorer import Restorer
from osr.resuming import split_done
from osr.stages import Profile, Result
from osr.video import is_video, video_target
from osr_core.checks import check_range
from osr_core.tiling import Overlap


def restore_files(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: PathLike | None = None,
    backend: str | None = None,
    device: str = "auto",
    precision: str = "float32",
    tile: int | None = None,
    overlap: Overlap = "auto",
    memory: str | int | None = None,
    recursive: bool = False,
    format: str | None = None,
    quality: int = 95,
    max_pixels: int | None = None,
    pages: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    profile: Profile | None = None,
) -> list[Result]:
    """Restore image files and write the results under the names of their inputs.

    Bit depth, greyscale, alpha, colour profile, EXIF, XMP and resolution are preserved. Inputs
    that cannot be restored have an error in their result; the others are still restored.

    Args:
        inputs: files, folders and glob patterns; see :func:`osr.jobs.plan`. Of videos
            (:mod:`osr.video`) only those that are named or match a pattern.
        output: a folder, or for a single image also a file.
        model: a registered name (default: the first one) or a .safetensors file.
        backend: ``torch``, ``mindspore`` or ``onnx``; see :func:`backends.get_backend`.
        device: ``auto``, ``cpu``, ``cuda[:i]``, ``ascend[:i]``; more with onnx, see
            :func:`backends.onnx.networks.load`.
        precision: ``float32``, ``bfloat16`` or ``float16``, of the convolutions; ``auto``: see
            :func:`backends.torch.networks.load`.
        tile: longest side of a tile in pixels; 0 restores whole images, None chooses.
        overlap: of tiles, in pixels; ``auto``: measured and verified, see :mod:`osr_core.strips`;
            ``exact``: the halo of the network.
        memory: bytes, or text such as ``2GiB``, that the process may take at most; tiles, unless
            ``tile`` says their size, become smaller than by default where it needs that. It does
            not bound the memory of a GPU or NPU: if that does not suffice, tiles are halved.
        recursive: include subfolders of input folders, and keep them in the output.
        format: of the results, e.g. ``png``. By default that of each input, and PNG for inputs
            whose format cannot be written.
        quality: 1 to 100 for JPEG and WebP, which is lossless at 100.
        max_pixels: see :func:`osr.images.read`.
        pages: of files of several pages or frames all, not only the first; see
            :func:`osr.jobs.plan`.
        resume: skip inputs whose results are there and whole; see :mod:`osr.resuming`.
        progress: called with the number of images done, their total, and the current one.
        profile: receives where the time went.

    Returns:
        A result for each input, failed, skipped or restored.

    Raises:
        OSRError: if the options are invalid or the model cannot be loaded.

    >>> import osr  # doctest: +SKIP
    >>> results = osr.restore_files("photographs/", "restored/", recursive=True)  # doctest: +SKIP
    """
    check_range("quality", quality, 1, 100)

    def rename(place: Path) -> tuple[Path, ...]:
        return (video_target(place) if is_video(place) else writable(place, format),)

    results, jobs = plan(inputs, output, rename, recursive, pages)
    if resume:
        done, jobs = split_done(jobs, max_pixels)
        results += done
    if not jobs:
        return results
    restorer = Restorer(
        model, backend, device, precision, tile=tile, overlap=overlap, memory=memory,
        quality=quality, max_pixels=max_pixels, resume=resume,
    )  # fmt: skip
    return results + restorer.run(jobs, progress, profile)
