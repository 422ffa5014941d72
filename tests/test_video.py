"""Videos: frames are restored, everything else of the file stays; interrupted runs continue."""

import json
import os

import numpy as np
import pytest
from command_line import osr as command

pytest.importorskip("av")
pytest.importorskip("torch")

import clips

import backends.torch
import osr
from osr import extras
from osr.images import Picture, write
from osr.video import frames, segments
from osr_core import restore
from osr_core.tiling import Tiling

COUNT = 10


@pytest.fixture
def clip(tmp_path):
    return clips.write_clip(tmp_path / "clip.mp4", clips.noisy(COUNT, 10))


def _restored(source, target, model, **options):
    (result,) = osr.restore_files(source, target, model=model, backend="torch", **options)
    assert result.error is None, result.error
    return result


CASES = {
    "clip.mp4": {},
    "clip.mkv": {"matrix": 5},
    "clip.mov": {"sound": None},
    "clip.webm": {"codec": "libvpx-vp9", "sound": "libopus"},
    "hevc.mp4": {"codec": "libx265", "format": "yuv420p10le"},
    "gray.mkv": {"codec": "ffv1", "format": "yuv444p", "sound": None},
}


@pytest.mark.parametrize("name", CASES)
def test_frames_are_restored_and_the_rest_is_kept(name, tiny_model, tmp_path):
    source = clips.write_clip(tmp_path / name, clips.noisy(COUNT, 1), **CASES[name])
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / name
    result = _restored(source, target, tiny_model)
    assert (result.width, result.height, result.frames, result.note) == (64, 48, COUNT, None)
    before, times, facts = clips.decode(source)
    after, new_times, new_facts = clips.decode(target)
    assert new_times == times
    assert len(after) == COUNT
    assert abs(new_facts["seconds"] - facts["seconds"]) <= 1 / clips.RATE
    codec = {"ffv1": "h264"}.get(facts["codecs"][0], facts["codecs"][0])
    kept = ("title", "languages", "format", "matrix")
    assert {key: new_facts[key] for key in kept} == {key: facts[key] for key in kept}
    assert new_facts["codecs"] == [codec, *facts["codecs"][1:]]
    if len(facts["codecs"]) > 1:
        assert clips.packets(target, "audio") == clips.packets(source, "audio")
    network = backends.torch.load(tiny_model, "cpu")
    shown = facts["format"], facts["matrix"]
    restored = (clips.through(restore(frame, network), *shown) for frame in before)
    expected = np.stack(list(restored)).astype(int)
    change, loss = (expected - each for each in (before, after))
    assert np.abs(loss).mean() < np.abs(change).mean() / 2, "encoded with losses"
    assert np.abs(loss.mean((0, 1, 2))).max() < 0.5, "no colour shifts"
    assert not list(tmp_path.glob("out/*.parts"))


def test_a_turned_video_is_restored_upright(tiny_model, tmp_path):
    frames = clips.noisy(2, 0, height=64, width=48)
    clips.write_clip(tmp_path / "phone.mp4", frames, rotation=90)
    _restored(tmp_path / "phone.mp4", tmp_path / "out.mp4", tiny_model)
    stored, _, facts = clips.decode(tmp_path / "phone.mp4")
    after, _, new_facts = clips.decode(tmp_path / "out.mp4")
    assert (facts["rotation"], new_facts["rotation"]) == (90, 0)
    network = backends.torch.load(tiny_model, "cpu")
    upright = restore(np.ascontiguousarray(np.rot90(stored[0])), network)
    upright = clips.through(upright, "yuv420p", 1)
    assert after[0].shape == upright.shape == (48, 64, 3)
    wrong = np.abs(after[0].astype(int) - upright).mean()
    assert wrong < 5 < np.abs(after[0].astype(int) - upright[::-1, ::-1]).mean()


@pytest.mark.parametrize("model", ["osr-general", "osr-denoise"])
@pytest.mark.parametrize("sigma", [5, 25])
def test_flicker_is_no_more_than_that_of_the_input(model, sigma, tmp_path):
    """Standard deviation in time of a still scene with other noise in each frame."""
    source = tmp_path / "in.mkv"
    clips.write_clip(source, clips.noisy(6, sigma), format="yuv444p", crf="0")
    _restored(source, tmp_path / "out.mkv", model)
    before, after = (clips.decode(path)[0] for path in (source, tmp_path / "out.mkv"))
    assert after.std(0).mean() <= before.std(0).mean()


def test_small_frames_are_restored_together_and_large_ones_in_tiles(clip, tiny_model, monkeypatch):
    network = backends.torch.load(tiny_model, "cpu")
    shapes, predict = [], network.predict

    def counted(images, context=None):
        shapes.append(images.shape)
        return predict(images, context)

    monkeypatch.setattr(network, "predict", counted)
    opened = frames_of(clip)
    whole = list(frames.restore_frames(opened, 0, network, Tiling()))
    assert shapes == [(COUNT, 3, 48, 64)]
    tiled = list(frames.restore_frames(opened, 7, network, Tiling(60)))
    assert {shape[0] for shape in shapes[1:]} == {1}
    assert max(shape[3] for shape in shapes[1:]) == 60
    assert [frame.pts for frame in tiled] == [frame.pts for frame in whole[7:]]
    for one, other in zip(tiled, whole[7:], strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1


@pytest.mark.parametrize("tiling", [Tiling(), Tiling(128, overlap=16)])
def test_frames_of_a_scene_share_its_context(tiling, tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "LENGTH", 6)
    scenes = clips.noisy(COUNT, 10, height=64, width=192)
    scenes[3:] = 255 - scenes[3:]  # a cut
    path = clips.write_clip(tmp_path / "cut.mp4", scenes)
    network = backends.torch.load("osr-dehaze", "cpu")
    contexts, predict = [], network.predict

    def recorded(images, context=None):
        contexts.extend(context[:, 0, 0, 0].repeat(len(images) // len(context)))
        return predict(images, context)

    monkeypatch.setattr(network, "predict", recorded)
    list(frames.restore_frames(frames_of(path), 0, network, tiling))
    tiles = len(contexts) // COUNT
    first = np.array(contexts)[::tiles]
    assert len(set(first)) == 3
    assert [len(set(first[part])) for part in (slice(3), slice(3, 6), slice(6, 10))] == [1, 1, 1]
    contexts.clear()
    list(frames.restore_frames(frames_of(path), 6, network, tiling))
    assert contexts[::tiles] == list(first[6:]), "a resumed run restores a segment as before"


def frames_of(path):
    from osr.video.clip import open_clip

    return open_clip(path)


@pytest.fixture
def short(monkeypatch):
    """Short segments and batches."""
    monkeypatch.setattr(segments, "LENGTH", 4)
    monkeypatch.setattr(frames, "_LARGEST", 2)


def _interrupted(monkeypatch, clip, target, model, after):
    """Stop a run when so many frames are restored; number of frames that later runs restore."""
    done = 0
    together = frames._together

    def counted(batch, *rest):
        nonlocal done
        done += len(batch)
        if after is not None and done > after:
            raise KeyboardInterrupt
        return together(batch, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(frames, "_together", counted)
        if after is None:
            _restored(clip, target, model, resume=True)
        else:
            with pytest.raises(KeyboardInterrupt):
                osr.restore_files(clip, target, model=model, backend="torch")
    return done


def test_an_interrupted_video_continues_after_its_last_segment(
    clip, short, tiny_model, tmp_path, monkeypatch
):
    _restored(clip, tmp_path / "whole.mp4", tiny_model)
    target = tmp_path / "out.mp4"
    _interrupted(monkeypatch, clip, target, tiny_model, after=8)
    assert not target.exists()
    parts = sorted(path.name for path in (tmp_path / "out.mp4.parts").iterdir())
    assert parts[0] == "000000.nut", "a segment of 4 frames is whole"
    assert _interrupted(monkeypatch, clip, target, tiny_model, after=None) <= COUNT - 4
    for kind in ("video", "audio"):
        assert clips.packets(target, kind) == clips.packets(tmp_path / "whole.mp4", kind)
    assert clips.decode(target)[1] == clips.decode(clip)[1]
    assert not (tmp_path / "out.mp4.parts").exists()
    assert _restored(clip, target, tiny_model, resume=True).skipped == "restored before"


@pytest.mark.parametrize("change", ["input", "model"])
def test_segments_of_something_else_are_not_used(
    clip, short, tiny_model, tmp_path, monkeypatch, change
):
    target = tmp_path / "out.mp4"
    _interrupted(monkeypatch, clip, target, tiny_model, after=8)
    if change == "input":
        os.utime(clip, (1, 1))
    model = "osr-sr" if change == "model" else tiny_model
    assert _interrupted(monkeypatch, clip, target, model, after=None) == COUNT


def test_the_command(clip, tiny_model, tmp_path):
    run = command("restore", clip, "-o", tmp_path / "b.mp4", "--model", tiny_model, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["files"][0]["output"] == str(tmp_path / "b.mp4")
    assert json.loads(run.stdout)["files"][0]["frames"] == COUNT
    write(tmp_path / "a.png", Picture(clips.scene()))
    run = command("restore", tmp_path, "-o", tmp_path / "out", "--model", tiny_model)
    assert "clip.mp4: skipped: is a video; give it as an input of its own" in run.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    for output, reason in {
        clip: "would overwrite its input",
        tmp_path / "x.png": ".png cannot be written; use one of .m4v, .mkv",
    }.items():
        run = command("restore", clip, "-o", output, "--model", tiny_model)
        assert run.returncode == 2
        assert reason in run.errors[0]


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (b"", {}, "cannot be read as a video"),
        (PLAYLIST.encode(), {}, "cannot be read as a video"),
        (None, {"max_pixels": 100}, "64 × 48 pixels, more than 100"),
    ],
)
def test_what_is_refused(clip, tiny_model, tmp_path, content, options, reason):
    if content is not None:
        clip.write_bytes(content)
    target = tmp_path / "out.mp4"
    (result,) = osr.restore_files(clip, target, model=tiny_model, **options)
    assert result.error.startswith(f"{clip}: ")
    assert reason in result.error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]


def test_a_truncated_video_leaves_no_result(clip, tiny_model, tmp_path):
    broken = clips.write_clip(tmp_path / "a.mkv", clips.noisy(COUNT, 10))
    content = bytearray(broken.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    broken.write_bytes(content)
    (result,) = osr.restore_files(broken, tmp_path / "out.mkv", model=tiny_model)
    assert (result.error is None) == (tmp_path / "out.mkv").exists()


def test_without_pyav(clip, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    (result,) = osr.restore_files(clip, tmp_path / "out.mp4", model=tiny_model)
    assert result.error == f"{clip}: video: needs av; pip install 'osr[video]'"
