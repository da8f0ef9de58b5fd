"""The report as a file: what is in it, what is escaped, how large it gets, what is refused."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from trainings import make

from skdeepcluster.report import page, read_names, write_report

LABELS = np.arange(30) % 3
LOOSE = "Clusters that do not hold together"
NUMBERS = {"Uint16Array": "<u2", "Uint32Array": "<u4", "Float32Array": "<f4"}


class Model(BaseEstimator):
    """A stand-in for a fitted estimator, which returns what it was given."""

    def __init__(self, probabilities: Any, embedding: Any = None, **parameters: Any) -> None:
        self.probabilities = np.asarray(probabilities, dtype=np.float32)
        angles = np.linspace(0, 3, len(self.probabilities))
        circle = np.c_[np.cos(angles), np.sin(angles)]
        self.embedding = np.asarray(circle if embedding is None else embedding, dtype=np.float32)
        self.__dict__.update(parameters)

    def fit(self, X: Any, y: Any = None) -> Model:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.probabilities

    def transform(self, X: Any) -> np.ndarray:
        return self.embedding


def _table(labels: Any, confidence: Any, n_clusters: int = 3) -> np.ndarray:
    """Give each sample its confidence in its own cluster, and the rest evenly to the others."""
    labels = np.asarray(labels)
    confidence = np.broadcast_to(confidence, labels.shape)
    rows = np.repeat((1 - confidence)[:, None] / (n_clusters - 1), n_clusters, axis=1)
    rows[np.arange(len(labels)), labels] = confidence
    return rows


def _images(n: int = 30, shape: tuple[int, ...] = (8, 8)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)


def _write(path: Path, model: Any = None, images: Any = None, **options: Any) -> dict[str, Any]:
    """Write a report and return what is embedded in it."""
    model = Model(_table(LABELS, np.linspace(0.5, 0.99, 30))) if model is None else model
    images = _images(len(LABELS)) if images is None else images
    options = {"random_state": 0, **options}
    return _data(write_report(model, images, path / "report.html", **options))


def _data(path: Path) -> dict[str, Any]:
    text = path.read_text("utf-8")
    (found,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def _numbers(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["base64"]), dtype=NUMBERS[packed["type"]])


def _thumbnail(data: dict[str, Any], row: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data["thumbnails"][row]))))


def _findings(path: Path) -> list[str]:
    text = (path / "report.html").read_text("utf-8")
    part = text[text.index('id="warnings"') : text.index('id="sizes"')]
    return [html.unescape(title) for title in re.findall(r"<h3>(.*?)</h3>", part)]


def test_the_page_knows_of_each_image_what_the_model_says(tmp_path: Path) -> None:
    model = Model(_table(LABELS, np.linspace(0.5, 0.99, 30)))
    data = _write(tmp_path, model)
    assert data["count"] == 30
    np.testing.assert_array_equal(_numbers(data["label"]), LABELS)
    np.testing.assert_array_equal(
        _numbers(data["confidence"]), model.probabilities.max(axis=1).astype("<f4")
    )
    assert np.all(_numbers(data["second"]) != LABELS)
    assert len(_numbers(data["x"])) == len(_numbers(data["y"])) == 30
    assert [cluster["size"] for cluster in data["clusters"]] == [10, 10, 10]


def test_a_fitted_estimator_is_shown_as_it_predicts_and_doubted_as_it_warns(tmp_path: Path) -> None:
    images = load_digits().images[:60].astype(np.uint8)
    with pytest.warns(ConvergenceWarning, match="of n_clusters=3 clusters have members"):
        model = make(max_epochs=2).fit(images)
    data = _write(tmp_path, model, images)
    np.testing.assert_array_equal(_numbers(data["label"]), model.predict(images))
    assert "Fewer clusters than asked for" in _findings(tmp_path)


def test_neighbours_are_the_nearest_by_angle_whatever_the_length(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(30, 5))
    lengths = np.random.default_rng(2).uniform(0.1, 10, (30, 1))
    data = _write(tmp_path, Model(_table(LABELS, 0.9), rows * lengths))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    near = unit @ unit.T
    np.fill_diagonal(near, -2)
    expected = np.argsort(-near, axis=1)[:, :8]
    np.testing.assert_array_equal(_numbers(data["neighbors"]).reshape(30, 8), expected)


def test_the_surest_members_come_first_and_the_least_sure_are_others(tmp_path: Path) -> None:
    data = _write(tmp_path)  # confidence rises with the row
    assert data["clusters"][1]["certain"] == [28, 25, 22, 19, 16, 13, 10, 7]
    assert data["clusters"][1]["least"] == [1, 4]


def test_pairs_are_those_that_give_each_other_the_most(tmp_path: Path) -> None:
    rows = _table(LABELS, 0.98)
    rows[LABELS == 0] = [0.6, 0.01, 0.39]
    rows[3] = [0.51, 0.0, 0.49]
    data = _write(tmp_path, Model(rows))
    first = data["pairs"][0]
    assert (first["a"], first["b"], first["between"][0]) == (0, 2, 3)
    assert first["a_to_b"] == pytest.approx(0.4, abs=1e-4)
    assert first["b_to_a"] == pytest.approx(0.01, abs=1e-4)
    assert all(pair["a"] < pair["b"] for pair in data["pairs"])


def test_without_hard_pairs_the_page_says_so(tmp_path: Path) -> None:
    assert _write(tmp_path, Model(_table(LABELS, 0.99)))["pairs"] == []
    assert "No pair stands out" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("labels", "confidence", "parameters", "titles"),
    [
        (LABELS, 0.9, {}, []),
        (LABELS, 0.9, {"n_clusters": 3}, []),
        (LABELS, 0.9, {"n_clusters": "auto"}, []),
        (LABELS, 0.9, {"n_clusters": 4}, ["Fewer clusters than asked for"]),
        (LABELS, np.where(LABELS == 1, 0.6, 0.95), {}, ["Doubtful clusters"]),
        (LABELS, np.where(LABELS == 1, 0.9, 0.95), {}, []),
        (np.r_[1, 2, np.zeros(28, int)], 0.9, {}, []),
        (np.zeros(30, int), 0.9, {}, ["Fewer clusters than asked for"]),
        (LABELS, 0.9, {"view_agreement_": 0.67}, []),
        (LABELS, 0.9, {"view_agreement_": 0.66}, ["Views of an image disagree"]),
        (LABELS, 0.9, {"cluster_trust_": np.array([0.9, 0.5, np.nan])}, []),
        (LABELS, 0.9, {"cluster_trust_": np.array([0.9, 0.4, 0.8])}, [LOOSE]),
        (
            LABELS,
            np.where(LABELS == 1, 0.6, 0.95),
            {"view_agreement_": 0.0, "cluster_trust_": np.array([0.9, 0.4, 0.8])},
            ["Views of an image disagree", "Doubtful clusters", LOOSE],
        ),
    ],
)
def test_the_page_warns_of_what_makes_a_clustering_doubtful(
    tmp_path: Path, labels: Any, confidence: Any, parameters: Any, titles: list[str]
) -> None:
    data = _write(tmp_path, Model(_table(labels, confidence), **parameters))
    assert _findings(tmp_path) == titles
    doubtful = [k for k, cluster in enumerate(data["clusters"]) if cluster["doubtful"]]
    assert doubtful == ([1] if {"Doubtful clusters", LOOSE} & set(titles) else [])
    says_clear = "Nothing conspicuous was found" in (tmp_path / "report.html").read_text("utf-8")
    assert says_clear is (not titles)


def test_a_cluster_without_members_is_not_doubted(tmp_path: Path) -> None:
    labels = np.where(LABELS == 2, 1, LABELS)
    data = _write(tmp_path, Model(_table(labels, 0.9), cluster_trust_=np.array([0.9, 0.8, 0.1])))
    assert _findings(tmp_path) == ["Fewer clusters than asked for"]
    assert [cluster["trust"] for cluster in data["clusters"]] == [0.9, 0.8, 0.1]


def test_trust_that_is_not_known_is_not_shown(tmp_path: Path) -> None:
    data = _write(tmp_path, Model(_table(LABELS, 0.9), cluster_trust_=np.array([0.9, np.nan, 1])))
    assert [cluster["trust"] for cluster in data["clusters"]] == [0.9, None, 1.0]
    data = _write(tmp_path, overwrite=True)
    assert [cluster["trust"] for cluster in data["clusters"]] == [None] * 3


def test_clusters_are_named_for_the_classes_that_they_stand_for(tmp_path: Path) -> None:
    model = Model(_table(LABELS, 0.9), cluster_to_class_=np.array([7, -1, 0]))
    data = _write(tmp_path, make_pipeline(FunctionTransformer(), model))
    assert [cluster["name"] for cluster in data["clusters"]] == ["class 7", "", "class 0"]


def test_given_names_are_shown_as_text_in_place_of_the_classes(tmp_path: Path) -> None:
    model = Model(_table(LABELS, 0.9), cluster_to_class_=np.array([7, -1, 0]))
    data = _write(tmp_path, model, names={1: "</script>", 2: " new\nline\u202e "})
    names = [cluster["name"] for cluster in data["clusters"]]
    assert names == ["", "</script>", "new line\\u202e"]
    assert (tmp_path / "report.html").read_text("utf-8").count("</script>") == 2


def test_doubtful_images_of_unknown_class_are_suggested_for_labelling(tmp_path: Path) -> None:
    known = np.where(np.arange(30) < 12, LABELS, -1)
    data = _write(tmp_path, known_labels=known)
    assert sorted(data["suggested"]) == list(range(12, 30))
    assert all(data["thumbnails"][row] for row in data["suggested"])
    everything = _write(tmp_path, known_labels=LABELS, overwrite=True)
    assert everything["suggested"] == []
    assert "All of these images are labelled" in (tmp_path / "report.html").read_text("utf-8")


def test_files_that_could_not_be_read_are_listed_with_reasons(tmp_path: Path) -> None:
    skipped = [("a/<b>.png", "not an image"), (Path("c\nd.png"), "ends early & often")]
    _write(tmp_path, skipped=skipped)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert _findings(tmp_path) == ["Files that could not be read"]
    assert "<code>a/&lt;b&gt;.png</code> not an image" in text
    assert "<code>c\\nd.png</code> ends early &amp; often" in text


HOSTILE = [
    "</script><script>alert(1)</script>.png",
    "<!--.png",
    "new\nline\u2028.png",
    "not-utf-8-\udcff\udcfe.png",
    "turned\u202egnp.png",
    "quote\"'&.png",
    "100%#?.png",
    "grün 細胞.png",
    "javascript:alert(1)",
    "back\\slash.png",
]


def test_hostile_file_names_neither_break_the_page_nor_lose_their_file(tmp_path: Path) -> None:
    names = [f"in/{name}" for name in HOSTILE]
    labels = np.arange(len(names)) % 2
    (tmp_path / "out").mkdir()
    data = _data(
        write_report(
            Model(_table(labels, 0.9, 2)),
            _images(len(names)),
            tmp_path / "out" / "report.html",
            filenames=[tmp_path / name for name in names],
        )
    )
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert text.count("</script>") == text.count("<script") == 2
    assert "<!--" not in text
    shown = data["files"]["names"]
    assert shown[2] == "new\\nline\\u2028.png"
    assert shown[3] == "not-utf-8-\\xff\\xfe.png"
    assert shown[4] == "turned\\u202egnp.png"
    assert data["files"]["link"] == "../in/"
    assert data["files"]["folder"] == f"{tmp_path}/in/"
    for row, name in enumerate(HOSTILE):
        odd = data["files"]["links"].get(str(row))
        reached = unquote_to_bytes(odd) if odd else shown[row].encode()
        assert reached == name.encode("utf-8", "surrogateescape")
    assert sorted(data["files"]["links"]) == ["2", "3", "4"]
    own = {row: f"{tmp_path}/in/{HOSTILE[row]}" for row in (2, 4)}
    assert data["files"]["own"] == {str(row): name for row, name in own.items()}


def test_relative_and_absolute_names_may_be_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = Model(_table([0, 1], 0.9, 2))
    data = _write(tmp_path, model, _images(2), filenames=["a b/1.png", f"{tmp_path}/2.png"])
    assert data["files"]["link"] == ""
    assert data["files"]["links"] == {"0": "a%20b/1.png", "1": "2.png"}


def test_one_file_is_named_without_its_folder(tmp_path: Path) -> None:
    data = _write(tmp_path, Model([[1.0]]), _images(1), filenames=[tmp_path / "x" / "1.png"])
    assert data["files"]["names"] == ["1.png"]
    assert data["files"]["link"] == "x/"
    assert data["neighbors"]["base64"] == ""
    assert data["pairs"] == []


def test_the_title_is_shown_as_text(tmp_path: Path) -> None:
    _write(tmp_path, title="</title><b>Plate 1</b>")
    assert "<h1>&lt;/title&gt;&lt;b&gt;Plate 1&lt;/b&gt;</h1>" in (
        tmp_path / "report.html"
    ).read_text("utf-8")


def test_the_policy_allows_this_script_and_style_and_no_network(tmp_path: Path) -> None:
    _write(tmp_path)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "default-src 'none'" in text
    assert "img-src data: 'self' file:" in text
    for tag in ("script", "style"):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert f"{tag}-src '{page._hash(body)}'" in html.unescape(text)
    assert not re.findall(r"(?:src|href)=\"(?!#|data:)", text)
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_script_and_style_are_plain(tmp_path: Path) -> None:
    scripts = page._template("map.js") + page._template("report.js")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "</script"):
        assert forbidden not in scripts


@pytest.mark.parametrize(
    ("shape", "size", "mode"),
    [
        ((8, 8), (8, 8), "L"),
        ((20, 10, 3), (10, 20), "RGB"),
        ((128, 256), (64, 32), "L"),
        ((1, 200), (64, 1), "L"),
        ((30, 40, 4), (40, 30), "RGB"),
    ],
)
def test_thumbnails_keep_the_ratio_and_have_at_most_64_pixels(
    tmp_path: Path, shape: tuple[int, ...], size: tuple[int, int], mode: str
) -> None:
    data = _write(tmp_path, Model(_table([0, 1], 0.9, 2), channel_axis="last"), _images(2, shape))
    image = Image.open(io.BytesIO(base64.b64decode(data["thumbnails"][0])))
    assert image.size == size
    assert data["side"] == max(size)
    assert image.convert(mode).getbands() == tuple(mode)


def _pixels(tmp_path: Path, images: Any, **parameters: Any) -> np.ndarray:
    model = Model(_table(np.arange(len(images)) % 2, 0.9, 2), **parameters)
    return _thumbnail(_write(tmp_path, model, images, overwrite=True), 0)[..., 0]


def test_bytes_are_shown_as_they_are(tmp_path: Path) -> None:
    images = _images(4)
    np.testing.assert_array_equal(_pixels(tmp_path, images), images[0])


@pytest.mark.parametrize(
    "turn",
    [
        lambda x: x,
        lambda x: x.astype(np.float32) / 1000 - 3,
        lambda x: x.astype(np.uint16) * 200 + 7,
        lambda x: torch.from_numpy(x.astype(np.int16)),
        lambda x: x.tolist(),
    ],
    ids=["dark bytes", "float", "uint16", "torch", "list"],
)
def test_other_ranges_are_scaled_jointly(tmp_path: Path, turn: Any) -> None:
    images = load_digits().images[:60].astype(np.uint8)  # of values from 0 to 16
    expected = np.rint(images[0] * (255 / 16))
    np.testing.assert_allclose(_pixels(tmp_path, turn(images)), expected, atol=1)


def test_a_few_hot_pixels_do_not_darken_the_thumbnails(tmp_path: Path) -> None:
    images = _images(100).astype(np.float64)
    calm = _pixels(tmp_path, images)
    images[5, 0, 0] = 1e6
    np.testing.assert_allclose(_pixels(tmp_path, images), calm, atol=2)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.float64])
def test_images_of_one_value_are_shown(tmp_path: Path, dtype: type) -> None:
    assert np.ptp(_pixels(tmp_path, np.ones((4, 5, 5), dtype))) == 0


def test_flattened_images_are_read_as_the_last_step_of_a_pipeline_reads_them(
    tmp_path: Path,
) -> None:
    images = _images(4, (4, 6, 3))
    last = Model(_table([0, 1, 0, 1], 0.9, 2), image_shape=(4, 6, 3), channel_axis="last")
    model = make_pipeline(FunctionTransformer(lambda x: x / 255), last)
    data = _write(tmp_path, model, images.reshape(4, -1))
    np.testing.assert_array_equal(_thumbnail(data, 2), images[2])


def test_thumbnails_shown_first_are_embedded_first_and_others_spread_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE_BYTES", 0)
    monkeypatch.setattr(page, "LEAST_FOR_THUMBNAILS", 15_000)
    labels = np.arange(600) % 2
    model = Model(_table(labels, np.linspace(0.5, 0.99, 600), 2))
    data = _write(tmp_path, model, _images(600))
    texts = data["thumbnails"]
    first = [row for cluster in data["clusters"] for row in cluster["certain"] + cluster["least"]]
    assert all(texts[row] for row in first)
    assert 12_000 < sum(map(len, texts)) <= 15_000
    rows = [row for row, text in enumerate(texts) if text and row not in first]
    assert len(rows) > 40
    assert max(np.diff(rows)) <= 2 * 600 / len(rows)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        _write(tmp_path / name, filenames=[f"{tmp_path.name}/{row}.png" for row in LABELS])
    first, second = ((tmp_path / name / "report.html").read_bytes() for name in ("a", "b"))
    assert first == second


def test_neither_images_nor_predictions_are_changed(tmp_path: Path) -> None:
    images, model = _images(30), Model(_table(LABELS, 0.9))
    for array in (images, model.probabilities, model.embedding):
        array.setflags(write=False)
    path = write_report(model, images, str(tmp_path / "report.html"))
    assert path == tmp_path / "report.html"


def test_a_file_that_is_there_stays_unless_overwrite_is_set(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        _write(tmp_path)
    assert (tmp_path / "report.html").read_text() == "mine"
    assert _write(tmp_path, overwrite=True)["count"] == 30


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"images": _images(30, (8,))}, ValueError, "images must hold images, got vectors of 8"),
        ({"images": _images(29)}, ValueError, "must give 29 rows, one an image; got 30"),
        ({"filenames": ["a.png"]}, ValueError, "filenames must name each.*got 1 for 30"),
        ({"filenames": "a.png"}, TypeError, "filenames must be a sequence"),
        ({"filenames": [3] * 30}, TypeError, "filenames must hold paths of files; got 3"),
        ({"filenames": ["\ud800"] * 30}, ValueError, "filenames must hold paths"),
        ({"skipped": ["a.png"]}, TypeError, "skipped must hold pairs"),
        ({"skipped": [(None, "why")]}, TypeError, "skipped must hold paths"),
        ({"names": {3: "a"}}, ValueError, "names must be of clusters, from 0 to 2; got 3"),
        ({"names": {"0": "a"}}, ValueError, "names must be of clusters, from 0 to 2; got '0'"),
        ({"names": {0: 1}}, TypeError, "names must map numbers of clusters to names"),
        ({"names": ["a"]}, TypeError, "names must map numbers of clusters to names"),
        ({"known_labels": [1]}, ValueError, "known_labels must have one label for each of the 30"),
        ({"title": 3}, TypeError, "title must be text or None; got 3"),
        ({"model": object()}, TypeError, "model must have predict_proba"),
        ({"path": Path("no/such/folder")}, FileNotFoundError, "there is no such folder"),
    ],
)
def test_bad_input_is_refused_by_name_and_nothing_is_written(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _write(**{"path": tmp_path, **options})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="path must name a file"):
        write_report(Model(_table(LABELS, 0.9)), _images(30), tmp_path, overwrite=True)


@pytest.mark.parametrize("module", ["jinja2", "PIL.Image"])
def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"skdeepcluster\[app\]"):
        _write(tmp_path)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"cluster,name\n0,round\n1,long\n", {0: "round", 1: "long"}),
        (b"\xef\xbb\xbfcluster,name\r\n1,gr\xc3\xbcn\r\n0,gr\xc3\xbcn\r\n", {1: "grün", 0: "grün"}),
        (b'cluster,name\r\n0,"a ""b"", c"\r\n\r\n,\r\n', {0: 'a "b", c'}),
        ("cluster,name\n 7 , line\u2028end ".encode(), {7: "line\u2028end"}),
        (b"cluster,name\n", {}),
    ],
    ids=["plain", "spreadsheet", "quoted", "odd space", "empty"],
)
def test_names_are_read(tmp_path: Path, content: bytes, names: dict[int, str]) -> None:
    (tmp_path / "names.csv").write_bytes(content)
    assert read_names(tmp_path / "names.csv") == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: must be the header cluster,name"),
        (b"cluster;name\n0;round\n", "line 1: .*got 'cluster;name'"),
        (b"cluster,name\n0,a\nx,b\n", "line 3: cluster must be a whole number.*'x'"),
        (b"cluster,name\n-1,a\n", "line 2: cluster must be a whole number"),
        (b"cluster,name\n1.0,a\n", "line 2: cluster must be a whole number"),
        ("cluster,name\n\u0663,a\n".encode(), "line 2: cluster must be a whole number"),
        (b"cluster,name\n" + b"9" * 5000 + b",a\n", "line 2: cluster must be a whole number"),
        (b"cluster,name\n0,a\n0,b\n", "line 3: each cluster has one name; 0 stands there twice"),
        (b"cluster,name\n0,a\n1, \n", "line 3: cluster 1 must have a name"),
        (b"cluster,name\n0,a,b\n", "line 2: must hold a cluster and a name; got 3"),
        (b"cluster,name\n0,\xff\n", "line 2: must be text in UTF-8"),
        (b'cluster,name\n0,"a', "line 2: "),
    ],
)
def test_other_files_are_refused_by_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "names.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_names(tmp_path / "names.csv")
