"""The tables of the documentation are those of the runs on record."""

from __future__ import annotations

import pandas as pd
from result_tables import FOLDER, read, row, speed, tables


def test_the_documentation_has_the_runs_on_record():
    on_disk = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert on_disk == tables(read()) | speed(), "run python benchmarks/result_tables.py"


def test_a_row_sums_up_the_seeds():
    scores = {"ACC": [0.5, 0.9, 0.7], "NMI": [0.2, 0.4, 0.6], "ARI": [0.1, 0.1, 0.4]}
    runs = pd.DataFrame({"method": "CLC", "seed": [0, 1, 2], **scores, "cpu_seconds": [60, 90, 62]})
    assert row(runs) == {
        "method": "CLC",
        "seeds": "0, 1, 2",
        "ACC of each": "0.500, 0.900, 0.700",
        "median": "0.700",
        "deviation": "0.200",
        "NMI": "0.400",
        "ARI": "0.200",
        "minutes": "1.0 to 1.5",
    }
    assert row(runs[:1])["deviation"] == ""
    assert row(runs[:1])["minutes"] == "1.0"
