"""Errors that a user can cause and fix.

Each message is one line that names the file, field or option and the fix. The command line prints
that line and exits with status 2. Any other exception is a bug of this package, unless the memory
does not suffice.
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


class OutputError(OSRError):
    """A network returned values that are not finite."""


class ModelError(OSRError):
    """No model of that name or file."""


class BackendError(OSRError):
    """A framework is not installed or cannot do what is asked."""


class PackageError(OSRError):
    """A package is not installed that only some workflows need."""


class DeviceError(BackendError):
    """A device is absent, unknown, or does not support the precision."""


class OptionError(OSRError):
    """An option or argument has an invalid value."""


class TrainingError(OSRError):
    """A training run cannot start, continue, resume or be saved."""
