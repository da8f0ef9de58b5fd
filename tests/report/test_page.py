"""The report in a browser: what a user does in it with mouse, keyboard and finger."""

from __future__ import annotations

import csv
import importlib.resources
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skdeepcluster.report import page as report_page
from skdeepcluster.report import read_names, write_report

pytestmark = pytest.mark.browser

N, K = 300, 10
ROOM = {"width": 1280, "height": 900}


class Model:
    """A stand-in for a fitted estimator: ten clusters on a circle, of which 1 and 2 overlap."""

    view_agreement_ = 0.5
    cluster_trust_ = np.array([0.93, 0.8, np.nan, *[0.9] * 6, 0.4])

    def transform(self, X: Any) -> np.ndarray:
        angles = 2 * np.pi * (np.arange(N) % K) / K
        spread = np.random.default_rng(0).normal(scale=0.08, size=(N, 2))
        return (np.c_[np.cos(angles), np.sin(angles)] + spread).astype(np.float32)

    def predict_proba(self, X: Any) -> np.ndarray:
        rows = np.full((N, K), 0.002)
        rows[np.arange(N), np.arange(N) % K] = np.linspace(0.9, 0.98, N)
        rows[1::K, 2] = np.linspace(0.3, 0.8, N // K)
        return rows / rows.sum(axis=1, keepdims=True)


def _images() -> np.ndarray:
    """Return discs, each cluster in a shade of its own."""
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    disc = np.hypot(x, y) < 0.8
    shades = np.random.default_rng(1).integers(60, 256, (K, 3))
    return np.where(disc[..., None], shades[np.arange(N) % K][:, None, None], 30).astype(np.uint8)


def _names() -> list[str]:
    names = [f"plate/well_{row:03d}.png" for row in range(N)]
    names[7] = "plate/</script><script>document.title='broken'</script>.png"
    names[8] = "plate/<img src=x onerror=document.title='broken'>.png"
    return names


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    names = [folder / name for name in _names()]
    skipped = [(folder / "plate" / "bad.png", "truncated")]
    path = folder / "report.html"
    return write_report(
        Model(), _images(), path, filenames=names, skipped=skipped, title="Discs", random_state=0
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # not needed where these tests are left out

    with sync_playwright() as tools:
        path = shutil.which("chromium") or shutil.which("chrome")
        opened = tools.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the script of axe-core: that at AXE, or the one of axe-playwright-python."""
    if "AXE" in os.environ:
        return Path(os.environ["AXE"]).read_text("utf-8")
    return (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


class Tab:
    """A page, and all that it has complained of and asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": ROOM, **options})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def others(self) -> list[str]:
        """Return what was asked for besides the page itself and what stands in it."""
        return [url for url in self.requests[1:] if not url.startswith(("data:", "blob:"))]

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def saved(self, button: str, folder: Path) -> Path:
        with self.page.expect_download() as found:
            self.page.click(button)
        path = folder / found.value.suggested_filename
        found.value.save_as(path)
        return path

    def violations(self, axe: str) -> list[str]:
        """Return the serious findings of axe."""
        self.page.evaluate(axe)
        found = self.page.evaluate("axe.run()")["violations"]
        return [
            f"{one['impact']} {one['id']}: {one['nodes'][0]['html']}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


@pytest.fixture
def tab(browser: Any, report: Path) -> Iterator[Tab]:
    opened = Tab(browser, report)
    yield opened
    assert opened.complaints == []
    assert opened.others() == []
    opened.context.close()


def test_the_page_opens_without_complaint_and_asks_for_nothing(tab: Tab) -> None:
    assert tab.page.title() == "Discs"
    assert tab.page.locator("#size-rows tr").count() == K
    assert tab.page.locator("#cards article").count() == K
    headings = tab.page.locator("main > section > h2").all_inner_texts()
    assert headings == [
        "Warnings", "Sizes", "Clusters", "Hard to tell apart", "Which to label next",
        "Map of the embedding", "Search",
    ]  # fmt: skip
    loaded = "images => images.every(image => image.complete && image.naturalWidth === 24)"
    assert tab.page.locator("#cards img").evaluate_all(loaded)


def test_doubtful_clusters_stand_out_and_their_warning_leads_to_them(tab: Tab) -> None:
    assert tab.page.locator("#size-rows tr.doubtful th").all_inner_texts() == [
        "Cluster 1\ndoubtful", "Cluster 9\ndoubtful"
    ]  # fmt: skip
    titles = tab.page.locator("#warnings h3").all_inner_texts()
    assert titles[:3] == [
        "Views of an image disagree", "Doubtful clusters", "Clusters that do not hold together"
    ]  # fmt: skip
    tab.page.locator("#warnings a.label").first.click()
    assert tab.page.evaluate("document.activeElement.textContent") == "Cluster 1"
    assert "truncated" in tab.page.locator("#warnings").text_content()


def test_clusters_say_how_far_views_agree_where_that_is_known(tab: Tab) -> None:
    assert "30 images · mean confidence 0.98 · views agree 93 %" in tab.text("#cluster-0")
    assert "views agree" not in tab.text("#cluster-2")


def test_what_to_label_next_is_shown_with_its_files(tab: Tab) -> None:
    items = tab.page.locator("#suggestions li")
    assert items.count() == 24
    loaded = "images => images.every(image => image.complete && image.naturalWidth === 24)"
    assert tab.page.locator("#suggestions img").evaluate_all(loaded)
    name = items.first.locator(".thumb").get_attribute("title")
    assert items.first.inner_text().endswith(name)
    items.first.locator(".thumb").click()
    assert tab.text("#neighbours-title") == name


def _reload_until(tab: Tab, selector: str, value: str) -> None:
    """Open the page anew until it shows a name: the browser takes a moment to store it."""
    for _ in range(50):
        tab.page.reload()
        if tab.page.input_value(selector) == value:
            return
        tab.page.wait_for_timeout(100)
    raise AssertionError(f"{selector} does not show {value!r} again")


def test_clusters_have_the_names_of_classes_until_they_are_given_others(
    browser: Any, tmp_path: Path
) -> None:
    model = Model()
    model.cluster_to_class_ = np.array([*[-1] * 9, 7])
    path = write_report(model, _images(), tmp_path / "r.html", random_state=0)
    tab = Tab(browser, path)
    assert tab.page.input_value("#input-9") == "class 7"
    assert tab.text("#size-rows tr:last-child").startswith("9 · class 7")
    assert tab.text("#names-status") == "10 clusters, 1 named"
    tab.page.fill("#input-9", "seven")
    tab.page.keyboard.press("Tab")
    _reload_until(tab, "#input-9", "seven")
    names = read_names(tab.saved("#save-names", tmp_path))
    assert names == {c: "seven" if c == 9 else f"Cluster {c}" for c in range(K)}
    assert tab.complaints == []
    tab.context.close()


def test_choosing_an_image_shows_its_neighbours_and_theirs(tab: Tab) -> None:
    tab.page.locator("#cluster-4 .thumb").first.click()
    assert tab.page.locator("#neighbours-thumbs li").count() == 8
    assert tab.text("#neighbours-text") == "8 of 8 are in the same cluster."
    name = tab.text("#neighbours-title")
    tab.page.locator("#neighbours-thumbs .thumb").first.click()
    assert tab.text("#neighbours-title") != name
    tab.page.click("#neighbours-back")
    assert tab.text("#neighbours-title") == name
    link = tab.page.locator("#neighbours-image a").get_attribute("href")
    assert link == f"plate/{name}"
    tab.page.keyboard.press("Escape")
    assert not tab.page.locator("#neighbours").is_visible()


def test_search_finds_files_and_pages_through_many(tab: Tab) -> None:
    tab.page.fill("#search-text", "WELL_01")
    assert tab.text("#search-status") == "10 images found"
    assert tab.page.locator("#search-thumbs li").count() == 10
    tab.page.fill("#search-text", "well")
    assert tab.text("#search-status") == "298 images found"
    assert tab.page.locator("#search-thumbs li").count() == 30
    pager = tab.page.locator("#search .pager")
    pager.get_by_role("button", name="Next").click()
    assert "31–60 of 298" in pager.inner_text()
    tab.page.fill("#search-text", "nothing")
    assert tab.text("#search-status") == "0 images found"


def test_names_of_files_are_text_and_nothing_else(tab: Tab) -> None:
    for part in ("script", "onerror"):
        tab.page.fill("#search-text", part)
        tab.page.locator("#search-thumbs .thumb").first.click()
        assert "document.title='broken'" in tab.text("#neighbours-title")
        tab.page.click("#neighbours-close")
    assert tab.page.title() == "Discs"


def _draw_around(tab: Tab, share: float) -> None:
    """Draw a square around the middle of the map, of a share of its height."""
    tab.page.locator("#map-box").scroll_into_view_if_needed()
    box = tab.page.locator("#map-lasso").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    reach = share * box["height"] / 2
    tab.page.mouse.move(x - reach, y - reach)
    tab.page.mouse.down()
    for dx, dy in ((1, -1), (1, 1), (-1, 1)):
        tab.page.mouse.move(x + dx * reach, y + dy * reach, steps=5)
    tab.page.mouse.up()


def test_drawing_around_points_selects_them_and_saves_them(tab: Tab, tmp_path: Path) -> None:
    _draw_around(tab, 0.5)  # the circle of clusters is wider
    assert tab.text("#selection-status") == "Nothing is selected."
    _draw_around(tab, 0.99)
    assert tab.text("#selection-status").startswith("300 images selected: 30 in Cluster")
    assert tab.page.locator("#selection-thumbs li").count() == 30
    rows = list(csv.DictReader(tab.saved("#save-selection", tmp_path).open(encoding="utf-8-sig")))
    assert [int(row["image"]) for row in rows] == list(range(N))
    assert rows[12]["file"].endswith("/plate/well_012.png")
    assert [rows[12][key] for key in ("cluster", "name")] == ["2", "Cluster 2"]
    assert float(rows[12]["confidence"]) == pytest.approx(
        Model().predict_proba(0)[12].max(), abs=1e-4
    )
    tab.page.click("#clear-selection")
    assert tab.text("#selection-status") == "Nothing is selected."


def test_pointing_at_the_map_shows_the_image_and_choosing_it_its_neighbours(tab: Tab) -> None:
    tab.page.locator("#map-box").scroll_into_view_if_needed()
    box = tab.page.locator("#map-lasso").bounding_box()
    for x in range(int(box["x"] + box["width"] / 2), int(box["x"] + box["width"]), 8):
        tab.page.mouse.move(x, box["y"] + box["height"] / 2)
        if tab.page.locator("#map-hover").is_visible():
            break
    hover = tab.text("#map-hover").split("\n")
    assert hover[0].startswith("well_")
    assert hover[1].startswith("Cluster")
    assert hover[2].startswith("confidence 0.")
    tab.page.mouse.down()
    tab.page.mouse.up()
    assert tab.text("#neighbours-title") == hover[0]


def _merge(tab: Tab, c: int, value: str | None = None, **target: str) -> None:
    """Choose on the card of a cluster, then press its button."""
    tab.page.select_option(f"#select-{c}", value, **target)
    tab.page.click(f"#cluster-{c} .merge")


def test_choosing_alone_does_not_merge(tab: Tab) -> None:
    tab.page.focus("#select-5")
    for _ in range(3):
        tab.page.keyboard.press("ArrowDown")
    assert tab.text("#names-status") == "10 clusters"
    tab.page.click("#cluster-5 .merge")
    assert tab.text("#cluster-5 .same") == "one with 2"
    assert tab.page.evaluate("document.activeElement.matches('#cluster-5 .merge')")


def test_a_merge_that_was_wrong_moves_only_what_was_merged(tab: Tab) -> None:
    tab.page.fill("#input-5", "round")
    tab.page.fill("#input-2", "flat")
    tab.page.keyboard.press("Tab")
    _merge(tab, 2, "5")
    assert tab.text("#cluster-5 .same") == "one with 2"
    _merge(tab, 2, "7")
    assert tab.page.input_value("#input-5") == "round"
    assert tab.text("#cluster-5 .same") == ""
    _merge(tab, 2, "")
    assert tab.page.input_value("#input-2") == "flat"
    assert tab.text("#names-status") == "10 clusters, 2 named, not saved yet"
    _reload_until(tab, "#input-5", "round")
    assert tab.text("#names-status") == "10 clusters, 2 named, not saved yet"
    tab.requests.clear()


def test_names_and_merges_are_shown_everywhere_kept_and_saved(tab: Tab, tmp_path: Path) -> None:
    tab.page.fill("#input-3", ' grün,  "hell" ')
    tab.page.keyboard.press("Tab")
    _merge(tab, 5, label='3 · grün, "hell"')
    _merge(tab, 6, label="Cluster 7")
    assert tab.text("#names-status") == "8 clusters after merging, 1 named, not saved yet"
    assert tab.text("#size-rows tr:nth-child(6)").startswith('5 · grün, "hell"')
    assert tab.text("#cluster-3 .same") == "one with 5"
    tab.page.fill("#input-5", "green")  # the name of one is the name of both
    tab.page.keyboard.press("Tab")
    assert tab.page.input_value("#input-3") == "green"
    _reload_until(tab, "#input-3", "green")
    _merge(tab, 6, label="– take out again –")
    names = read_names(tab.saved("#save-names", tmp_path))
    assert names == {c: "green" if c in (3, 5) else f"Cluster {c}" for c in range(K)}
    assert tab.text("#names-status") == "9 clusters after merging, 1 named"
    tab.requests.clear()


def test_saved_names_are_quoted_as_read_names_reads_them(tab: Tab, tmp_path: Path) -> None:
    for c, name in enumerate(['a "b", c', "=1+1", "'x'", "細胞"]):
        tab.page.fill(f"#input-{c}", name)
        tab.page.keyboard.press("Tab")
    path = tab.saved("#save-names", tmp_path)
    assert path.name == "names.csv"
    assert list(read_names(path).values())[:5] == ['a "b", c', "=1+1", "'x'", "細胞", "Cluster 4"]


def test_selecting_a_group_selects_all_that_was_merged(tab: Tab) -> None:
    _merge(tab, 0, "9")
    tab.page.locator("#cluster-9").get_by_role("button", name="Show all 30").click()
    assert tab.text("#selection-status") == "60 images selected: 60 in Cluster 9."


def _tab_to(tab: Tab, selector: str) -> None:
    for _ in range(400):
        tab.page.keyboard.press("Tab")
        if tab.page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} is not reached by the keyboard")


def test_everything_is_done_by_keyboard_alone(tab: Tab) -> None:
    keyboard = tab.page.keyboard
    _tab_to(tab, "#input-0")
    keyboard.type("round")
    _tab_to(tab, "#select-0")
    _tab_to(tab, "#cluster-0 .thumb")
    keyboard.press("Enter")
    _tab_to(tab, "#neighbours-thumbs .thumb")
    keyboard.press("Enter")
    assert tab.page.evaluate("document.activeElement.id") == "neighbours-title"
    keyboard.press("Escape")
    assert tab.page.evaluate("document.activeElement.matches('#cluster-0 .thumb')")
    _tab_to(tab, "#cluster-choice")
    keyboard.press("ArrowDown")
    _tab_to(tab, "#select-cluster")
    keyboard.press("Enter")
    assert tab.text("#selection-status") == "30 images selected: 30 in Cluster 1."
    _tab_to(tab, "#selection-thumbs .thumb")
    _tab_to(tab, "#search-text")
    keyboard.type("well_29")
    assert tab.text("#search-status") == "10 images found"
    assert tab.text("#size-rows tr:first-child").startswith("0 · round")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    browser: Any, report: Path, axe: str, width: int, scheme: str
) -> None:
    tab = Tab(browser, report, viewport={"width": width, "height": 800}, color_scheme=scheme)
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    tab.page.fill("#input-3", "a name as long as the field for it allows, " * 2)
    _merge(tab, 1, "3")
    tab.page.click("#select-cluster")
    tab.page.fill("#search-text", "broken")
    tab.page.click("#warnings summary")
    assert tab.page.evaluate(fits)
    assert tab.violations(axe) == []
    tab.page.locator("#search-thumbs .thumb").first.click()
    assert tab.page.evaluate(fits)
    assert tab.violations(axe) == []
    assert tab.complaints == []
    tab.context.close()


def test_a_finger_scrolls_the_page_unless_it_is_to_draw(browser: Any, report: Path) -> None:
    tab = Tab(
        browser, report, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}
    )
    action = "getComputedStyle(document.querySelector('#map-lasso')).touchAction"
    assert tab.page.evaluate(action) == "pan-y"
    tab.page.get_by_label("Draw with the finger").check()
    assert tab.page.evaluate(action) == "none"
    tab.context.close()


def test_files_without_thumbnail_are_loaded_only_when_they_are_looked_at(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_page, "PAGE_BYTES", 0)
    monkeypatch.setattr(report_page, "LEAST_FOR_THUMBNAILS", 100)
    names = [tmp_path / f"näme {row}#.png" for row in range(N)]
    for name, image in zip(names[:20], _images(), strict=False):
        Image.fromarray(image).save(name)
    tab = Tab(browser, write_report(Model(), _images(), tmp_path / "r.html", filenames=names))
    assert tab.others() == []
    assert tab.page.locator("#cards .blank").count() > 0
    tab.page.fill("#search-text", "näme 13#")
    image = tab.page.locator("#search-thumbs img")
    image.scroll_into_view_if_needed()
    tab.page.wait_for_function("image => image.naturalWidth === 24", arg=image.element_handle())
    assert tab.others() == [(tmp_path / "näme 13#.png").as_uri()]
    assert tab.complaints == []
    tab.page.fill("#search-text", "näme 200#")  # the file is gone
    tab.page.locator("#search-thumbs .blank").wait_for()
    tab.context.close()


def test_without_file_names_images_have_numbers(browser: Any, tmp_path: Path) -> None:
    tab = Tab(browser, write_report(Model(), _images(), tmp_path / "r.html"))
    tab.page.fill("#search-text", "image 29")
    assert tab.text("#search-status") == "11 images found"
    assert tab.complaints == []
    tab.context.close()
