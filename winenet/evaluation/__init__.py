"""Scores, confidence intervals, paired tests, and the studies of the stages. It draws nothing."""
