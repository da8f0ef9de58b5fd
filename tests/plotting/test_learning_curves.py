"""Curves of the history: one panel per quantity, every epoch where it belongs."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeepcluster.plotting import LearningCurvesDisplay


def _lines(axes: Any) -> dict[str, tuple[list[float], list[float]]]:
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines
    }


@pytest.mark.parametrize("how", ["model", "pipeline"])
def test_panels_show_what_the_history_holds(fitted: Any, how: str) -> None:
    display = LearningCurvesDisplay.from_estimator(getattr(fitted, how))
    history = fitted.model.history_
    assert {"loss", "lr", "cluster_entropy", "largest_share", "changed_labels"} <= set(
        display.axes_
    )
    for key, axes in display.axes_.items():
        ((epochs, values), *_) = _lines(axes).values()
        assert epochs == [1, 2]
        assert values == [entry[key] for entry in history]
    losses = _lines(display.axes_["loss"])
    terms = {key.removeprefix("loss_") for key in history[0] if key.startswith("loss_")}
    assert set(losses) == {"sum", *terms}
    for term in terms:
        assert losses[term][1] == [entry[f"loss_{term}"] for entry in history]


def test_a_single_term_is_not_drawn_twice() -> None:
    history = [{"epoch": k, "loss": 1.0 / k, "loss_only": 1.0 / k} for k in (1, 2)]
    display = LearningCurvesDisplay.from_history(history)
    assert list(display.axes_) == ["loss"]
    assert list(_lines(display.axes_["loss"])) == ["sum"]


def test_a_single_epoch_is_a_dot() -> None:
    display = LearningCurvesDisplay.from_history([{"epoch": 1, "loss": 2.0, "lr": 0.1}])
    for axes in display.axes_.values():
        assert axes.lines[0].get_marker() == "o"


def test_shares_are_drawn_from_nothing_to_all() -> None:
    history = [{"epoch": k, "loss": 1.0, "largest_share": 0.1} for k in (1, 2)]
    display = LearningCurvesDisplay.from_history(history)
    low, high = display.axes_["largest_share"].get_ylim()
    assert low <= 0 and high >= 1


def test_draws_into_the_figure_given() -> None:
    figure = Figure()
    display = LearningCurvesDisplay.from_history([{"epoch": 1, "loss": 2.0}], figure=figure)
    assert display.figure_ is figure
    assert display.axes_["loss"].figure is figure


def test_epochs_with_infinite_numbers_leave_gaps() -> None:
    history = [{"epoch": k, "loss": v} for k, v in enumerate([1.0, np.nan, 2.0], 1)]
    display = LearningCurvesDisplay.from_history(history)
    display.figure_.canvas.draw()
    np.testing.assert_array_equal(display.axes_["loss"].lines[0].get_ydata(), [1, np.nan, 2])


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "at least one epoch"),
        ([{"epoch": 1}], '"epoch" and "loss" in each entry'),
        ([{"epoch": 1, "loss": 1.0}, {"epoch": 2, "lr": 1.0}], '"epoch" and "loss" in each entry'),
    ],
)
def test_what_is_no_history_is_refused(history: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LearningCurvesDisplay.from_history(history)


def test_a_term_may_begin_later_as_after_a_warm_start_with_known_labels() -> None:
    first = {"epoch": 1, "loss": 1.0, "loss_instance": 1.0}
    second = {"epoch": 2, "loss": 3.0, "loss_instance": 1.0, "loss_known": 2.0}
    display = LearningCurvesDisplay.from_history([first, second])
    display.figure_.canvas.draw()
    found = [line.get_ydata() for line in display.axes_["loss"].lines]
    np.testing.assert_array_equal(found, [[1, 3], [1, 1], [np.nan, 2]])


def test_a_value_of_a_single_epoch_is_a_dot():
    history = [{"epoch": n, "loss": 1.0} for n in (1, 2, 3)]
    history[1]["confidence"] = 0.5
    axes = LearningCurvesDisplay.from_history(history).axes_
    (line,) = axes["confidence"].lines
    assert line.get_marker() == "o"
    assert axes["loss"].lines[0].get_marker() == "None"


def test_lines_on_transparent_axes_stand_out_from_the_figure():
    history = [{"epoch": n, "loss": 1.0} for n in (1, 2)]
    with plt.rc_context({"axes.facecolor": "none", "figure.facecolor": "black"}):
        axes = LearningCurvesDisplay.from_history(history).axes_
    assert axes["loss"].lines[0].get_color() == "white"
