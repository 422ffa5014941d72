"""The catalogue: every data set that has a name here, from ``catalogue.toml``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from osr.evaluation.metrics import Convention
from osr_core.errors import OptionError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Part = Literal["train", "test"]
PARTS: tuple[Part, ...] = ("train", "test")

_FOLDERS: Mapping[Part, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "testing", "val", "valid"),
}
_CLEAR = ("gt/{id}", "HR/{id}", "original/{id}", "images/{id}", "{id}")
_PAIRED = tuple(
    f"{degraded}/{{id}} -> {truth}/{{id}}"
    for degraded, truth in (
        ("input", "gt"),
        ("input", "target"),
        ("lq", "gt"),
        ("lq", "hq"),
        ("hazy", "gt"),
        ("hazy", "clear"),
        ("rainy", "gt"),
        ("rain", "norain"),
        ("blur", "sharp"),
        ("blur", "gt"),
        ("low", "high"),
        ("noisy", "gt"),
        ("noisy", "clean"),
    )
)


@dataclass(frozen=True)
class DataSet:
    """What is known of a data set."""

    name: str
    """Lower case with hyphens."""
    title: str
    """One line: authors' name of the set, and what it holds."""
    paired: bool
    """Whether each clear image comes with a degraded one."""
    degradation: str | None
    """Kind of degradation it holds, or which its clear images are usually given; None for any."""
    url: str
    """Where to download it."""
    size: str
    """How big the download is."""
    terms: str
    """What one may do with it."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Images in each public part, ``train`` and ``test``; empty for sets that are anybody's own."""
    layouts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Layouts in which it is distributed, by part; see :mod:`osr.datasets.layouts`."""
    channel: Literal["rgb", "y"] = "rgb"
    """What papers compare on it: RGB or luma alone."""
    crop: int = 0
    """Pixels cut off at each border before; in super-resolution as many as the scale."""
    psnr: float | None = None
    """Published mean PSNR in dB of the untouched input of the test part, as compared above."""
    psnr_source: str = ""
    """Where that figure was published."""
    centre_crop: bool = False
    """Whether ground truths are larger than their inputs, and cut around the centre."""
    note: str = ""
    """What else a user should know."""

    @property
    def convention(self) -> Convention:
        """What papers compare on it; :attr:`crop` grows to the scale in super-resolution."""
        return Convention(self.channel, self.crop)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that it has; sets that are anybody's own may have any."""
        return tuple(part for part in PARTS if not self.counts or part in self.counts)

    def tried(self, part: Part) -> tuple[str, ...]:
        """Layouts that are tried one after the other: those distributed, then simple ones.

        Raises:
            OptionError: if the set has no such part.
        """
        if part not in self.parts:
            raise OptionError(
                f"data set {self.name}: has no part {part!r}, only {' and '.join(self.parts)}"
            )
        simple = () if self.with_depth else _PAIRED if self.paired else _CLEAR
        below = (_below(folder, layout) for folder in _FOLDERS[part] for layout in simple)
        return (*self.layouts.get(part, ()), *below, *simple)

    def described(self, part: Part) -> tuple[str, ...]:
        """The layouts that a person should know: those distributed, and the simplest one."""
        if self.name in ("lists", "scikit-image"):  # they lie in no folder of their own
            return ()
        simple = () if self.with_depth else (_PAIRED[0],) if self.paired else ("{id}",)
        return tuple(dict.fromkeys((*self.layouts.get(part, ()), *simple)))

    @property
    def with_depth(self) -> bool:
        """Whether it holds depth maps."""
        return any("~" in layout for layouts in self.layouts.values() for layout in layouts)


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, DataSet]:
    """Every data set by name.

    >>> catalogue()["sots-indoor"].psnr
    11.97
    """
    text = Path(__file__).with_name("catalogue.toml").read_text("utf-8")
    return {name: _data_set(name, values) for name, values in tomllib.loads(text).items()}


def find(name: str) -> DataSet:
    """The data set of a name, in whatever case, with hyphens or underscores.

    Raises:
        OptionError: if there is none; the message gives the nearest name.
    """
    key = name.strip().lower().replace("_", "-")
    known = catalogue()
    if key not in known:
        near = [other for other in known if other.startswith(key)] if key else []
        near = near or get_close_matches(key, known, 1)
        hint = (
            f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(known)}"
        )
        raise OptionError(f"data set {name}: unknown; {hint}")
    return known[key]


def _data_set(name: str, values: Mapping[str, Any]) -> DataSet:
    both = values.get("any", ())
    layouts: dict[str, tuple[str, ...]] = {part: (*values.get(part, ()), *both) for part in PARTS}
    rest = {key: value for key, value in values.items() if key not in (*PARTS, "any")}
    return DataSet(name=name, layouts=layouts, **{"degradation": None, **rest})


def _below(folder: str, layout: str) -> str:
    return " -> ".join(f"{folder}/{path}" for path in layout.split(" -> "))
