"""A callback that tells what it has seen."""

from __future__ import annotations


class Watcher:
    """Record what happens, and stop after a given epoch."""

    def __init__(self, last_epoch=None):
        self.last_epoch, self.tasks, self.labels, self.has = last_epoch, [], [], []

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.tasks.append(("end", context.task_name))
        if fitted_estimator is not None:
            self.labels.append(fitted_estimator.labels_)
            self.has.append({"classes_", "n_clusters_curve_"} & vars(fitted_estimator).keys())
        return context.task_id == self.last_epoch
