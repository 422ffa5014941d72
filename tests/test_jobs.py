"""Which files are read and written, and that no input is ever lost."""

import threading
from pathlib import Path

import pytest

from osr.jobs import plan, run_jobs
from osr.stages import Job, Profile, Result
from osr_core.errors import ImageError, OptionError


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "b.png", "a.JPG", "note.txt", ".hidden.png", "sub/c.tif", "sub/deep/[1].bmp", "sub/a.gif",
    ):  # fmt: skip
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("none").mkdir()
    return tmp_path


def sources(*inputs, output="out", **options):
    return [job.source.as_posix() for job in plan(inputs, output, **options)[1]]


def targets(*inputs, output="out", **options):
    return [job.targets[0].as_posix() for job in plan(inputs, output, **options)[1]]


def errors(*inputs, output="out", **options):
    return [result.error for result in plan(inputs, output, **options)[0] if result.error]


def skipped(*inputs, output="out", **options):
    results = plan(inputs, output, **options)[0]
    return {result.input: result.skipped for result in results if result.skipped}


def test_files_folders_and_patterns(place):
    assert sources() == []
    assert sources(".") == ["a.JPG", "b.png"]
    assert sources("b.png", ".", "./b.png") == ["b.png", "a.JPG"]
    assert sources("**/*") == ["a.JPG", "b.png", "sub/a.gif", "sub/c.tif", "sub/deep/[1].bmp"]
    assert sources("sub/deep/[1].bmp") == ["sub/deep/[1].bmp"]
    assert sources("note.txt") == ["note.txt"], "the content decides, for a file that is named"
    assert [job.source for job in plan("b.png", "out")[1]] == [Path("b.png")]


def test_subfolders_are_kept_in_the_output(place):
    found = targets(".", recursive=True)
    assert found == [
        "out/a.JPG", "out/b.png", "out/sub/a.gif", "out/sub/c.tif", "out/sub/deep/[1].bmp",
    ]  # fmt: skip
    assert targets("sub", "b.png", recursive=True)[-1] == "out/b.png"
    (place / "sub" / "loop").symlink_to(place)
    (place / "broken.png").symlink_to(place / "absent")
    assert targets(".", recursive=True) == found
    found = skipped(".", recursive=True)
    assert found["sub/loop"] == "is a link to a folder"
    assert found["broken.png"] == "is not a file"


def test_what_is_passed_over_in_a_folder_is_named_with_the_reason(place):
    found = skipped(".")
    assert set(found) == {"note.txt", "none", "sub"}
    assert "not an image" in found["note.txt"]
    assert "--recursive" in found["sub"]
    assert set(skipped(".", recursive=True)) == {"note.txt"}


def test_results_of_an_earlier_run_are_no_inputs(place):
    (place / "out" / "sub").mkdir(parents=True)
    (place / "out" / "sub" / "b.png").touch()
    assert not any(source.startswith("out") for source in sources(".", recursive=True))


def test_inputs_that_stand_for_nothing(place):
    for bad, reason in {
        "missing.png": "no such file or folder",
        "none": "no images found",
        "*.webp": "no images found",
    }.items():
        assert sources("b.png", bad) == ["b.png"]
        (error,) = errors("b.png", bad)
        assert error == f"{bad}: {reason}"


def test_a_single_image_can_go_to_a_file(place):
    assert targets("b.png", output="new.TIF") == ["new.TIF"]
    assert targets("b.png", output="new") == ["new/b.png"]
    assert targets("b.png", output="none") == ["none/b.png"]
    assert targets("b.png", output="v1.2") == ["v1.2/b.png"]
    (place / "folder.png").mkdir()
    assert targets("b.png", output="folder.png") == ["folder.png/b.png"]


@pytest.mark.parametrize(
    "output", ["new.gif", "new.avif", "new.JP2", "new.heic", "new.psd", "new.jpgg"]
)
def test_a_format_that_cannot_be_written_is_no_folder(place, output):
    with pytest.raises(OptionError, match=rf"{output}: .* cannot be written; use one of .*\.png"):
        plan(["b.png"], output)
    assert not (place / output).exists()
    assert targets("b.png", output=f"{output}/") == [f"{output}/b.png"]


def test_several_images_do_not_go_to_one_file(place):
    with pytest.raises(OptionError, match=r"new\.png: is a file name, but there are 2 images"):
        plan(["."], "new.png")
    with pytest.raises(OptionError, match=r"new\.png: is a file name; give a folder"):
        plan(["b.png"], "new.png", lambda path: (Path("x", path), Path("y", path)))


@pytest.mark.parametrize("output", [".", "b.png"])
def test_an_input_is_never_overwritten(place, output):
    assert sources("b.png", output=output) == []
    (error,) = errors("b.png", output=output)
    assert "b.png: would overwrite its input" in error


def test_nor_is_another_input(place):
    (place / "sub" / "b.png").touch()
    (error,) = errors("sub/b.png", "b.png", output=".")[:1]
    assert error.startswith("sub/b.png: would overwrite the input b.png")


def test_two_inputs_for_one_output(place):
    (place / "sub" / "b.png").touch()
    assert targets("b.png", "sub/b.png") == ["out/b.png"]
    (error,) = errors("b.png", "sub/b.png")
    assert error.startswith("sub/b.png: its output out/b.png collides with that of b.png")


def jobs(*names):
    return [Job(i, Path(name), (Path("out", name),)) for i, name in enumerate(names)]


class TorchOutOfMemory(RuntimeError):
    """As torch.OutOfMemoryError."""


def stages(work):
    """As run_jobs takes them: names are read, worked on and written to a list."""
    written = []

    def write(job, loaded, parts):
        written.append((job.source.name, list(parts)))
        return Result(str(job.source), str(job.targets[0]))

    return written, (lambda job: job.source.name, work, write)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        TorchOutOfMemory("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"
        ),
        RuntimeError("Out of Memory!!! Request memory size: 8589934592B"),
        RuntimeError("Malloc for kernel output failed, Memory isn't enough, node: Conv2D"),
        ImageError("is broken"),
    ],
)
def test_a_failure_ends_its_own_job_only(place, error):
    seen = []

    def work(job, loaded, advance):
        yield f"{loaded}1"
        advance(0.5)
        if loaded == "b":
            raise error
        advance(0.5)
        yield f"{loaded}2"

    written, three = stages(work)
    results = run_jobs(jobs("a", "b", "c"), *three, lambda *state: seen.append(state))
    assert [result.error is None for result in results] == [True, False, True]
    assert written == [("a", ["a1", "a2"]), ("c", ["c1", "c2"])]
    assert results[1].error.startswith("b: ")
    assert "\n" not in results[1].error
    assert results[0].seconds is not None
    assert seen[-1] == (3, 3, "c")
    assert [done for done, *_ in seen] == sorted(done for done, *_ in seen)


@pytest.mark.parametrize("stage", range(3))
def test_a_defect_is_not_taken_for_a_failure(place, stage):
    def fail(*_):
        raise ValueError("shape mismatch")

    three = list(stages(lambda job, loaded, advance: [loaded])[1])
    three[stage] = fail
    with pytest.raises(ValueError, match="shape mismatch"):
        run_jobs(jobs("a"), *three)


def test_writing_that_fails_ends_the_work_on_its_job_only(place):
    made = []

    def work(job, loaded, advance):
        for part in range(100):
            made.append((loaded, part))
            yield part

    def write(job, loaded, parts):
        if loaded == "a":
            raise ImageError("the disk is full")
        return Result(loaded, str(sum(parts)))

    results = run_jobs(jobs("a", "b"), lambda job: job.source.name, work, write)
    assert results[0].error == "a: the disk is full"
    assert results[1].output == str(sum(range(100)))
    assert len([name for name, _ in made if name == "a"]) < 10


def test_stages_overlap_and_few_parts_wait(place):
    """Each stage waits for another to begin, which would last forever one after the other."""
    reading, writing = threading.Event(), threading.Event()
    ahead = []

    def read(job):
        if job.source.name == "b":
            reading.set()
        return job.source.name

    def work(job, loaded, advance):
        if loaded == "a":
            assert reading.wait(30), "the next job is read meanwhile"
        for part in range(20):
            ahead.append(1)
            yield part
            if part == 0 and loaded == "a":
                assert writing.wait(30), "the first part is written meanwhile"

    def write(job, loaded, parts):
        waiting = 0
        for _ in parts:
            writing.set()
            ahead.pop()
            waiting = max(waiting, len(ahead))
        assert waiting <= 4
        return Result(loaded, loaded)

    profile = Profile()
    results = run_jobs(jobs("a", "b"), read, work, write, profile=profile)
    assert [result.output for result in results] == ["a", "b"]
    assert 0 < profile.compute <= profile.total


def test_a_folder_that_cannot_be_created(place):
    with pytest.raises(ImageError, match=r"b\.png.x: cannot be created"):
        run_jobs([Job(0, Path("a"), (Path("b.png/x/a"),))], *stages(None)[1])
