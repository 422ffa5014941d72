"""Restore image files: read, compute, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from backends import get_backend
from osr.images import check_holds, read, writable, write
from osr.jobs import Job, PathLike, Progress, Result, plan, run_jobs
from osr_core.checks import check_range
from osr_core.registry import default_model
from osr_core.restoration import restore


def restore_files(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: PathLike | None = None,
    backend: str | None = None,
    device: str = "auto",
    precision: str = "float32",
    tile: int | None = None,
    recursive: bool = False,
    format: str | None = None,
    quality: int = 95,
    max_pixels: int | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Restore image files and write the results under the names of their inputs.

    Bit depth, greyscale, alpha, colour profile, EXIF, XMP and resolution are preserved. Inputs
    that cannot be restored have an error in their result; the others are still restored.

    Args:
        inputs: files, folders and glob patterns; see :func:`osr.jobs.plan`.
        output: a folder, or for a single image also a file.
        model: a registered name (default: the first one) or a .safetensors file.
        backend: ``torch``, ``mindspore`` or ``onnx``; see :func:`backends.get_backend`.
        device: ``auto``, ``cpu``, ``cuda[:i]``, ``ascend[:i]``; more with onnx, see
            :func:`backends.onnx.networks.load`.
        precision: ``float32``, ``bfloat16`` or ``float16``, of the convolutions.
        tile: longest side of a tile in pixels; 0 restores whole images, None chooses.
        recursive: include subfolders of input folders, and keep them in the output.
        format: of the results, e.g. ``png``. By default that of each input, and PNG for inputs
            whose format cannot be written.
        quality: 1 to 100 for JPEG and WebP, which is lossless at 100.
        max_pixels: see :func:`osr.images.read`.
        progress: called with the number of images done, their total, and the current one.

    Returns:
        A result for each input, failed, skipped or restored.

    Raises:
        OSRError: if the options are invalid or the model cannot be loaded.

    >>> import osr  # doctest: +SKIP
    >>> results = osr.restore_files("photographs/", "restored/", recursive=True)  # doctest: +SKIP
    """
    check_range("quality", quality, 1, 100)
    results, jobs = plan(inputs, output, lambda place: (writable(place, format),), recursive)
    if not jobs:
        return results
    network = get_backend(backend).load(model or default_model(), device, precision)

    def work(job: Job, advance: Callable[[float], object]) -> Result:
        source, target = job.source, job.targets[0]
        picture = read(source, max_pixels)
        check_holds(target, picture.pixels)
        pixels = restore(picture.pixels, network, tile, advance)
        write(target, replace(picture, pixels=pixels), quality)
        height, width = pixels.shape[:2]
        return Result(str(source), str(target), width, height, note=picture.note)

    return results + run_jobs(jobs, work, progress)
