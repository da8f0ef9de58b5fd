"""The tables of the documentation are those of the runs on record."""

from __future__ import annotations

import pandas as pd
from result_tables import FOLDER, HERE, files, history, read, readme, row


def test_the_documentation_has_the_runs_on_record():
    on_disk = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert on_disk == files(), "run python benchmarks/result_tables.py"


def test_the_readme_has_the_medians_of_the_runs_on_record():
    text = (HERE.parent / "README.md").read_text()
    assert readme(read()) in text, "put in what python benchmarks/result_tables.py prints"


def test_the_readme_table_is_of_the_median_run():
    data = {"data": "digits", "method": "CLC", "seed": [0, 1, 2], "ACC": [0.5, 0.9, 0.7]}
    others = ["ContrastiveClustering", "ProPos", "TwinContrastClustering", "KMeans", "UMAP+KMeans"]
    same = [{**data, "method": method, "cpu_seconds": [10, 12, 11]} for method in others]
    runs = pd.concat(
        pd.DataFrame(r | {"data": images})
        for images in ("digits", "mnist5000", "fashion10000")
        for r in [{**data, "cpu_seconds": [61, 20, 20.6]}, *same]
    )
    cells = readme(runs).splitlines()[2].split(" | ")
    assert cells[1:] == ["0.700"] * 6 + ["11 to 21 |"]


def test_the_history_sets_each_state_beside_the_others():
    head, *lines = history()["history.csv"].splitlines()
    states = len(list((HERE / "results").glob("learning*.json")))
    assert head.count("0.1.0") == states
    assert len(lines) == 12
    assert "nan" not in "".join(lines)


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
