"""Kill a batch at every file that it opens, completes or puts in place, then resume it (Linux).

    python tests/killed_batch.py FOLDER

A stub computes in place of a network, so that this process has no threads that a fork would lose.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np

import osr
import osr.restorer
from osr.images import Picture, write
from osr_core.spec import ModelSpec, UNet

NAMES = ("a.png", "b.jpg", "c.tif", "d.bmp")


class Darker:
    """A network that halves every value."""

    spec, precision, overlap = ModelSpec(UNet((4,), 1)), "float32", None

    def predict(self, images, context=None):
        return images / 2


def restore(folder, output):
    """Names of what was restored, of all that was not there and whole."""
    results = osr.restore_files(folder / "in", output, resume=True)
    assert [Path(result.input).name for result in results if result.error] == []
    assert sorted(Path(result.input).name for result in results) == list(NAMES)
    return {Path(result.input).name for result in results if result.output}


def contents(output):
    """The results in a folder, without temporary files."""
    return {path.name: path.read_bytes() for path in output.glob("[!.]*")}


def killed(folder, output, number):
    """Restore in a child that kills itself before its call of that number; whether it came to it.

    Calls are those of ``os.open``, ``os.fsync`` and ``os.replace``, in any thread.
    """
    pid = os.fork()
    if pid == 0:
        counter = itertools.count(1)

        def counted(function):
            def call(*args, **kwargs):
                if next(counter) == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)

            return call

        for name in ("open", "fsync", "replace"):
            setattr(os, name, counted(getattr(os, name)))
        restore(folder, output)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


def main(folder):
    """All calls, one after the other; print their number."""
    osr.restorer.load_network = lambda *args: Darker()
    (folder / "in").mkdir(parents=True)
    for name in NAMES:
        write(folder / "in" / name, Picture(np.full((24, 20, 3), 200, np.uint8)))
    assert restore(folder, folder / "expected") == set(NAMES)
    expected, output = contents(folder / "expected"), folder / "out"
    counts = set()
    for number in itertools.count(1):
        shutil.rmtree(output, ignore_errors=True)
        if not killed(folder, output, number):
            break
        done = contents(output) if output.exists() else {}
        assert done.items() <= expected.items(), f"call {number}: a result is not whole"
        assert restore(folder, output) == set(NAMES) - done.keys(), f"call {number}"
        assert contents(output) == expected, f"call {number}: after it was resumed"
        counts.add(len(done))
    assert counts == set(range(len(NAMES))), counts
    sys.stdout.write(f"{number - 1} calls\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
