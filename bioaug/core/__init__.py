"""Services that know no model and no estimator: checks, seeds, files, distances."""
