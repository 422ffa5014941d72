"""Data sets: where to get them, how they lie on disk, and what their images are.

    from osr.datasets import items
    for item in items("sots-outdoor", "/data/SOTS"):
        hazy, clear = item.load()
"""

from __future__ import annotations

from osr.datasets.catalogue import DataSet, Part, catalogue, find
from osr.datasets.checking import PartReport, Report, check
from osr.datasets.item import Item
from osr.datasets.lists import listed
from osr.datasets.reading import items

__all__ = [
    "DataSet",
    "Item",
    "Part",
    "PartReport",
    "Report",
    "catalogue",
    "check",
    "find",
    "items",
    "listed",
]
