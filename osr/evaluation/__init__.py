"""The OSR matrix: gains of models on degradations that they were trained on, and on others.

:func:`osr.evaluate` (:mod:`osr.evaluation.session`) fills a folder with ``evaluation.json``,
``results.csv``, pictures and a report; :func:`osr.evaluation.statistics.load` reads one and
computes all figures.
"""
