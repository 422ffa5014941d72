"""The part of protobuf's wire format that MindSpore's checkpoints use; every length is checked.

Source: the encoding chapter of protobuf's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

from osr_core.errors import CheckpointError


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers of a protobuf message, each with its integer or its bytes."""
    position = 0
    while position < len(message):
        key, position = varint(message, position)
        value, position = varint(message, position)
        if key & 7 == 0:
            yield key >> 3, value
        elif key & 7 == 2:
            if value > len(message) - position:
                raise malformed("it ends inside a field")
            yield key >> 3, message[position : position + value]
            position += value
        else:
            raise malformed(f"field {key >> 3} is unknown")


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """An unsigned integer in groups of 7 bits, lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise malformed("it ends inside a field")
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
    if byte >= 128 or value >> 64:
        raise malformed("a number has more than 64 bits")
    return value, position


def text(data: memoryview | bytes) -> str:
    """UTF-8 bytes as text."""
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise malformed("a name is not UTF-8") from None


def malformed(reason: str) -> CheckpointError:
    """The error for malformed bytes."""
    return CheckpointError(f"not a MindSpore checkpoint, or a corrupted one ({reason})")


def head(number: int, length: int) -> bytes:
    """What precedes the bytes of a field."""
    return to_varint(number << 3 | 2) + to_varint(length)


def to_varint(value: int) -> bytes:
    """The inverse of :func:`varint`."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
