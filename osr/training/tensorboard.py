"""Events of TensorBoard, which need no framework."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tensorboardX.event_file_writer import EventsWriter


class TensorBoard:
    """Writes the events of a run, each before the call returns.

    tensorboardX's ``SummaryWriter`` writes in a thread, which a full disk ends: its queue then
    fills, and the training waits for ever. Here the caller gets the OSError.

    Args:
        folder: created if missing.
        step: of the state that the run resumes from; events after it are hidden.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog

        folder.mkdir(exist_ok=True)
        # Names hold the second of their creation: the step tells apart runs of the same second.
        self._writer: EventsWriter = EventsWriter(str(folder / "events"), f".{step}")
        self._write(step + 1, session_log=SessionLog(status=SessionLog.START))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Numbers by name."""
        from tensorboardX.summary import scalar

        for name, value in values.items():
            self._write(step, summary=scalar(name, value))

    def image(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """An image, (H, W, 3)."""
        from tensorboardX.summary import image

        self._write(step, summary=image(name, pixels, dataformats="HWC"))

    def close(self) -> None:
        """End of the run."""
        self._writer.close()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(wall_time=time.time(), step=step, **content))
        self._writer.flush()


def is_installed() -> bool:
    """Whether events can be written."""
    return find_spec("tensorboardX") is not None
