"""From an estimator's parameters and samples to a training, and from it to what stays of it."""
