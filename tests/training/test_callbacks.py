"""The progress bar, whatever becomes of a training and wherever it is shown."""

from __future__ import annotations

import io
import sys

import pytest
from tqdm.auto import tqdm
from trainings import at_the_end_of_epoch, make


def test_the_bar_is_closed_when_a_fit_fails(rows, monkeypatch):
    open_before = len(tqdm._instances)

    def interrupt():
        assert len(tqdm._instances) == open_before + 1
        raise KeyboardInterrupt

    at_the_end_of_epoch(monkeypatch, 2, interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:  # keeps the bar from being collected
        make(verbose=1).fit(rows)
    assert len(tqdm._instances) == open_before
    del caught


class Terminal(io.StringIO):
    """What is written to it, and that it is a terminal."""

    def isatty(self):
        return True


def shown(monkeypatch, stream, rows):
    """Return what is written to a stream in the place of stderr by a fit of five epochs."""
    monkeypatch.setattr(sys, "stderr", stream)
    make(verbose=1).fit(rows)
    return stream.getvalue()


def test_a_terminal_gets_a_bar(rows, monkeypatch):
    text = shown(monkeypatch, Terminal(), rows)
    assert text.count("\r") > 1
    assert "5/5" in text


def test_a_file_gets_a_line_at_the_beginning_and_at_the_end(rows, monkeypatch):
    text = shown(monkeypatch, io.StringIO(), rows)
    assert "\r" not in text
    first, last = text.splitlines()
    assert first.startswith("ContrastiveClustering: 0/5 epochs")
    assert last.startswith("ContrastiveClustering: 5/5 epochs")
    assert "loss=" in last


def test_a_long_fit_writes_lines_on_the_way(rows, monkeypatch):
    monkeypatch.setattr("skdeepcluster.training.callbacks.SECONDS_BETWEEN_LINES", 0.0)
    lines = shown(monkeypatch, io.StringIO(), rows).splitlines()
    counts = [line.split()[1] for line in lines]
    assert counts[:6] == [f"{n}/5" for n in range(6)]


def test_a_fit_without_any_stream_for_messages_goes_on(rows, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert make(verbose=1).fit(rows).n_epochs_ == 5


def test_the_log_has_a_line_for_each_epoch(rows, caplog):
    with caplog.at_level("INFO", logger="skdeepcluster"):
        fitted = make(max_epochs=2).fit(rows)
    told = [record.getMessage() for record in caplog.records if record.name == "skdeepcluster"]
    assert [line.partition(",")[0] for line in told] == [
        f"{type(fitted).__name__}: epoch {n}" for n in (1, 2)
    ]
    assert f"loss {fitted.history_[1]['loss']:.3f}" in told[1]
