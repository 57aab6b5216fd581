"""Benchmarks: how fast winenet is, as ratios to the alternatives that a user has."""

from winenet import runtime

# Before any benchmark imports numpy; WINENET_NUMERICS=native leaves BLAS as a user has it.
runtime.pin_blas()
