"""Measured comparisons: `python -m benchmarks [NAME ...] [--rounds N] [--list]`.

Every entry runs ours and its baselines in turn, several rounds, so that a busy machine disturbs all of them alike.
Nothing is asserted: the table says what was measured, and whether a target was met.
"""
