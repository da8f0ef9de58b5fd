"""A page that shows a clustering, and the names that are given to clusters in it."""

from __future__ import annotations

from skdeepcluster.report.names import read_names
from skdeepcluster.report.page import write_report

__all__ = ["read_names", "write_report"]
