"""Dataclasses of plain values: conversions, and errors that name the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest

from osr_core.errors import OptionError, SpecError
from osr_core.settings import build, check_types


@dataclass(frozen=True)
class Square:
    kind: ClassVar[str] = "square"
    side: int = 1


@dataclass(frozen=True)
class Circle:
    kind: ClassVar[str] = "circle"
    radius: float = 1.0


@dataclass(frozen=True)
class Drawing:
    name: str
    shape: Square | Circle = Square()
    corner: Square | None = None
    pen: Literal["thin", "thick"] = "thin"
    visible: bool = True
    widths: tuple[int, ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    squares: tuple[Square, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    note: Any = None


def test_plain_values_become_what_the_annotations_say():
    data = {"name": "a", "shape": {"kind": "circle", "radius": 2}, "corner": {"side": 3},
            "pen": "thick", "widths": [1, 2], "pair": [1, 2.5], "squares": [{}, {"side": 4}],
            "weights": {"x": 1}, "note": [1]}  # fmt: skip
    drawing = build(Drawing, data, "drawing")
    assert drawing == Drawing(
        "a", Circle(2.0), Square(3), "thick", True, (1, 2), (1.0, 2.5), (Square(), Square(4)),
        {"x": 1.0}, [1],
    )  # fmt: skip
    assert isinstance(drawing.weights["x"], float)
    assert build(Drawing, {"name": "a", "corner": None}, "drawing") == Drawing("a")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "d: expected a table, got 3"),
        ({}, "d.name: missing key"),
        ({"name": 1}, "d.name: expected a text, got 1"),
        ({"nme": "a"}, "d.nme: unknown key; did you mean name?"),
        ({"name": "a", "shape": {"kind": "cube"}}, "d.shape.kind: expected one of square, circle"),
        ({"name": "a", "shape": {"side": 1}}, "d.shape.kind: expected one of square, circle"),
        ({"name": "a", "shape": {"kind": "circle", "side": 1}}, "d.shape.side: unknown key"),
        ({"name": "a", "shape": 3}, "d.shape: expected a table"),
        ({"name": "a", "corner": {"side": True}}, "d.corner.side: expected a whole number"),
        ({"name": "a", "pen": "thik"}, "d.pen: did you mean thick?, got 'thik'"),
        ({"name": "a", "pen": ["thin"]}, "d.pen: "),
        ({"name": "a", "visible": 1}, "d.visible: expected true or false"),
        ({"name": "a", "widths": 1}, "d.widths: expected a list"),
        ({"name": "a", "widths": [1, 2.5]}, "d.widths[1]: expected a whole number"),
        ({"name": "a", "pair": [1]}, "d.pair: expected 2 values"),
        ({"name": "a", "squares": [{"sid": 1}]}, "d.squares[0].sid: unknown key"),
        ({"name": "a", "weights": [1]}, "d.weights: expected a table"),
        ({"name": "a", "weights": {"x": "1"}}, "d.weights.x: expected a number"),
    ],
)
def test_errors_name_the_key(data, message):
    for error in (OptionError, SpecError):
        with pytest.raises(error) as caught:
            build(Drawing, data, "d", error)
        assert str(caught.value).startswith(message)


def test_arguments_of_a_constructor_are_not_converted():
    check_types(Drawing("a", widths=(1,)), "d")
    with pytest.raises(OptionError, match=r"d\.widths: expected a tuple"):
        check_types(Drawing("a", widths=[1]), "d")
    with pytest.raises(OptionError, match=r"d\.pen: "):
        check_types(Drawing("a", pen="wide"), "d")
