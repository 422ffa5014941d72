"""Data sets: where to download them, their folder layouts, and their images.

    from osr.datasets import items
    for item in items("sots-outdoor", "/data/SOTS"):
        hazy, clear = item.load()
"""

from __future__ import annotations

from osr.datasets.catalogue import DataSet, Split, catalogue, find, items
from osr.datasets.checking import Report, SplitReport, check
from osr.datasets.item import Item

__all__ = ["DataSet", "Item", "Report", "Split", "SplitReport", "catalogue", "check", "find",
           "items"]  # fmt: skip
