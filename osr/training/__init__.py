"""Training: the recipe, its samples, the loop, and what a run leaves.

Empty on purpose: a backend needs the recipe alone, and not what reads images.
"""
