"""Scores of what synthetic signals are worth to a classifier or a forecast."""
