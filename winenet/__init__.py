"""A course notebook on neural networks as a library. It imports nothing by itself."""
