"""Scores of how real synthetic signals look."""
