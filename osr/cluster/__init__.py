"""Folders and object stores of pictures through many machines, by Ray.

``store`` is where pictures are, ``manifest`` what is done, ``worker`` restores on each machine, and
``restoration`` hands out the work. Ray and fsspec are imported when they are used.
"""
