"""The command: from a folder to results and on, and what it says when something is amiss."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import torchvision
from PIL import Image
from sklearn.datasets import load_digits
from typer.testing import CliRunner

import skdeepcluster
from skdeepcluster.cli.app import app
from skdeepcluster.cli.pile import _refuse_out_of_range, _warn_if_dark
from skdeepcluster.cli.run_folder import held
from skdeepcluster.cli.settings import Settings
from skdeepcluster.datasets import load_images

QUICK = ["--image-size", "8", "--set", "max_epochs=6", "--set", "batch_size=16"]


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COLUMNS", "100")
        yield


def write_digits(folder: Path, n: int) -> Path:
    folder.mkdir()
    for number, image in enumerate(load_digits().images[:n]):
        (folder / "sub").mkdir(exist_ok=True)
        place = folder / "sub" if number % 2 else folder
        Image.fromarray((image * 15).astype(np.uint8)).save(place / f"{number:03}.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def pile(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("pile") / "images", 60)


def run(*arguments, status=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == status, done.output
    return done


@pytest.fixture(scope="module")
def fitted(pile, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "out"
    done = run("fit", pile, "-k", 3, "-o", out, "--json", "-q", *QUICK)
    return out, json.loads(done.stdout)


def digit(name):
    """Return the class of a file that `write_digits` has written."""
    return load_digits().target[int(Path(name).stem)]


def write_labels(path, files, name=str):
    lines = [f"{file},{name(digit(file))}\n" for file in files]
    path.write_text("file,label\n" + "".join(lines))
    return path


def files_of(pile, *digits):
    """Return the first files of some classes, relative to the folder."""
    names = [path.relative_to(pile) for path in sorted(pile.rglob("0*.png"))]
    return [name for d in digits for name in [n for n in names if digit(n) == d][:4]]


WORDS = {0: "null", 1: "one, <b>"}


@pytest.fixture(scope="module")
def labelled(pile, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    labels = write_labels(folder / "labels.csv", files_of(pile, 1, 0), lambda d: f'"{WORDS[d]}"')
    done = run("fit", pile, "-k", 3, "-o", folder / "o", "--labels", labels, "--json", "-q", *QUICK)
    return folder / "o", json.loads(done.stdout), labels


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def stop(*_, **__):
    raise KeyboardInterrupt


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_fit_leaves_model_tables_embedding_report_and_settings(fitted, pile):
    out, outcome = fitted
    names = {path.name for path in out.iterdir()}
    assert names == {
        "clusters.csv", "embedding.npy", "model.safetensors", "report.html", "run.toml",
        "unreadable.csv",
    }  # fmt: skip
    assert outcome["n_images"] == sum(outcome["sizes"]) == 60
    assert outcome["n_unreadable"] == 1
    assert [row["path"] for row in rows(out / "unreadable.csv")] == [str(pile / "broken.png")]
    settings = tomllib.loads((out / "run.toml").read_text())
    assert settings["parameters"]["max_epochs"] == 6
    assert settings["run"]["dtype"] == "uint8"
    assert settings["versions"]["skdeepcluster"] == skdeepcluster.__version__
    assert "ContrastiveClustering" in (out / "report.html").read_text()


def test_the_tables_hold_what_the_model_says(fitted, pile):
    out, _ = fitted
    model = skdeepcluster.load(out / "model.safetensors")
    found = load_images(pile, image_size=8)
    table = rows(out / "clusters.csv")
    probabilities = model.predict_proba(found.images)
    assert [row["path"] for row in table] == list(found.filenames)
    np.testing.assert_array_equal([int(row["cluster"]) for row in table], model.labels_)
    confidence = [float(row["confidence"]) for row in table]
    np.testing.assert_allclose(confidence, probabilities.max(axis=1), atol=1e-4)
    second = [int(row["second_cluster"]) for row in table]
    np.testing.assert_array_equal(second, np.argsort(-probabilities, axis=1)[:, 1])
    np.testing.assert_allclose(
        np.load(out / "embedding.npy"), model.transform(found.images), atol=1e-6
    )


def test_the_model_remembers_no_folder_of_checkpoints(fitted):
    model = skdeepcluster.load(fitted[0] / "model.safetensors")
    assert model.checkpoint_dir is None
    assert model.verbose == 0


def test_a_run_is_repeated_by_its_settings(fitted, tmp_path):
    out, outcome = fitted
    again = run("fit", "--config", out / "run.toml", "-o", tmp_path / "again", "--json", "-q")
    assert json.loads(again.stdout)["sizes"] == outcome["sizes"]
    for name in ("clusters.csv", "embedding.npy", "report.html", "run.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name


def test_the_command_line_has_the_last_word(fitted, tmp_path):
    out, _ = fitted
    run("fit", "--config", out / "run.toml", "-k", 2, "--method", "clc", "-o", tmp_path / "o", "-q")
    assert type(skdeepcluster.load(tmp_path / "o" / "model.safetensors")).__name__ == "CLC"
    assert tomllib.loads((tmp_path / "o" / "run.toml").read_text())["run"]["n_clusters"] == 2


def test_nothing_is_overwritten_unless_told_so(fitted, pile):
    out, _ = fitted
    before = content(out)
    for extra in ([], ["--set", "max_epochs=2"]):
        refused = run("fit", pile, "-k", 3, "-o", out, "-q", *QUICK, *extra, status=1)
        assert "holds the results of a run" in refused.stderr
    refused = run("predict", out, pile, "-o", out, "-q", status=1)
    assert "choose another folder" in refused.stderr
    assert "report.html" in run("report", out, "-q", status=1).stderr
    assert content(out) == before


def test_overwrite_says_what_it_replaces(fitted, pile, tmp_path):
    out = shutil.copytree(fitted[0], tmp_path / "out")
    done = run("fit", pile, "-k", 2, "-o", out, "-q", "--overwrite", *QUICK)
    assert "Replacing clusters.csv" in done.stderr
    assert skdeepcluster.load(out / "model.safetensors").n_clusters == 2


@pytest.mark.parametrize(
    "mistake",
    [
        ["--set", "lr=-1"],
        ["--set", "augmentation=nope"],
        ["-k", "300"],
        ["--labels", "LABELS"],
        ["--set", "device=foo"],
        ["--set", "augmentation=vector"],
        ["--set", "backbone=mlp"],
        ["--set", "distributed=true"],
        ["--set", "lr=1e30"],
    ],
)
def test_nothing_is_removed_for_a_run_that_cannot_be(mistake, fitted, pile, tmp_path):
    out = shutil.copytree(fitted[0], tmp_path / "out")
    before = content(out)
    labels = write_labels(tmp_path / "labels.csv", [*files_of(pile, 0, 1, 2, 3)])
    mistake = [str(labels) if text == "LABELS" else text for text in mistake]
    run("fit", pile, "-k", 3, "-o", out, "-q", "--overwrite", *QUICK, *mistake, status=1)
    shutil.rmtree(out / ".training", ignore_errors=True)
    assert content(out) == before


def test_paths_in_a_file_of_settings_are_relative_to_the_working_directory(
    pile, tmp_path, monkeypatch
):
    monkeypatch.chdir(pile.parent)
    config = tmp_path / "config.toml"
    config.write_text(f'[run]\nfolder = "{pile.name}"\nn_clusters = 2\n')
    run("fit", "--config", config, "-o", tmp_path / "out", "-q", *QUICK)
    monkeypatch.chdir(tmp_path)
    run("export", "out", "sorted", "--link")
    links = [path for path in (tmp_path / "sorted").rglob("*.png")]
    assert len(links) == 60
    assert all(path.exists() for path in links)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run = 5", "run in .* must be a table"),
        ("parameters = 3", "parameters in .* must be a table"),
        ('[run]\nmethod = ["cc"]', "method must be a text"),
        ("[run]\nlabels = [3]", "labels must be a list of texts"),
        ("[run]\nimage_size = 0", "image_size must be a whole number of 1 or more; got 0"),
        ("[run]\nbits = true", "bits must be a whole number from 1 to 16; got True"),
        ('[run]\nmodel = "model.safetensors"', "settings of predict"),
    ],
)
def test_settings_of_the_wrong_kind_are_named(text, message, pile, tmp_path):
    (tmp_path / "c.toml").write_text(text)
    arguments = ["fit", pile, "-k", 3, "-o", tmp_path / "o", "--config", tmp_path / "c.toml"]
    assert re.search(message, run(*arguments, status=1).stderr)


def test_predict_sorts_one_file(fitted, tmp_path):
    new = write_digits(tmp_path / "new", 1)
    run("predict", fitted[0], new, "-o", tmp_path / "p", "-q")
    assert len(rows(tmp_path / "p" / "clusters.csv")) == 1
    again = run("predict", fitted[0], new, "-o", tmp_path / "p", "-q", status=1)
    assert "--overwrite" not in again.stderr


def test_a_report_of_other_images_is_refused(tmp_path):
    new = write_digits(tmp_path / "new", 30)
    out = tmp_path / "out"
    run("fit", new, "-k", 2, "-o", out, "-q", *QUICK)
    (new / "000.png").unlink()
    for command in ("report", "suggest"):
        refused = run(command, out, "--overwrite", "-q", status=1)
        assert "0 are new, and 1 are gone" in refused.stderr


def test_predict_sorts_new_files_as_the_model_does(fitted, tmp_path):
    out, _ = fitted
    new = write_digits(tmp_path / "new", 9)
    (new / "broken.png").unlink()
    done = run("predict", out / "model.safetensors", new, "-o", tmp_path / "p", "--json", "-q")
    assert json.loads(done.stdout)["n_images"] == 9
    model = skdeepcluster.load(out / "model.safetensors")
    expected = model.predict(load_images(new, image_size=8).images)
    table = rows(tmp_path / "p" / "clusters.csv")
    np.testing.assert_array_equal([int(row["cluster"]) for row in table], expected)
    assert (tmp_path / "p" / "report.html").exists()
    assert rows(tmp_path / "p" / "unreadable.csv") == []


def test_predict_reads_new_files_as_those_of_the_fit_were_read(fitted, tmp_path):
    (tmp_path / "new").mkdir()
    deep = (load_digits().images[0] * 15).astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "new" / "deep.png")
    colour = np.repeat((load_digits().images[0] * 15).astype(np.uint8)[..., None], 3, axis=2)
    Image.fromarray(colour).save(tmp_path / "new" / "colour.png")
    run("predict", fitted[0], tmp_path / "new", "-o", tmp_path / "p", "-q")
    one, other = rows(tmp_path / "p" / "clusters.csv")
    assert one["cluster"] == other["cluster"]
    assert one["confidence"] == other["confidence"]


def test_a_report_is_written_anew(fitted, tmp_path):
    out = shutil.copytree(fitted[0], tmp_path / "out")
    before = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    run("report", out, "-q")
    assert (out / "report.html").read_bytes() == before
    run("report", out, "-q", "--overwrite")


def test_labels_guide_the_fit_and_name_the_clusters(labelled, pile):
    out, outcome, labels = labelled
    model = skdeepcluster.load(out / "model.safetensors")
    np.testing.assert_array_equal(model.classes_, [0, 1])
    names = ["" if k < 0 else list(WORDS.values())[k] for k in model.cluster_to_class_]
    assert set(names) == {"", *WORDS.values()}
    assert outcome["classes"] == names
    for row in rows(out / "clusters.csv"):
        assert row["class"] == names[int(row["cluster"])]
    settings = tomllib.loads((out / "run.toml").read_text())["run"]
    assert settings["labels"] == [str(labels)]
    assert settings["classes"] == list(WORDS.values())
    page = (out / "report.html").read_text()
    assert '"name":"null"' in page
    assert "<b>" not in page[page.index("report-data") :]


def test_labels_give_the_estimator_their_classes(pile, tmp_path, monkeypatch):
    told = {}

    def fit(self, X, known_labels):
        told.update(known=known_labels, n_clusters=self.n_clusters)
        raise ValueError("enough")

    monkeypatch.setattr(skdeepcluster.ContrastiveClustering, "fit", fit)
    one = write_labels(tmp_path / "1.csv", [pile / "000.png", "sub/../sub/001.png"])
    other = tmp_path / "2.csv"
    other.write_text(
        "label,file,note\r\n 12 ,010.png,\r\n,012.png,\r\n-1,014.png,\r\n0,000.png,\r\n"
    )
    labels = ["--labels", one, "--labels", other]
    run("fit", pile, "-k", "auto", "-o", tmp_path / "o", "-q", *labels, status=1)
    names = [Path(name).name for name in load_images(pile).filenames]
    expected = {"000.png": 0, "001.png": 1, "010.png": 12}
    np.testing.assert_array_equal(told["known"], [expected.get(name, -1) for name in names])
    assert told["n_clusters"] == "auto"
    assert tomllib.loads((tmp_path / "o" / "run.toml").read_text())["run"]["n_clusters"] == "auto"


def test_a_run_with_labels_is_repeated_and_its_report_written_anew(labelled, tmp_path):
    out, _, _ = labelled
    run("fit", "--config", out / "run.toml", "-o", tmp_path / "again", "-q")
    for name in ("clusters.csv", "report.html", "run.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name
    (tmp_path / "again" / "report.html").unlink()
    run("report", tmp_path / "again", "-q")
    assert (tmp_path / "again" / "report.html").read_bytes() == (out / "report.html").read_bytes()


def test_predict_names_the_classes_of_new_files(labelled, tmp_path):
    out, outcome, _ = labelled
    new = write_digits(tmp_path / "new", 9)
    done = run("predict", out, new, "-o", tmp_path / "p", "-q")
    assert "null" in done.stdout
    for row in rows(tmp_path / "p" / "clusters.csv"):
        assert row["class"] == outcome["classes"][int(row["cluster"])]
    assert "labels" not in tomllib.loads((tmp_path / "p" / "run.toml").read_text())["run"]


def test_folders_are_named_for_classes_unless_names_are_given(labelled, tmp_path):
    out, outcome, _ = labelled
    run("export", out, tmp_path / "s", "--link")
    other = str(outcome["classes"].index(""))
    assert {path.name for path in (tmp_path / "s").iterdir()} == {"null", "one, _b_", other}
    (tmp_path / "names.csv").write_text(f"cluster,name\n{outcome['classes'].index('null')},zero\n")
    run("export", out, tmp_path / "t", "--link", "--names", tmp_path / "names.csv")
    assert {path.name for path in (tmp_path / "t").iterdir()} == {"zero", "one, _b_", other}


def test_a_class_with_a_number_is_not_taken_for_a_cluster(fitted, tmp_path):
    out = shutil.copytree(fitted[0], tmp_path / "out")
    lines = (out / "clusters.csv").read_text().splitlines()
    classes = {"0": "1", "1": "", "2": "0"}
    body = [f"{line},{classes[line.split(',')[1]]}" for line in lines[1:]]
    (out / "clusters.csv").write_text("\n".join([f"{lines[0]},class", *body]))
    run("export", out, tmp_path / "s", "--link")
    assert {path.name for path in (tmp_path / "s").iterdir()} == {"class 1", "1", "class 0"}


def test_suggestions_are_a_table_to_fill_in_and_give_back(labelled, pile, tmp_path):
    out = shutil.copytree(labelled[0], tmp_path / "out")
    done = run("suggest", out, "-n", 5, "-q")
    assert "5 files to label" in done.stdout
    table = rows(out / "to_label.csv")
    assert list(table[0]) == ["file", "cluster", "confidence", "label"]
    known = {str(pile / file) for file in files_of(pile, 0, 1)}
    assert len({row["file"] for row in table} - known) == 5
    model, found = skdeepcluster.load(out / "model.safetensors"), load_images(pile, image_size=8)
    at = [found.filenames.index(row["file"]) for row in table]
    labels = [digit(n) if n in known else -1 for n in found.filenames]
    expected = model.suggest_labels(found.images, 5, known_labels=labels)
    np.testing.assert_array_equal(at, expected)
    assert [int(row["cluster"]) for row in table] == model.labels_[at].tolist()
    given = ["--labels", out / "to_label.csv", "--set", "max_epochs=1", "--image-size", 8, "-q"]
    empty = run("fit", pile, "-k", 3, "-o", tmp_path / "p", *given, status=1)
    assert "must give labels" in empty.stderr
    write_labels(out / "to_label.csv", [row["file"] for row in table])
    before = (out / "to_label.csv").read_bytes()
    assert "to_label.csv" in run("suggest", out, "-q", status=1).stderr
    assert (out / "to_label.csv").read_bytes() == before
    run("fit", pile, "-k", 8, "-o", tmp_path / "o", *given)
    told = skdeepcluster.load(tmp_path / "o" / "model.safetensors").classes_
    assert set(told) == {digit(row["file"]) for row in table}


def test_labels_that_a_run_was_trained_with_are_not_replaced(pile, tmp_path):
    table = tmp_path / "o" / "to_label.csv"
    run("fit", pile, "-k", 2, "-o", tmp_path / "o", "-q", *QUICK)
    run("suggest", tmp_path / "o", "-n", 6, "-q")
    write_labels(table, [row["file"] for row in rows(table)])
    run("fit", pile, "-k", 8, "-o", tmp_path / "o", "--labels", table, "--overwrite", "-q", *QUICK)
    before = table.read_bytes()
    refused = run("suggest", tmp_path / "o", "--overwrite", "-q", status=1)
    assert "holds the labels that this run was trained with" in refused.stderr
    assert table.read_bytes() == before


def test_a_model_is_not_gone_on_with_by_labels_of_other_classes(pile, tmp_path):
    files = [str(pile / file) for file in files_of(pile, 0, 1)]
    write_labels(tmp_path / "labels.csv", files[:8])
    fit = ["fit", pile, "-k", 8, "-o", tmp_path / "o", "--labels", tmp_path / "labels.csv", "-q"]
    run(*fit, *QUICK)
    text = (tmp_path / "labels.csv").read_text()
    (tmp_path / "o" / "report.html").unlink()
    (tmp_path / "labels.csv").write_text(text.replace(",0\n", ",zero\n"))
    refused = run(*fit, *QUICK, status=1)
    assert "trained with labels of other classes, none by name; now there are" in refused.stderr
    (tmp_path / "labels.csv").write_text(text)
    run(*fit, *QUICK)
    assert (tmp_path / "o" / "report.html").exists()


def test_a_run_that_has_not_begun_may_be_given_other_settings(pile, tmp_path):
    fit = ["fit", pile, "-o", tmp_path / "o", "-q", *QUICK]
    run(*fit, "-k", 1000, status=1)
    run(*fit, "-k", 2)
    assert skdeepcluster.load(tmp_path / "o" / "model.safetensors").n_clusters == 2


def test_no_more_is_suggested_than_there_is(labelled, tmp_path):
    out = shutil.copytree(labelled[0], tmp_path / "out")
    done = run("suggest", out, "-n", 500, "--json", "-q")
    assert json.loads(done.stdout)["n_files"] == len(rows(out / "to_label.csv")) == 52


LABELS = {
    "no table": ("", "must have the columns file and label"),
    "other columns": ("file;label\n000.png;a\n", "must have the columns file and label"),
    "empty": ("file,label\n000.png,\n", "must give labels"),
    "two labels": ("file,label\n000.png,a\n./000.png,b\n", "line 3: './000.png' has two labels"),
    "unknown file": ("file,label\n000.png,a\nx.png,b\ny.png,b\n", "x.png' is none, as are 1 more"),
    "many classes": ("file,label\n000.png,a\n002.png,b\n004.png,c\n", "3 classes, more than"),
}


@pytest.mark.parametrize("mistake", LABELS)
def test_mistaken_labels_are_told_in_a_line(mistake, pile, tmp_path):
    content, message = LABELS[mistake]
    (tmp_path / "labels.csv").write_text(content)
    options = ["-k", 2, "-o", tmp_path / "o", "--labels", tmp_path / "labels.csv", "-q"]
    refused = run("fit", pile, *options, status=1)
    last = refused.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert re.search(message, last), last


def test_labels_in_a_file_of_settings_are_a_list(pile, tmp_path):
    (tmp_path / "run.toml").write_text('[run]\nlabels = "labels.csv"\n')
    options = ["--config", tmp_path / "run.toml", "-k", 2, "-o", tmp_path / "o"]
    assert "labels must be a list" in run("fit", pile, *options, status=1).stderr


def test_labels_of_files_that_cannot_be_read_are_of_no_use(pile, tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\nbroken.png,a\n000.png,a\n")
    options = ["--labels", tmp_path / "labels.csv", "--set", "max_epochs=1", "--image-size", 8]
    run("fit", pile, "-k", 2, "-o", tmp_path / "o", "-q", *options)
    assert skdeepcluster.load(tmp_path / "o" / "model.safetensors").classes_.tolist() == [0]


@pytest.mark.parametrize("way", ["link", "copy"])
def test_export_makes_a_folder_for_each_cluster(fitted, pile, tmp_path, way):
    out, outcome = fitted
    before = content(pile)
    target = tmp_path / "sorted"
    done = run("export", out, target, f"--{way}")
    assert "60 files" in done.stdout
    for number, size in enumerate(outcome["sizes"]):
        files = [path for path in (target / str(number)).rglob("*") if path.is_file()]
        assert len(files) == size
        assert all(path.is_symlink() == (way == "link") for path in files)
        for path in files:
            original = pile / path.relative_to(target / str(number))
            assert path.read_bytes() == original.read_bytes()
    assert content(pile) == before
    assert "exists" in run("export", out, target, f"--{way}", status=1).stderr


def test_export_does_nothing_unless_told_to(fitted, tmp_path):
    done = run("export", fitted[0], tmp_path / "sorted")
    assert not (tmp_path / "sorted").exists()
    assert "Nothing was done" in done.stdout
    assert len(done.stdout.splitlines()) == 61
    assert "Only one" in run("export", fitted[0], "--link", "--copy", status=1).stderr


def test_names_from_the_report_name_and_join_folders(fitted, tmp_path):
    out, outcome = fitted
    (tmp_path / "names.csv").write_text("cluster,name\r\n0,round\r\n2,round\r\n1,../thin/\r\n")
    run("export", out, tmp_path / "s", "--link", "--names", tmp_path / "names.csv")
    folders = {path.name: path for path in (tmp_path / "s").iterdir()}
    assert set(folders) == {"round", "_thin_"}
    files = [path for path in folders["round"].rglob("*") if path.is_file()]
    assert len(files) == outcome["sizes"][0] + outcome["sizes"][2]


def test_names_that_would_join_clusters_by_mistake_are_refused(fitted, tmp_path):
    (tmp_path / "names.csv").write_text("cluster,name\n0,1\n")
    refused = run("export", fitted[0], tmp_path / "s", "--names", tmp_path / "names.csv", status=1)
    assert "would share the folder '1'" in refused.stderr


def test_a_file_that_has_gone_is_named(fitted, pile, tmp_path):
    out = shutil.copytree(fitted[0], tmp_path / "out")
    text = (out / "clusters.csv").read_text().replace(str(pile / "000.png"), str(pile / "gone.png"))
    (out / "clusters.csv").write_text(text)
    done = run("export", out, tmp_path / "s", "--copy", "--json")
    assert json.loads(done.stdout)["missing"] == [str(pile / "gone.png")]
    assert re.search("no longer there: 1 of 60 files, such as .*gone.png", done.stderr)
    shown = run("export", out, tmp_path / "s")
    assert "gone.png" in shown.stderr and "gone.png" not in shown.stdout


@pytest.mark.parametrize("way", ["--link", "--copy", "--move-nothing"])
def test_files_that_have_all_gone_are_no_success(way, tmp_path):
    images = write_digits(tmp_path / "in", 16)
    run("fit", images, "-k", 2, "-o", tmp_path / "o", "-q", *QUICK)
    shutil.rmtree(images)
    refused = run("export", tmp_path / "o", tmp_path / "s", way, status=1)
    assert "None of the files is there any more" in refused.stderr
    assert not (tmp_path / "s").exists()


MISTAKES = {
    "no folder": (["fit", "nowhere", "-k", "3", "-o", "o"], "no folder .*nowhere"),
    "no k": (["fit", "PILE", "-o", "o"], "n_clusters must be given: -k"),
    "k": (["fit", "PILE", "-k", "many", "-o", "o"], "-k must be a whole number.*'many'"),
    "zero": (["fit", "PILE", "-k", "0", "-o", "o"], "-k must be a whole number.*'0'"),
    "labels": (["fit", "PILE", "-k", "3", "-o", "o", "--labels", "none.csv"], "none.csv"),
    "suggest": (["suggest", "PILE"], "run.toml"),
    "method": (["fit", "PILE", "-k", "3", "-o", "o", "--method", "dec"], "cc, tcc, clc, propos"),
    "resize": (["fit", "PILE", "-k", "3", "-o", "o", "--resize", "big"], "resize.*'big'"),
    "set": (["fit", "PILE", "-k", "3", "-o", "o", "--set", "max_epochs"], "name=value"),
    "unknown": (["fit", "PILE", "-k", "3", "-o", "o", "--set", "depth=3"], "no parameter depth"),
    "value": (["fit", "PILE", "-k", "3", "-o", "o", "--set", "lr=-1"], "lr.*-1"),
    "many": (["fit", "PILE", "-k", "300", "-o", "o"], "n_clusters=300"),
    "inside": (["fit", "PILE", "-k", "3", "-o", "PILE/o"], "outside of the folder of the images"),
    "config": (["fit", "PILE", "-k", "3", "-o", "o", "--config", "PILE/broken.png"], "no TOML"),
    "own": (["fit", "PILE", "-k", "3", "-o", "o", "--set", "checkpoint_dir=c"], "by itself"),
    "model": (["predict", "PILE/broken.png", "PILE", "-o", "o"], "broken.png"),
    "run": (["report", "PILE"], "run.toml"),
    "export": (["export", "PILE"], "clusters.csv"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_a_line(mistake, pile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, message = MISTAKES[mistake]
    before = content(pile)
    refused = run(*(text.replace("PILE", str(pile)) for text in arguments), status=1)
    last = refused.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert re.search(message, last), last
    assert "Traceback" not in refused.output
    assert content(pile) == before


def test_the_usage_is_told_where_options_are_wrong():
    assert run("fit", "--speed", status=2).stderr.count("--speed") == 1
    assert "predict" in run("--help").output
    assert run("--version").stdout.strip() == skdeepcluster.__version__


@pytest.fixture
def command(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(*arguments):
        words = [sys.executable, "-m", "skdeepcluster", *map(str, arguments)]
        return subprocess.Popen(
            words,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where tests run in the background of a shell, Ctrl-C would be ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    return start


def test_an_interrupted_fit_goes_on_and_ends_as_one_in_one_go(command, pile, tmp_path):
    fit = ["fit", pile, "-k", 3, "--image-size", 8, "--set", "checkpoint_interval=0", "-q"]
    fit += ["--set", "max_epochs=25", "--set", "batch_size=32"]
    process = command(*fit, "-o", tmp_path / "o")
    while not list((tmp_path / "o").glob(".training/epoch-*.state")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted. The same command goes on" in stderr
    assert "Traceback" not in stderr
    assert "Going on with the run" in run(*fit, "-o", tmp_path / "o").stderr
    run(*fit, "-o", tmp_path / "whole")
    for name in ("clusters.csv", "embedding.npy", "report.html"):
        assert (tmp_path / "o" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_images_of_many_channels_are_clustered(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(24):
        planes = np.full((5, 8, 8), 40 * (number % 2), np.uint8)
        planes[number % 2 :, number % 8] = 200
        tifffile.imwrite(tmp_path / "in" / f"{number}.tif", planes, metadata={"axes": "CYX"})
    done = run("fit", tmp_path / "in", "-k", 2, "-o", tmp_path / "o", "-q", "--json", *QUICK)
    assert json.loads(done.stdout)["n_images"] == 24
    assert skdeepcluster.load(tmp_path / "o" / "model.safetensors").image_shape_ == (5, 8, 8)


FEATURES = ["--features", "resnet18", "--image-size", "32", "--set", "max_epochs=2", "-q"]


@pytest.fixture
def resnet18(tmp_path, monkeypatch):
    weights = torchvision.models.resnet18().state_dict()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    name = torchvision.models.ResNet18_Weights.DEFAULT.url.rpartition("/")[2]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(weights, tmp_path / "hub" / "checkpoints" / name)


@pytest.mark.usefixtures("resnet18")
def test_features_kept_by_a_fit_that_failed_are_those_of_the_same_images(tmp_path, monkeypatch):
    folder = write_digits(tmp_path / "in", 24)
    fit = ["fit", folder, "-k", 2, "-o", tmp_path / "o", *FEATURES]

    def fail(*arguments, **others):
        raise ValueError("The disk is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(skdeepcluster.ContrastiveClustering, "fit", fail)
        run(*fit, status=1)
    kept = list((tmp_path / "o").glob(".features*"))
    assert len(kept) == 1
    (folder / "000.png").unlink()
    run(*fit)
    assert len((tmp_path / "o" / "clusters.csv").read_text().splitlines()) == 1 + 23
    assert not list((tmp_path / "o").glob(".features*"))


@pytest.mark.usefixtures("resnet18")
def test_features_of_a_network_are_clustered(pile, tmp_path):
    run("fit", pile, "-k", 2, "-o", tmp_path / "o", *FEATURES)
    assert skdeepcluster.load(tmp_path / "o" / "model.safetensors").n_features_in_ == 512
    assert not list((tmp_path / "o").glob(".features*"))
    done = run("predict", tmp_path / "o", pile, "-o", tmp_path / "p", "-q")
    assert "60 images" in done.stdout
    for name in ("clusters.csv", "embedding.npy"):
        assert (tmp_path / "o" / name).read_bytes() == (tmp_path / "p" / name).read_bytes()


def test_a_run_without_files_and_a_name_too_long_for_a_folder_are_told(fitted, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("cluster,name\n0," + "\u4e2d" * 100 + "\n", encoding="utf-8")
    arguments = ["export", fitted[0], tmp_path / "s", "--copy", "--names", names]
    assert "255 bytes" in run(*arguments, status=1).stderr
    assert not (tmp_path / "s").exists()
    (tmp_path / "clusters.csv").write_text("path,cluster\n")
    assert "has no rows" in run("export", tmp_path, status=1).stderr


def test_a_folder_is_for_one_command_at_a_time(pile, tmp_path):
    with held(tmp_path / "o"):
        for extra in ([], ["--overwrite"]):
            fit = ["fit", pile, "-k", 4, "-o", tmp_path / "o", "-q", *QUICK, *extra]
            assert "Another command is at work in" in run(*fit, status=1).stderr
        assert [path.name for path in (tmp_path / "o").iterdir()] == [".lock"]
    assert not list((tmp_path / "o").iterdir())


@pytest.mark.parametrize("command", ["report", "suggest"])
def test_another_model_s_clusters_are_not_described(fitted, pile, tmp_path, command):
    out = tmp_path / "o"
    shutil.copytree(fitted[0], out)
    settings = ["--image-size", "8", "--set", "max_epochs=1", "--set", "random_state=9"]
    run("fit", pile, "-k", 3, "-o", tmp_path / "other", "-q", *settings)
    shutil.copy(tmp_path / "other" / "model.safetensors", out / "model.safetensors")
    before = content(out)
    refused = run(command, out, "--overwrite", "-q", status=1)
    assert "images are in other clusters now than in" in refused.stderr
    assert content(out) == before


def test_a_model_is_not_gone_on_with_by_other_images(fitted, pile, tmp_path):
    out, images = tmp_path / "o", tmp_path / "in"
    shutil.copytree(pile, images)
    fit = ["fit", images, "-k", 3, "-o", out, "-q", *QUICK]
    run(*fit)
    (out / "report.html").unlink()
    settings = (out / "run.toml").read_bytes()
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(images / "deep.png")
    assert "was trained with 60 images; now there are 61" in run(*fit, status=1).stderr
    assert (out / "run.toml").read_bytes() == settings
    (images / "deep.png").unlink()
    assert "is not trained again" in run(*fit).stderr


def test_nothing_is_exported_among_the_images(fitted, pile):
    refused = run("export", fitted[0], pile / "sorted", "--link", status=1)
    assert "must be outside of the folder of the images" in refused.stderr
    assert not (pile / "sorted").exists()


def test_a_copy_that_fails_is_not_left_under_its_name(fitted, tmp_path, monkeypatch):
    def fill_the_disk(source, folder):
        (Path(folder) / source.name).write_bytes(b"part")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", fill_the_disk)
    refused = run("export", fitted[0], tmp_path / "s", "--copy", status=1)
    assert "is not complete: No space left on device." in refused.stderr
    assert not [path for path in (tmp_path / "s").rglob("*") if path.is_file()]


def test_text_that_is_not_utf_8_is_named(pile, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_bytes("file,label\nsub/001.png,Zelle_\xfc\n".encode("latin-1"))
    fit = ["fit", pile, "-k", 3, "-o", tmp_path / "o", "-q", *QUICK]
    refused = run(*fit, "--labels", table, status=1)
    assert "labels.csv, line 2: labels must be text in UTF-8" in refused.stderr
    folder = write_digits(tmp_path / os.fsdecode(b"in\xff"), 8)
    refused = run("fit", folder, "-k", 3, "-o", tmp_path / "o", "-q", *QUICK, status=1)
    assert r"folder must be text in UTF-8; got" in refused.stderr
    assert not (tmp_path / "o").exists()


def test_a_model_alone_says_how_it_reads(fitted, pile, tmp_path):
    shutil.copy(fitted[0] / "model.safetensors", tmp_path)
    done = run("predict", tmp_path / "model.safetensors", pile, "-o", tmp_path / "p", "-q")
    assert "images are read with resize='pad'" in done.stderr


def test_a_lack_of_memory_is_a_line(pile, tmp_path, monkeypatch):
    def lack(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 TB")

    monkeypatch.setattr("skdeepcluster.cli.work.fit", lack)
    refused = run("fit", pile, "-k", 3, "-o", tmp_path / "o", status=1)
    assert refused.stderr.startswith("Error: DefaultCPUAllocator: can't allocate memory")


def test_a_file_that_is_neither_dark_nor_bright_is_named_before_features_are_computed():
    images = np.stack([np.full((8, 8), value, np.float32) for value in (0.5, 3.0)])
    settings = Settings("in", 2, features="resnet18")
    with pytest.raises(ValueError, match=r"b\.tif has values from 3 to 3: .*white 1\."):
        _refuse_out_of_range(settings, images, ["a.tif", "b.tif"])
    _refuse_out_of_range(settings, images / 2.999999, ["a.tif", "b.tif"])


def test_dark_images_are_told_before_features_are_computed():
    images = np.full((2, 8, 8), 0.06, np.float32)
    with pytest.warns(UserWarning, match=r"brightest value of all images is 0\.06"):
        _warn_if_dark(images)


def test_what_was_interrupted_while_replacing_goes_on_without_that(pile, tmp_path, monkeypatch):
    out = tmp_path / "o"
    fit = ["fit", pile, "-k", 3, "-o", out, "-q", *QUICK]
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.cli.work.fit", stop)
        assert "The same command goes on" in run(*fit, status=130).stderr
    run(*fit)
    before = content(out)
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.cli.work.read_pile", stop)
        stopped = run(*fit, "--overwrite", status=130)
    assert "What was there has not been replaced." in stopped.stderr
    assert content(out) == before
    unlink = Path.unlink

    def until_tables(path, missing_ok=False):
        unlink(path, missing_ok=missing_ok)
        if path == out / "report.html":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", until_tables)
        stopped = run(*fit, "--overwrite", status=130)
    assert "The same command goes on" in stopped.stderr
    assert not (out / "report.html").exists()
    assert "is not trained again" not in run(*fit, "--overwrite").stderr
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.cli.work.finish", stop)
        stopped = run(*fit, "--overwrite", status=130)
    assert "command without --overwrite goes on" in stopped.stderr
    assert "is not trained again" in run(*fit).stderr


def test_what_is_there_stays_until_another_training_has_ended(fitted, pile, tmp_path, monkeypatch):
    out = shutil.copytree(fitted[0], tmp_path / "out")
    before = content(out)
    fit = ["fit", pile, "-k", 2, "-o", out, "-q", "--overwrite", *QUICK]
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.fitting.fit.fitted_attributes", stop)
        stopped = run(*fit, status=130)
    assert "What was there has not been replaced. The same command goes on" in stopped.stderr
    kept = {path: it for path, it in content(out).items() if ".training" not in path.parts}
    assert kept == before
    run(*fit)
    assert skdeepcluster.load(out / "model.safetensors").n_clusters == 2
    assert content(out).keys() == before.keys()


def test_a_training_that_was_begun_is_replaced_by_another(pile, tmp_path, monkeypatch):
    out = tmp_path / "out"
    fit = ["fit", pile, "-o", out, "-q", *QUICK]
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.fitting.fit.fitted_attributes", stop)
        run(*fit, "-k", 3, status=130)
    assert "another n_clusters" in run(*fit, "-k", 2, status=1).stderr
    assert "n_samples=60" in run(*fit, "-k", 300, "--overwrite", status=1).stderr
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.fitting.fit.fitted_attributes", stop)
        run(*fit, "-k", 3, status=130)
    assert "Going on with the training" in run(*fit, "-k", 2, "--overwrite").stderr
    assert skdeepcluster.load(out / "model.safetensors").n_clusters == 2


def test_a_training_that_does_not_fit_these_versions_is_replaced(pile, tmp_path, monkeypatch):
    fit = ["fit", pile, "-o", tmp_path / "out", "-k", 3, "-q", *QUICK]
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.fitting.fit.fitted_attributes", stop)
        run(*fit, status=130)

    def check(*_):
        monkeypatch.undo()
        raise ValueError("of another version")

    monkeypatch.setattr("skdeepcluster.training.checkpoint.check_state", check)
    assert "add --overwrite to begin anew" in run(*fit, status=1).stderr
    monkeypatch.setattr("skdeepcluster.training.checkpoint.check_state", check)
    run(*fit, "--overwrite")


def test_a_model_that_cannot_be_written_replaces_nothing(fitted, pile, tmp_path, monkeypatch):
    out = shutil.copytree(fitted[0], tmp_path / "out")
    before = content(out)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(skdeepcluster.ContrastiveClustering, "save", full)
    run("fit", pile, "-k", 2, "-o", out, "-q", "--overwrite", *QUICK, status=1)
    kept = {path: it for path, it in content(out).items() if ".training" not in path.parts}
    assert kept == before


def test_a_path_that_goes_up_is_the_same_in_every_command(pile, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    folder = shutil.copytree(pile, tmp_path / "pile")
    monkeypatch.chdir(tmp_path / "work")
    up, out = Path("..") / folder.name, Path("..") / "out"
    fit = ["fit", up, "-k", 3, "-o", out, "-q", *QUICK]
    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.cli.work.finish", stop)
        run(*fit, status=130)
    run(*fit)
    run("report", out, "--overwrite", "-q")
    run("suggest", out, "-q")
    run("predict", out, up, "-o", "../p", "-q")
    run("report", "../p", "--overwrite", "-q")


def test_files_that_no_run_has_left_are_not_replaced(pile, tmp_path):
    (tmp_path / "report.html").write_text("mine")
    for options in ([], ["--overwrite"]):
        refused = run("fit", pile, "-k", 3, "-o", tmp_path, *options, status=1)
        assert "holds report.html, but no run.toml" in refused.stderr
    assert (tmp_path / "report.html").read_text() == "mine"


def test_a_table_with_further_columns_is_not_written_anew(fitted, pile, tmp_path):
    out = shutil.copytree(fitted[0], tmp_path / "o")
    (out / "report.html").unlink()
    lines = (out / "clusters.csv").read_text().splitlines()
    (out / "clusters.csv").write_text("".join(f"{line},note\n" for line in lines))
    before = content(out)
    refused = run("fit", pile, "-k", 3, "-o", out, "-q", *QUICK, status=1)
    assert f"skdeepcluster report {out} writes it" in refused.stderr
    assert content(out) == before
    run("report", out, "-q")
    assert (out / "report.html").exists()


def test_settings_of_a_run_do_not_make_deeper_images_shallow(fitted, tmp_path):
    (tmp_path / "deep").mkdir()
    for number, image in enumerate(load_digits().images[:16]):
        deep = Image.fromarray((image * 250).astype(np.uint16))
        deep.save(tmp_path / "deep" / f"{number:03}.png")
    config = ["--config", fitted[0] / "run.toml", "-k", 2]
    run("fit", tmp_path / "deep", "-o", tmp_path / "o", "-q", *config)
    assert tomllib.loads((tmp_path / "o" / "run.toml").read_text())["run"]["dtype"] == "float32"


def test_accents_may_be_taken_apart_in_names_and_labels(tmp_path):
    apart, together = (unicodedata.normalize(form, "für") for form in ("NFD", "NFC"))
    images = write_digits(tmp_path / "in", 16)
    (images / "000.png").rename(images / f"{apart}.png")
    table = tmp_path / "labels.csv"
    table.write_text(f"file,label\n{together}.png,{together}\nsub/001.png,{apart}\n")
    run("fit", images, "-k", 2, "-o", tmp_path / "o", "-q", "--labels", table, *QUICK)
    assert tomllib.loads((tmp_path / "o" / "run.toml").read_text())["run"]["classes"] == [together]
    (tmp_path / "names.csv").write_text(f"cluster,name\n0,{apart}\n1,{together}\n")
    run("export", tmp_path / "o", tmp_path / "s", "--link", "--names", tmp_path / "names.csv")
    assert [path.name for path in (tmp_path / "s").iterdir()] == [together]


def test_a_report_says_what_is_left_out_now(fitted, tmp_path):
    images, out = write_digits(tmp_path / "in", 16), tmp_path / "o"
    run("fit", images, "-k", 2, "-o", out, "-q", *QUICK)
    (images / ".DS_Store").write_bytes(b"x")
    assert "2 files were left out" in run("report", out, "-q", "--overwrite").stdout
    assert len(rows(out / "unreadable.csv")) == 2


def test_a_report_does_without_labels_that_have_gone(labelled, tmp_path):
    out, gone = shutil.copytree(labelled[0], tmp_path / "o"), tmp_path / "gone.csv"
    text = (out / "run.toml").read_text().replace(str(labelled[2]), str(gone))
    (out / "run.toml").write_text(text)
    assert "no longer there" in run("report", out, "-q", "--overwrite").stderr
    assert f"{gone}, the labels of this run, is needed" in run("suggest", out, status=1).stderr


def test_weights_are_those_of_a_network(pile, tmp_path):
    fit = ["fit", pile, "-k", 2, "-o", tmp_path / "o", "--weights", "w.pth"]
    assert "--weights is for a pretrained network" in run(*fit, status=1).stderr
    assert not (tmp_path / "o").exists()


def test_a_training_of_other_images_is_not_gone_on_with(tmp_path, monkeypatch):
    images, out = write_digits(tmp_path / "in", 32), tmp_path / "o"
    fit = ["fit", images, "-k", 2, "-o", out, "-q", *QUICK]

    with monkeypatch.context() as patch:
        patch.setattr(skdeepcluster.ContrastiveClustering, "save", stop)
        run(*fit, status=130)
    shutil.copy(images / "000.png", images / "002.png")
    refused = run(*fit, status=1)
    assert f"have changed since the training in {out} began" in refused.stderr


@pytest.mark.usefixtures("resnet18")
def test_features_are_of_the_weights_that_the_file_holds_now(tmp_path, monkeypatch):
    folder, file = write_digits(tmp_path / "in", 16), tmp_path / "w.pth"
    fit = ["fit", folder, "-k", 2, "-o", tmp_path / "o", *FEATURES, "--weights", file]

    for _ in range(2):
        torch.save(torchvision.models.resnet18().state_dict(), file)
        with monkeypatch.context() as patch:
            patch.setattr(skdeepcluster.ContrastiveClustering, "fit", stop)
            run(*fit, status=130)
    assert len(list((tmp_path / "o").glob(".features*"))) == 2


@pytest.mark.usefixtures("resnet18")
def test_images_of_twelve_bits_are_bright_to_a_network_that_is_told(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "full").mkdir()
    for number, image in enumerate(load_digits().images[:12]):
        for folder, brightest in (("in", 4095), ("full", 65535)):
            values = np.round(image / image.max() * 15) / 15 * brightest
            deep = Image.fromarray(values.astype(np.uint16))
            deep.save(tmp_path / folder / f"{number:03}.png")
    fit = ["fit", "-k", 2, *FEATURES, "-o"]
    assert "--bits 12" in run(*fit, tmp_path / "dark", tmp_path / "in").stderr
    told = run(*fit, tmp_path / "told", tmp_path / "in", "--bits", 12)
    assert "--bits" not in told.stderr
    run(*fit, tmp_path / "whole", tmp_path / "full")
    told, whole = (np.load(tmp_path / name / "embedding.npy") for name in ("told", "whole"))
    np.testing.assert_allclose(told, whole, atol=0.02)  # white is 4096 of 4095
    run("predict", tmp_path / "told", tmp_path / "in", "-o", tmp_path / "again", "-q")
    shallow = Image.fromarray(np.full((8, 8), 200, np.uint8))
    shallow.save(tmp_path / "in" / "shallow.png")
    mixed = run(*fit, tmp_path / "mixed", tmp_path / "in", "--bits", 12, status=1).stderr
    assert re.search(r"shallow\.png has values from 0\.784 to 0\.784 of .*leave out --bits", mixed)
    np.testing.assert_allclose(np.load(tmp_path / "again" / "embedding.npy"), told, atol=1e-3)


def test_weights_that_are_not_there_are_asked_for_by_the_option(pile, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    refused = run("fit", pile, "-k", 2, "-o", tmp_path / "o", *FEATURES, status=1)
    assert "give the file as --weights FILE" in refused.stderr
