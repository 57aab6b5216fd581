"""How fast the dense network is, as ratios against what a user would pick instead."""

# This settles the BLAS threads and kernel before numpy is imported, as for the pipeline;
# WINENET_NUMERICS=native leaves both as a user of the library has them.
import stages as stages
