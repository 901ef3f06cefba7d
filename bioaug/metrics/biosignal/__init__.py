"""Scores in the measures of electrocardiography and electroencephalography."""
