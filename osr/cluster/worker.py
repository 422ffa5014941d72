"""One network on one machine, that restores pictures of a store; the actor that Ray runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from osr.cluster.store import Store
from osr.images import writable
from osr.restorer import Restorer
from osr.stages import Job, Result


def output_name(name: str, format: str | None) -> str:
    """The name of the result of a picture."""
    return writable(Path(name), format).as_posix()


class Worker:
    """Loads the network once.

    Args:
        source: address of the pictures.
        target: address of the results.
        weights: the name in ``target`` of the weight file, so that all machines have the same.
        format: of the results; None: that of each input.
        options: of :class:`osr.restorer.Restorer`.
    """

    def __init__(
        self,
        source: str,
        target: str,
        weights: str,
        format: str | None,
        options: Mapping[str, Any],
    ) -> None:
        self._source, self._target = Store(source), Store(target)
        self._format = format
        with TemporaryDirectory() as folder:
            path = Path(folder, "model.safetensors")
            self._target.fetch(weights, path)
            self._restorer = Restorer(path, **options)

    def ready(self) -> None:
        """Return once the network is loaded."""

    def restore(self, names: Sequence[str]) -> list[Result]:
        """Restore pictures and put the results into the target; a result for each name."""
        with TemporaryDirectory(prefix="osr-") as folder:
            results: dict[str, Result] = {}
            jobs: list[Job] = []
            for index, name in enumerate(names):
                local = Path(folder, f"{index}{Path(name).suffix}")
                suffix = Path(output_name(name, self._format)).suffix
                target = Path(folder, "out", f"{index}{suffix}")
                try:
                    self._source.fetch(name, local)
                    jobs.append(Job(index, local, (target,)))
                except OSError as error:
                    results[name] = Result(name, error=f"{name}: cannot be read: {error}")
            for job, result in zip(jobs, self._restorer.run(jobs), strict=True):
                name = names[job.index]
                results[name] = self._deliver(name, job, result)
            return [results[name] for name in names]

    def _deliver(self, name: str, job: Job, result: Result) -> Result:
        if result.error is not None:
            error = result.error.replace(str(job.source), name).replace(str(job.targets[0]), name)
            return Result(name, error=error)
        output = output_name(name, self._format)
        try:
            self._target.put(job.targets[0], output)
        except OSError as error:
            return Result(name, error=f"{name}: result cannot be written: {error}")
        return replace(result, input=name, output=output)
