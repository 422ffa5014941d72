"""The family of errors a user can cause and mend.

Each message is one line that names the file, field or option and what to do about it. The command
line prints that line and exits with status 2; from Python the same line arrives as an exception.
Anything that is not an :class:`OSRError` is a defect of this package.
"""

from __future__ import annotations


class OSRError(Exception):
    """Base of all errors that this package raises on purpose."""


class SpecError(OSRError):
    """A model spec is malformed; the message names the field."""


class CheckpointError(OSRError):
    """A weight file cannot be read, or its tensors do not match its spec."""


class ImageError(OSRError):
    """An image file cannot be read or written, or an array is not an image."""


class ModelError(OSRError):
    """No model of that name or file."""


class BackendError(OSRError):
    """A framework is not installed or was asked for something it cannot do."""


class DeviceError(BackendError):
    """A device is absent, unknown, or does not support the precision asked for."""


class OptionError(OSRError):
    """An option or argument has a value that makes no sense."""


class TrainingError(OSRError):
    """A training run cannot start, go on or be saved."""
