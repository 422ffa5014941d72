"""``save_pretrained`` and ``from_pretrained`` of the networks of all backends, on local folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from backends import get_backend
from osr_core.backend import Network
from osr_core.checkpoint import Checkpoint
from osr_core.model_folder import PathLike, load_pretrained, save_pretrained

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class Pretrained:
    """What Hugging Face's libraries call so; see :mod:`osr_core.model_folder`."""

    backend: ClassVar[str]
    """Name of the backend that the network is of."""

    def save_pretrained(self: Network, folder: PathLike, *, licence: str = "") -> None:
        """Write ``config.json``, ``model.safetensors`` and ``README.md``, if there is none.

        Args:
            folder: created if missing.
            licence: identifier for the card, for instance ``cc-by-4.0``.

        Raises:
            CheckpointError: if the folder cannot be written.
        """
        measured = {} if self.overlap is None else {"overlap": float(self.overlap)}
        checkpoint = Checkpoint(self.spec, self.state(), measured=measured)
        save_pretrained(checkpoint, folder, licence=licence)

    @classmethod
    def from_pretrained(
        cls, folder: PathLike, device: str = "auto", precision: str = "float32"
    ) -> Self:
        """The network of a folder, ready to restore; nothing is downloaded.

        Args:
            folder: as ``save_pretrained`` writes it.
            device: as of ``backends.load``.
            precision: likewise.

        Raises:
            OSRError: as ``backends.load``.
        """
        network: Any = get_backend(cls.backend).load(load_pretrained(folder), device, precision)
        return network  # type: ignore[no-any-return]
