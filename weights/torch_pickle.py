"""The pickles of PyTorch's weight files, interpreted without pickle and without PyTorch.

A pickle is a program for a stack machine that may call any function. This interpreter knows the
instructions and names that ``torch.save`` writes for tensors in plain containers; nothing is ever
called. Time and memory stay in proportion to the file: keys are texts or numbers, so that no
nested tuple is hashed, and nothing is allocated by a number in the file.

Source: Python's ``pickletools``; PyTorch's ``torch/_utils.py``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from osr_core.errors import CheckpointError, printable

REMEDY = "code in weight files is never run; ask for its plain state_dict()"

MAX_INSTRUCTIONS = 5_000_000
"""Longest program; that of a file with 10,000 tensors has 300,000."""

NOT_ONE = "not a PyTorch weight file, or a corrupted one"


@dataclass(frozen=True)
class Name:
    """A type or function that a pickle names; it is never looked up."""

    text: str


@dataclass(frozen=True)
class Stored:
    """A storage: where in the file the values of tensors are."""

    kind: str
    """Such as ``FloatStorage``."""
    key: str
    count: int
    """Of values, as the file says."""


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; strides and offset are in values."""

    storage: Stored
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Unreadable:
    """A tensor that is no plain array."""

    reason: str
    shape: tuple[int, ...] = ()


class State(dict[Any, Any]):
    """A mapping of the file; an ``OrderedDict`` may have attributes, of which one is kept."""

    texts: Any = None
    """Its ``_metadata``."""


def _unreadable(reason: str) -> Callable[..., Unreadable]:
    return lambda *parts: Unreadable(f"is {reason}")


_UNSIGNED = {"torch.uint16": 2, "torch.uint32": 4, "torch.uint64": 8}
"""Types without a storage of their own, and their bytes."""


def _of_untyped_storage(
    storage: Any, offset: Any, shape: Any, strides: Any, grad: Any, hooks: Any, kind: Name, *_: Any
) -> Tensor | Unreadable:
    if kind.text not in _UNSIGNED:
        return Unreadable(f"type {printable(kind.text)} is not supported")
    bytes_ = _expect(storage, Stored)
    typed = replace(bytes_, kind=kind.text, count=bytes_.count // _UNSIGNED[kind.text])
    return Tensor(typed, offset, _expect(shape, tuple), _expect(strides, tuple))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": lambda pairs=(): _set(State(), pairs),
    "torch._utils._rebuild_tensor_v2": lambda storage, offset, shape, strides, *_: Tensor(
        _expect(storage, Stored), offset, _expect(shape, tuple), _expect(strides, tuple)
    ),
    "torch._utils._rebuild_parameter": lambda data, *_: data,
    "torch.Size": lambda sizes: sizes,
    "torch.device": lambda *parts: "device",
    "torch.serialization._get_layout": lambda name: name,
    "__builtin__.set": lambda items=(): items,
    "_codecs.encode": lambda text, code: text.encode("latin1"),
    "torch._utils._rebuild_sparse_tensor": _unreadable("sparse"),
    "torch._utils._rebuild_qtensor": _unreadable("quantized"),
    "torch._utils._rebuild_nested_tensor": _unreadable("nested"),
    "torch._utils._rebuild_meta_tensor_no_storage": _unreadable("without data"),
    "torch._utils._rebuild_tensor_v3": _of_untyped_storage,
}
"""What stands in for a function of the file: only data is put together."""

_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "EMPTY_DICT": State, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip

_VALUES = ("BINUNICODE", "SHORT_BINSTRING", "BINSTRING", "BINFLOAT", "BININT", "BININT1", "BININT2",
           "LONG1")  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def interpret(file: BinaryIO) -> tuple[Any, dict[str, Stored]]:
    """The value of the pickle that begins at the file's position, and its storages by key.

    The file ends up after the pickle.

    Raises:
        CheckpointError: if it needs anything but tensors and plain containers, or is no pickle.
    """
    machine = _Machine()
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(file)):
            if count > MAX_INSTRUCTIONS:
                raise CheckpointError(f"holds more than {MAX_INSTRUCTIONS:,} objects")
            machine.step(operation.name, argument)
        return machine.stack.pop(), machine.storages
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{NOT_ONE} ({type(error).__name__})") from None


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Stored] = {}

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        push, pop = self.stack.append, self.stack.pop
        if name in _CONSTANTS:
            push(_CONSTANTS[name]())
        elif name in _VALUES:
            push(argument)
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            push(self.memo[argument])
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name == "TUPLE":
            push(tuple(self._marked()))
        elif name in _TUPLES:
            push(tuple([pop() for _ in range(_TUPLES[name])][::-1]))
        elif name in ("APPEND", "APPENDS"):
            items = [pop()] if name == "APPEND" else self._marked()
            _expect(self.stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [pop(), pop()][::-1] if name == "SETITEM" else self._marked()
            _set(self.stack[-1], zip(items[::2], items[1::2], strict=True))
        elif name == "GLOBAL":
            push(Name(argument.replace(" ", ".")))
        elif name == "BINPERSID":
            push(self._storage(*pop()))
        elif name == "REDUCE":
            arguments, function = _expect(pop(), tuple), pop()
            push(_function(function)(*arguments))
        elif name == "BUILD":
            attributes = _expect(pop(), State)
            _expect(self.stack[-1], State).texts = attributes.get("_metadata")
        elif name in ("NEWOBJ", "INST", "OBJ"):
            _function(self.stack[-2])
            raise ValueError(name)
        elif name not in ("PROTO", "STOP"):
            raise ValueError(name)

    def _marked(self) -> list[Any]:
        """All above the last mark, taken off."""
        mark = self.marks.pop()
        found = self.stack[mark:]
        del self.stack[mark:]
        return found

    def _storage(self, word: Any, kind: Any, key: Any, _: Any, count: Any, *view: Any) -> Stored:
        if word != "storage" or any(view):
            raise ValueError(word)
        stored = Stored(_expect(kind, Name).text.rpartition(".")[2], str(key), _expect(count, int))
        if self.storages.setdefault(stored.key, stored) != stored:
            raise ValueError(key)
        return stored


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(kind)
    return value


def _set(state: Any, pairs: Any) -> Any:
    for key, value in pairs:
        if not isinstance(key, (str, int, float)):
            raise TypeError(key)
        _expect(state, State)[key] = value
    return state


def _function(name: Any) -> Callable[..., Any]:
    text = _expect(name, Name).text
    if text not in _FUNCTIONS:
        raise CheckpointError(f"needs {printable(text)}, and {REMEDY}")
    return _FUNCTIONS[text]
