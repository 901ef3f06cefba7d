"""Building blocks of scores: the Score, its null value, pairs, splits, classifiers."""
