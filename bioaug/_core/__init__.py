"""Services that know no model and no estimator."""
