"""Start a script under torchrun or msrun, for the tests of training in several processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMED_OUT = 124
"""Return code of what took too long."""


def launch(
    backend_name: str,
    script_args: Sequence[str | Path],
    *,
    tmp_path: Path,
    processes: int = 2,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a script and its arguments, or ``-m`` and a module, in processes of one thread each.

    They run in ``tmp_path`` with the backend picked. The result's ``stdout`` is all that the
    launcher and its children said, so ``assert run.returncode == 0, run.stdout``.
    """
    logs = tmp_path / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    args = [*_launcher(backend_name, processes, logs), *map(str, script_args)]
    environment = {
        **os.environ,
        "OSR_BACKEND": backend_name,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        # msrun runs whatever "python" is.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    with (logs / "launcher.log").open("w") as log:
        # Files, not pipes: a child that outlives its launcher would keep a pipe open for ever.
        process = subprocess.Popen(
            args, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = TIMED_OUT
        finally:
            _stop(process)
    said = [f"--- {p.name}\n{p.read_text(errors='replace')}" for p in sorted(logs.glob("*.log"))]
    if code == TIMED_OUT:
        said.append(f"--- stopped after {timeout} s")
    return subprocess.CompletedProcess(args, code, "\n".join(said), "")


def _launcher(backend_name: str, processes: int, logs: Path) -> list[str]:
    if backend_name == "torch":
        return [
            sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}",
            "--master-addr=127.0.0.1", f"--master-port={_free_port()}",
        ]  # fmt: skip
    return [
        sys.executable, "-m", "mindspore.parallel.cluster.run",
        f"--worker_num={processes}", f"--local_worker_num={processes}",
        f"--master_port={_free_port()}", f"--log_dir={logs}", "--join=True",
        "--cluster_time_out=60",
        f"--tail_worker_log={processes}",  # none: the log files hold it
        "python",
    ]  # fmt: skip


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Both launchers end their children on an interrupt; on other signals msrun leaves them be.
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
