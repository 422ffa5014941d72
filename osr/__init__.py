"""What people do with OSR: restore files, train, evaluate, convert, on the command line or here."""

from __future__ import annotations
