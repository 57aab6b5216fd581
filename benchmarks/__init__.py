"""How fast the dense network is, as ratios against what a user would pick instead."""

from winenet import runtime

# Before any benchmark imports numpy; WINENET_NUMERICS=native leaves BLAS as a user has it.
runtime.pin_blas()
