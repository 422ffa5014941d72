"""Coverage-guided fuzzing of one reader, by atheris (Linux on x86; ``pip install 'osr[fuzz]'``).

    python tests/fuzz/fuzz.py TARGET [-runs=100000] [-max_total_time=60] [libFuzzer options]

Without a target: each in turn. A find is written to ``crash-…`` in the current folder and printed
with its traceback; it becomes a test in ``tests/attacks`` or a seed in ``targets.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]
OPTIONS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=8192", "-seed=1", "-runs=100000")
"""Those given override them."""


def main(name: str, options: list[str]) -> None:
    """Fuzz one target; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["osr", "osr_core", "weights"]):
        from targets import TARGETS
    target = TARGETS[name]
    corpus = Path(tempfile.mkdtemp())
    for number, seed in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([sys.argv[0], *OPTIONS, *options, str(corpus)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    names = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    given = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    if names:
        main(names[0], given)
    else:
        from targets import TARGETS

        for each in TARGETS:
            sys.stderr.write(f"--- {each}\n")
            subprocess.run([sys.executable, __file__, each, *given], check=True)
