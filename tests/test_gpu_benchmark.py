"""The command that measures a GPU, at toy size on the CPU."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import gpu
import pytest
from timing.published import PublishedLoop, Twice, glyph


class Peer(PublishedLoop):
    """Stands for a method of lightly's, which has a transform of its own."""

    def transform(self, workload):
        return Twice(glyph(workload.shape[0]))


def run(path, *parts):
    """Run some parts; return the exit status and what was written."""
    status = gpu.main(["--toy", "--only", *parts, "--methods", "propos", "--out", str(path)])
    return status, json.loads(path.read_text())


def test_all_parts_but_the_suite_run(tmp_path, monkeypatch):
    stand_in = SimpleNamespace(BYOL=Peer, SimCLR=Peer)
    monkeypatch.setitem(sys.modules, "timing.peers", stand_in)
    parts = [part for part in gpu.PARTS if part != "suite"]
    status, found = run(tmp_path / "gpu.json", *parts)
    assert (status, found["errors"], list(found["seconds"])) == (0, {}, parts)
    rows = {part: [row for row in found["rows"] if row["section"] == part] for part in parts}
    assert [row["value"] for row in rows["determinism"]] == [0, 0]
    assert rows["memory"][0]["measure"] == "MiB at the peak of a fit"
    assert len(rows["compile"]) == len(rows["lightly"]) == 4
    assert rows["cifar10"][0]["case"] == "ProPos, 1 of 1000 epochs"
    assert rows["cifar10"][0]["target"] == ">= 0.943"


@pytest.mark.slow
def test_some_of_the_suite_runs(tmp_path):
    status, found = run(tmp_path / "gpu.json", "suite")
    assert (status, found["errors"]) == (0, {})
    assert found["rows"][0]["detail"].startswith("6 passed")


def test_a_part_that_fails_stops_no_other(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "timing.peers", None)
    status, found = run(tmp_path / "gpu.json", "lightly", "memory")
    assert status == 1
    assert [row["section"] for row in found["rows"]] == ["memory"]
    assert list(found["errors"]) == ["lightly"]
    assert 'pip install ".[bench]"' in capsys.readouterr().out.splitlines()[-1]


def test_tests_that_fail_are_named(tmp_path, monkeypatch):
    output = (
        "FAILED tests/test_one.py::test_it - assert 0\n== 1 failed, 7 passed, 2 errors in 3s =="
    )
    done = SimpleNamespace(returncode=1, stdout=output, stderr="")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: done)
    status, found = run(tmp_path / "gpu.json", "suite")
    assert status == 1
    assert found["rows"][0]["value"] == 3
    assert "tests/test_one.py::test_it" in found["rows"][0]["detail"]
    assert "1 failed, 7 passed" in found["errors"]["suite"]


def test_an_absent_device_is_refused_before_any_part(monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        gpu.main([])
    assert "--device: device must be present" in capsys.readouterr().err
