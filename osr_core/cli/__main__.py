"""``python -m osr_core.cli``, the same as ``osr``."""

from osr_core.cli import main

if __name__ == "__main__":
    main()
