"""Transforms around somebody else's network: what both backends agree on.

``backends.torch.reprogramming.reprogram`` takes any ``nn.Module``, its twin in
``backends.mindspore.reprogramming`` any ``nn.Cell``; see there.
"""

from __future__ import annotations

from osr_core.errors import OptionError
from osr_core.spec import InputTransform, OutputTransform

DEFAULT_INPUT = InputTransform(3, layout="shared")
"""Three waves per pixel: real and imaginary part have three channels each, as RGB has."""

DEFAULT_OUTPUT = OutputTransform()
"""Residual, so that training starts near the identity: a network that was never trained on waves
returns no image."""


def check_result(name: str, fed: tuple[int, ...], got: tuple[int, ...] | None) -> None:
    """Look at what a backbone made of its first batch, and of each after it.

    Args:
        name: the backbone's class.
        fed: shape of what it was given.
        got: shape of what it returned; ``None`` if that is no tensor.

    Raises:
        OptionError: unless the shapes are the same.

    >>> check_result("Classifier", (1, 3, 32, 32), (1, 1000))
    Traceback (most recent call last):
    osr_core.errors.OptionError: backbone Classifier: returned (1, 1000) for (1, 3, 32, 32); it \
must return one tensor of the shape that it is given
    """
    if got is None or tuple(got) != tuple(fed):
        what = "no tensor" if got is None else tuple(got)
        raise OptionError(
            f"backbone {name}: returned {what} for {tuple(fed)}; it must return one tensor of "
            "the shape that it is given"
        )
