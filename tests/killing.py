"""Kill a function at its n-th system call, by ptrace: what a file holds after that is a fact.

Needs Linux and no privileges. A process is forked for each *n*; it stops at each entry and exit of
a system call, and is killed at the entry of the n-th, which is then not done.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Callable

TRACEME, SYSCALL = 0, 24
SUPPORTED = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")


def _ptrace(request: int, pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(request, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def run_until(function: Callable[[], object], number: int) -> bool:
    """Run a function in a child process up to its system call of that number, counted from 1.

    Returns:
        Whether it was killed; False if it ended with fewer calls.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _ptrace(TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            function()
            code = 0
        finally:
            os._exit(code)
    entries, inside = 0, False
    os.waitpid(pid, 0)  # stopped itself
    while True:
        _ptrace(SYSCALL, pid)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the function failed"
            return False
        inside = not inside
        entries += inside
        if entries == number:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return True
