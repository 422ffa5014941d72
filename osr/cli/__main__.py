"""``python -m osr.cli``, the same as ``osr``."""

from osr.cli import main

if __name__ == "__main__":
    main()
