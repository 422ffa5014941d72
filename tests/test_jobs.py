"""Which files are read and written, and that no input is ever lost."""

from pathlib import Path

import pytest

from osr.jobs import Job, Result, plan, run_jobs
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

    def work(job, advance):
        advance(0.5)
        if job.source.name == "b":
            raise error
        advance(0.5)
        return Result(str(job.source), str(job.targets[0]))

    results = run_jobs(jobs("a", "b", "c"), work, lambda *state: seen.append(state))
    assert [result.error is None for result in results] == [True, False, True]
    assert results[1].error.startswith("b: ")
    assert "\n" not in results[1].error
    assert results[0].seconds is not None
    assert seen[-1] == (3, 3, "c")
    assert [done for done, *_ in seen] == sorted(done for done, *_ in seen)


def test_a_defect_is_not_taken_for_a_failure(place):
    def work(job, advance):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        run_jobs(jobs("a"), work)


def test_a_folder_that_cannot_be_created(place):
    with pytest.raises(ImageError, match=r"b\.png.x: cannot be created"):
        run_jobs([Job(0, Path("a"), (Path("b.png/x/a"),))], lambda *_: None)
