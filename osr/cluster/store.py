"""A folder or an object store of pictures, by its address: a path, ``s3://…``, ``gs://…``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from osr.extras import require_extra
from osr_core.errors import OptionError
from osr_core.files import atomic_write

HIDDEN = "."
_VERSION = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")


@dataclass(frozen=True)
class Entry:
    """A file of a store."""

    name: str
    """Its path below the store's root, with ``/``."""
    version: str
    """Changes when the file changes, as far as the store tells."""


class Store:
    """Files below an address.

    Raises:
        OptionError: if fsspec does not know the address, or lacks a package for it.
    """

    def __init__(self, address: str) -> None:
        require_extra("ray", "object stores")
        from fsspec.core import url_to_fs

        try:
            self._fs, root = url_to_fs(address)
        except (ValueError, ImportError, OSError) as error:
            raise OptionError(f"{address}: cannot be opened: {error}") from None
        self.address, self._root = address, str(root).rstrip("/")
        self._local = "file" in _protocols(self._fs)

    def files(self) -> Iterator[Entry]:
        """All files, folder by folder in the order of their names; hidden ones are left out.

        Raises:
            OptionError: if the store cannot be listed.
        """
        try:
            yield from self._walk(self._root)
        except OSError as error:
            raise OptionError(f"{self.address}: cannot be listed: {error}") from None

    def names(self) -> set[str]:
        """Names of all files; of none if there is no such folder yet."""
        if not self._fs.exists(self._root):
            return set()
        return {entry.name for entry in self.files()}

    def contains(self, other: Store) -> bool:
        """Whether another store is this one or a folder in it."""
        same = _protocols(self._fs) == _protocols(other._fs)
        return same and f"{other._root}/".startswith(f"{self._root}/")

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file of the store to this machine; raises :class:`OSError`."""
        self._fs.get_file(self._place(name), str(path))

    def put(self, path: Path, name: str) -> None:
        """Copy a file of this machine into the store, whole or not at all."""
        place = self._place(name)
        if self._local:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(place) as temporary:
                temporary.write_bytes(path.read_bytes())
        else:
            self._fs.put_file(str(path), place)  # object stores show an object when it is whole

    def read(self, folder: str) -> Iterator[bytes]:
        """The content of each file of a folder; nothing if there is no such folder."""
        place = self._place(folder)
        if self._fs.exists(place):
            for path in sorted(self._fs.ls(place, detail=False)):
                yield self._fs.cat_file(path)

    def _walk(self, folder: str) -> Iterator[Entry]:
        found = sorted(self._fs.ls(folder, detail=True), key=lambda info: str(info["name"]))
        for info in found:
            path = str(info["name"]).rstrip("/")
            if path == folder or PurePosixPath(path).name.startswith(HIDDEN):
                continue
            if info["type"] == "directory" and not info.get("islink"):
                yield from self._walk(path)
            elif info["type"] == "file":
                yield Entry(path[len(self._root) + 1 :], _version(info))

    def _place(self, name: str) -> str:
        if ".." in PurePosixPath(name).parts:
            raise OSError(0, "leads out of its folder")
        return f"{self._root}/{name}"


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _version(info: dict[str, Any]) -> str:
    known = [str(info[key]) for key in _VERSION if info.get(key) is not None]
    return "-".join([str(info.get("size")), *known[:1]])
