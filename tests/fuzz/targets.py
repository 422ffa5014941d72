"""Readers of what may come from anyone, as functions of bytes; each has seeds to start from.

A reader may return or raise an :class:`OSRError` of one bounded line. Anything else is a find.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osr.datasets.lists import read_lists
from osr.degradations import Chain
from osr.evaluation.metrics import Protocol
from osr.settings import assign
from osr.training.recipe_files import FOLDER, load_stages
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OSRError
from osr_core.initial import initial_state
from osr_core.spec import Experts, InputTransform, ModelSpec, OutputTransform, UNet
from weights import ckpt, pth

SPEC = ModelSpec(UNet((4,), 1), InputTransform(2), OutputTransform(4))
_FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))


@dataclass(frozen=True)
class Target:
    """A reader and valid inputs."""

    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]

    def __call__(self, data: bytes) -> None:
        """Read; an error of ours is one bounded line."""
        try:
            self.read(data)
        except OSRError as error:
            message = str(error)
            assert len(message) <= 1000, f"a message of {len(message)} characters"
            assert message.isprintable(), f"a message that is not printable: {message!r}"


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    path = _FOLDER / name

    def write_and_read(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return write_and_read


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def _written(suffix: str, write: Callable[[Path], object]) -> list[bytes]:
    path = _FOLDER / f"seed{suffix}"
    write(path)
    return [path.read_bytes()]


def _checkpoints() -> list[bytes]:
    return _written(".safetensors", Checkpoint(SPEC, initial_state(SPEC, 0), {"a": 1}).save)


def _tensors() -> dict[str, np.ndarray]:
    return {"conv.weight": np.ones((2, 3), np.float32), "n": np.array(3), "h": np.ones(4, "f2")}


def _specs() -> list[bytes]:
    mixture = ModelSpec(Experts((UNet((4,), 1), UNet((8, 8), 2, context=(4,)))))
    return [spec.to_json().encode() for spec in (SPEC, mixture)]


def _recipes() -> list[bytes]:
    return [path.read_bytes() for path in (FOLDER / "small.toml", FOLDER / "paper-small.toml")]


def _lists(path: Path) -> object:
    path.with_name("a.jpg").touch()
    other = path.with_name("gt.txt")
    other.write_bytes(path.read_bytes())
    return read_lists(f"{path},{other}")


TARGETS: Mapping[str, Target] = {
    "safetensors": Target(_file("a.safetensors", Checkpoint.load), _checkpoints),
    "ckpt": Target(
        _file("a.ckpt", ckpt.read),
        lambda: _written(".ckpt", lambda path: ckpt.write(path, _tensors(), {"spec": "{}"})),
    ),
    "pth": Target(
        _file("a.pth", pth.read),
        lambda: _written(".pth", lambda path: pth.write(path, _tensors(), {"spec": "{}"})),
    ),
    "spec": Target(_text(ModelSpec.from_json), _specs),
    "recipe": Target(_file("a.toml", load_stages), _recipes),
    "pair": Target(
        _text(lambda text: assign({"steps": 1}, [text])),
        lambda: [b"optimizer.lr=1e-3", b'data={a="b", c=[1, 2]}', b"spec.backbone.kind=unet"],
    ),
    "list": Target(
        _file("input.txt", _lists), lambda: [b"data/hazy/1_1.png\r\n./a.jpg\n\\c\\d.png\n/e.tif"]
    ),
    "protocol": Target(_text(Protocol.parse), lambda: [b"y,crop=2,8-bit", b"rgb, float"]),
    "degradation": Target(
        _text(Chain.parse),
        lambda: [b"grey+noise:25+jpeg:90", b"rain:0.8,length=40,angle=-5", b"blur+low_resolution"],
    ),
}
