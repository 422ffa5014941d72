"""Handing out the pictures of a store to workers on any number of machines."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from osr.cluster.manifest import Done, Manifest
from osr.cluster.store import Entry, Store
from osr.cluster.worker import Worker, output_name
from osr.extras import require_extra
from osr.images import READABLE
from osr.jobs import PathLike, Progress
from osr.stages import Result
from osr_core.checks import check_range
from osr_core.errors import BackendError, OptionError
from osr_core.registry import default_model, find_weights

WEIGHTS = ".osr-weights"
"""Below the target: the weight file, from which workers load it, also one that starts again."""

BATCH = 8
"""Pictures that a worker gets at a time."""

_AHEAD = 2  # batches that a worker has, so that it never waits
_RETRIES = 3  # times that a batch is tried on another worker after a worker died


def restore_on_ray(
    source: str,
    target: str,
    address: str = "",
    *,
    workers: int | None = None,
    model: PathLike | None = None,
    format: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> list[Result]:
    """Restore all pictures of a folder or object store, subfolders included, on a Ray cluster.

    Pictures whose results are there, of the same version of the input, weights and options, are
    skipped; :mod:`osr.cluster.manifest` keeps account. If a worker dies, its pictures are given to
    another one.

    Args:
        source: a folder that all machines see, or an address of fsspec such as ``s3://bucket/in``.
        target: likewise, for the results, which keep their names.
        address: of the cluster: ``auto``, ``HOST:PORT``, ``ray://HOST:PORT``; ``local`` starts one
            on this machine; empty: that of ``RAY_ADDRESS``, else ``local``.
        workers: networks at the same time; by default one a GPU, or one a machine without GPUs.
        model: see :func:`osr.restore_files`.
        format: likewise.
        progress: likewise.
        options: ``backend``, ``device``, ``precision``, ``tile``, ``overlap``, ``memory``,
            ``quality`` and ``max_pixels`` of :func:`osr.restore_files`.

    Returns:
        A result for each file, failed, skipped or restored, in any order.

    Raises:
        OSRError: if the options are invalid, or the cluster cannot be reached.
    """
    require_extra("ray", "--ray")
    check_range("quality", options.get("quality", 95), 1, 100)
    if address and not re.fullmatch(r"auto|local|(ray://)?[\w.\[\]:-]+:\d+", address):
        raise OptionError(f"--ray {address}: expected auto, local, HOST:PORT or ray://HOST:PORT")
    weights = find_weights(model or default_model())
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    settings = [sha256, format, sorted(options.items())]
    key = hashlib.sha256(json.dumps(settings, default=str).encode()).hexdigest()[:16]
    stores = Store(source), Store(target)
    if stores[0].contains(stores[1]):
        raise OptionError(f"{target}: is in the source; choose another --output")
    manifest = Manifest(stores[1])
    results, missing = _split(*stores, manifest, format, key)
    if not missing:
        return results
    total, versions = len(missing), {entry.name: entry.version for entry in missing}
    stores[1].put(weights, copy := f"{WEIGHTS}/{sha256[:16]}.safetensors")
    arguments = source, target, copy, format, options
    try:
        for result in _run(address, workers, arguments, [entry.name for entry in missing]):
            results.append(result)
            if result.output is not None:
                name = result.input
                manifest.add(Done(name, versions[name], result.output, key))
            if progress is not None:
                progress(total - len(missing) + len(results), total, result.input)
    finally:
        manifest.flush()
    return results


def _split(
    source: Store, target: Store, manifest: Manifest, format: str | None, key: str
) -> tuple[list[Result], list[Entry]]:
    """Results of what is done or no picture, and the pictures that are left."""
    done, there = manifest.load(), target.names()
    results: list[Result] = []
    missing: list[Entry] = []
    taken: dict[str, str] = {}
    for entry in source.files():
        suffix = os.path.splitext(entry.name)[1].lower()
        if suffix not in READABLE:
            why = "is not an image file, by its suffix"
            results.append(Result(entry.name, skipped=why))
            continue
        output = output_name(entry.name, format)
        first = taken.setdefault(output, entry.name)
        if first != entry.name:
            error = f"{entry.name}: its output {output} collides with that of {first}"
            results.append(Result(entry.name, error=error))
        elif done.get(entry.name) == Done(entry.name, entry.version, output, key) and (
            output in there
        ):
            results.append(Result(entry.name, skipped="restored before"))
        else:
            missing.append(entry)
    return results, missing


def _run(
    address: str, count: int | None, arguments: tuple[Any, ...], names: Sequence[str]
) -> Iterator[Result]:
    """Results as they come. A batch whose worker died again and again is tried one by one."""
    import ray
    from ray.exceptions import RayError

    batches = deque(list(names[i : i + BATCH]) for i in range(0, len(names), BATCH))
    with _cluster(address):
        workers = _workers(count, arguments, len(batches))
        pending: dict[Any, tuple[Any, list[str]]] = {w.ready.remote(): (w, []) for w in workers}
        while pending:
            (reference,), _ = ray.wait(list(pending), num_returns=1)
            worker, batch = pending.pop(reference)
            try:
                found = ray.get(reference) or []
            except RayError as error:
                if not batch:
                    raise BackendError(f"a worker cannot start: {_cause(error)}") from None
                found = _failed(batch, error, batches)
            yield from found
            held = sum(each is worker for each, _ in pending.values())
            while batches and held < _AHEAD:
                following = batches.popleft()
                pending[worker.restore.remote(following)] = worker, following
                held += 1


def _failed(batch: list[str], error: Exception, batches: deque[list[str]]) -> list[Result]:
    if len(batch) > 1:
        batches.extend([name] for name in batch)
        return []
    return [Result(batch[0], error=f"{batch[0]}: its worker died or failed: {_cause(error)}")]


def _workers(count: int | None, arguments: tuple[Any, ...], batches: int) -> list[Any]:
    import ray

    resources = ray.cluster_resources()
    gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
    count = count or gpus or len(ray.nodes())
    share = {"num_gpus": 1} if gpus >= count else {"num_cpus": max(1, cpus // count)}
    actor = ray.remote(Worker).options(max_restarts=-1, max_task_retries=_RETRIES, **share)
    return [actor.remote(*arguments) for _ in range(min(count, batches))]


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use
    import ray

    running = ray.is_initialized()
    try:
        if not running:
            quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
            if address == "local":
                quiet["include_dashboard"] = False
            ray.init(address=address or None, **quiet)
    except Exception as error:  # Ray raises plain ones
        named = f"--ray {address}".rstrip()
        raise BackendError(f"{named}: no cluster: {_cause(error)}") from None
    try:
        yield
    finally:
        if not running:
            ray.shutdown()


def _cause(error: BaseException) -> str:
    """The last line of a message of Ray, which has those of all processes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
