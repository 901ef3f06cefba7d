"""What all scores share: checks, nulls, values."""
