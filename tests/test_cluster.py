"""Many machines: stores, the manifest, workers; Ray itself, with a worker that is killed."""

import json
import os
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import osr as command
from image_files import random

pytest.importorskip("fsspec")

import osr
from osr.cluster import restoration, store
from osr.cluster.manifest import FOLDER, Done, Manifest
from osr.cluster.store import Store
from osr.cluster.worker import Worker
from osr.images import Picture, read, write
from osr.stages import Result
from osr_core.backend import BACKENDS, is_installed
from osr_core.errors import BackendError, OptionError

ROOT = Path(__file__).resolve().parent.parent
BACKEND = next(filter(is_installed, BACKENDS))
PICTURES = int(os.environ.get("OSR_RAY_PICTURES", "12"))
OPTIONS = {"backend": BACKEND, "device": "cpu"}


@pytest.fixture(autouse=True)
def _no_ray_is_needed(monkeypatch):
    """Workers in this process need none."""
    if not find_spec("ray"):
        monkeypatch.setattr(restoration, "require_extra", lambda *_: None)
        monkeypatch.setattr(store, "require_extra", lambda *_: None)


@pytest.fixture
def folder(tmp_path):
    """Pictures, one of them in a subfolder, and two files that are none."""
    (tmp_path / "in" / "more").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "more/c.png"):
        write(tmp_path / "in" / name, Picture(random(3, height=40)))
    (tmp_path / "in" / "broken.png").write_text("not a picture")
    (tmp_path / "in" / "notes.txt").touch()
    return tmp_path


@pytest.fixture(params=["folder", "memory"])
def target(request, tmp_path):
    """An address to write to: a folder, or an object store."""
    if request.param == "folder":
        return str(tmp_path / "out")
    return f"memory://{tmp_path.name}/out"


@pytest.fixture
def here(monkeypatch):
    """Workers in this process in place of Ray's; names that each run was given."""
    given = []

    def run(address, count, arguments, names):
        given.append(sorted(names))
        return iter(Worker(*arguments).restore(list(names)))

    monkeypatch.setattr(restoration, "_run", run)
    return given


def test_results_are_those_of_a_plain_run(folder, target, here, tiny_model):
    results = osr.restore_on_ray(str(folder / "in"), target, model=tiny_model, **OPTIONS)
    osr.restore_files(folder / "in", folder / "plain", model=tiny_model, recursive=True, **OPTIONS)
    found = {result.input: result for result in results}
    assert found["broken.png"].error.startswith("broken.png: is not an image")
    assert found["notes.txt"].skipped
    for name in ("a.png", "b.jpg", "more/c.png"):
        assert found[name].output == name
        Store(target).fetch(name, folder / "fetched")
        assert (folder / "fetched").read_bytes() == (folder / "plain" / name).read_bytes()


def test_a_repeated_run_does_only_what_is_missing(folder, target, here, tiny_model):
    def run(**options):
        osr.restore_on_ray(str(folder / "in"), target, model=tiny_model, **OPTIONS, **options)
        return here[-1]

    assert run() == ["a.png", "b.jpg", "broken.png", "more/c.png"]
    assert run() == ["broken.png"]
    write(folder / "in" / "b.jpg", Picture(random(3, height=41)))  # another input
    Store(target)._fs.rm(Store(target)._place("more/c.png"))  # a lost result
    assert run() == ["b.jpg", "broken.png", "more/c.png"]
    assert run(format="tiff") == ["a.png", "b.jpg", "broken.png", "more/c.png"]
    (folder / "in" / "broken.png").unlink()
    runs = len(here)
    assert run(format="tiff") is here[runs - 1], "nothing is left to do, so that no cluster starts"


def test_an_interrupted_run_keeps_what_is_done(folder, target, here, tiny_model):
    def stop(done, total, name):
        raise KeyboardInterrupt

    arguments = str(folder / "in"), target
    with pytest.raises(KeyboardInterrupt):
        osr.restore_on_ray(*arguments, model=tiny_model, progress=stop, **OPTIONS)
    osr.restore_on_ray(*arguments, model=tiny_model, **OPTIONS)
    assert len(here[1]) == len(here[0]) - 1


def test_lines_of_a_manifest_that_cannot_be_read_are_left_out(tmp_path):
    target = Store(str(tmp_path))
    manifest = Manifest(target)
    manifest.add(done := Done("a.png", "1", "a.png", "x"))
    manifest.flush()
    (tmp_path / FOLDER / "z.jsonl").write_bytes(b'{"name": 3}\nno\xff\n[]\n')
    assert manifest.load() == {"a.png": done}


@pytest.mark.parametrize(
    ("source", "target", "options", "message"),
    [
        ("in", "in/out", {}, "in/out: is in the source"),
        ("absent", "out", {}, "absent: cannot be listed"),
        ("nowhere://x", "out", {}, "nowhere://x: cannot be opened"),
        ("in", "out", {"quality": 0}, "quality"),
        ("in", "out", {"address": "my cluster"}, "--ray my cluster: expected auto, local"),
    ],
)
def test_what_is_refused(folder, tiny_model, monkeypatch, source, target, options, message):
    monkeypatch.chdir(folder)
    with pytest.raises(OptionError, match=message):
        osr.restore_on_ray(source, target, model=tiny_model, **options)


def test_names_do_not_lead_out_of_a_store(tmp_path):
    (tmp_path / "x").write_text("x")
    with pytest.raises(OSError, match="leads out"):
        Store(str(tmp_path / "out")).put(tmp_path / "x", "../y")
    assert not (tmp_path / "y").exists()


def test_results_that_collide_are_named(folder, here, tiny_model):
    write(folder / "in" / "a.bmp", Picture(random(3)))
    results = osr.restore_on_ray(
        str(folder / "in"), str(folder / "out"), model=tiny_model, format="png", **OPTIONS
    )
    errors = {result.input: result.error for result in results if result.error}
    assert errors["a.png"] == "a.png: its output a.png collides with that of a.bmp"


def test_the_command(folder, tiny_model, monkeypatch):
    seen = {}

    def fake(source, target, address, **options):
        seen.update(source=source, target=target, address=address, **options)
        return [Result("a.png", "a.png", 3, 2, 0.1)]

    monkeypatch.setattr(restoration, "restore_on_ray", fake)
    base = "restore", "s3://bucket/in", "-o", "s3://bucket/out", "--model", tiny_model
    run = command(*base, "--json", "--ray-workers", "3", "--ray")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["restored"] == 1
    assert (seen["source"], seen["address"], seen["workers"]) == ("s3://bucket/in", "", 3)
    assert command(*base, "--ray", "head:6379").returncode == 0
    assert seen["address"] == "head:6379"
    run = command(*base, "another", "--ray")
    assert (run.returncode, len(run.errors)) == (2, 1)


def _workers(token):
    """Processes of Ray's workers that were started with this environment."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
                environment = (process / "environ").read_bytes()
            except OSError:
                continue
            if command.startswith(b"ray::Worker") and token.encode() in environment:
                yield int(process.name)


def _patiently(run):
    """Ray gives up if its own processes do not start in 30 s, as on a busy machine."""
    for _ in range(3):
        try:
            return run()
        except BackendError as error:
            if "timed out during startup" not in str(error):
                raise
    pytest.skip("Ray does not start in time: the machine is too busy")


@pytest.mark.parametrize(("address", "named"), [("", "--ray"), ("local", "--ray local")])
def test_a_cluster_that_does_not_start(folder, tiny_model, monkeypatch, address, named):
    def fail(**options):
        raise RuntimeError("it is\ntoo busy")

    ray = SimpleNamespace(is_initialized=lambda: False, init=fail, __spec__=object())
    exceptions = SimpleNamespace(RayError=RuntimeError, __spec__=object())
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.exceptions", exceptions)
    with pytest.raises(BackendError, match=f"^{named}: no cluster: too busy$"):
        osr.restore_on_ray(str(folder / "in"), str(folder / "out"), address, model=tiny_model)


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("ray"), reason="needs the extra ray")
def test_a_killed_worker_loses_nothing(tmp_path, tiny_model, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OSR_TEST_TOKEN", token := f"osr-{os.getpid()}-{time.time_ns()}")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(restoration, "BATCH", 1)
    (tmp_path / "in").mkdir()
    for number in range(PICTURES):
        pixels = np.random.default_rng(number).integers(0, 256, (300, 300, 3), np.uint8)
        write(tmp_path / "in" / f"{number:04}.png", Picture(pixels))
    killed = []

    def kill(done, total, name):
        if not killed:
            killed.append(next(_workers(token)))
            os.kill(killed[0], signal.SIGKILL)

    arguments = str(tmp_path / "in"), str(tmp_path / "out"), "local"
    options = {"model": tiny_model, "workers": 2, **OPTIONS}
    results = _patiently(lambda: osr.restore_on_ray(*arguments, progress=kill, **options))
    assert killed
    assert sorted(result.output for result in results) == [f"{n:04}.png" for n in range(PICTURES)]
    osr.restore_files(tmp_path / "in", tmp_path / "plain", model=tiny_model, **OPTIONS)
    for path in (tmp_path / "plain").iterdir():
        assert np.array_equal(read(path).pixels, read(tmp_path / "out" / path.name).pixels)
    again = osr.restore_on_ray(*arguments, **options)  # starts no cluster
    assert {result.skipped for result in again} == {"restored before"}
