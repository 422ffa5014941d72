"""A page to try the models: ``osr demo``.

:mod:`~osr.demo.work` makes the pictures, :mod:`~osr.demo.server` sends them, and ``page/`` is what
the browser shows. The page loads nothing from elsewhere.
"""
