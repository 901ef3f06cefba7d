"""Scores of what synthetic signals give away of the training rows."""
