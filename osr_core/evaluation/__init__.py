"""The OSR matrix: what models do to damage, also to damage that they never saw.

    from osr_core.evaluation.columns import grid, locate
    from osr_core.evaluation.session import evaluate

``osr evaluate`` fills a folder (:mod:`~osr_core.evaluation.records` says with what); from it
:func:`~osr_core.evaluation.statistics.load` works out all figures.
"""
