"""Benchmarks: how fast winenet is, as ratios to the alternatives that a user has."""

# Sets the BLAS threads and kernel before numpy is imported, as in the pipeline.
# WINENET_NUMERICS=native keeps the defaults that a user of the library has.
import stages as stages
