"""The OSR matrix: what models do to degradation, also to degradation that they never saw.

    from osr.evaluation.columns import grid, locate
    from osr.evaluation.session import evaluate

``osr evaluate`` fills a folder (:mod:`~osr.evaluation.records` says with what); from it
:func:`~osr.evaluation.statistics.load` works out all figures.
"""
