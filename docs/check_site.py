"""
Check the pages that a build has written.

    python docs/check_site.py docs/_build/html          # links, network, outputs
    python docs/check_site.py docs/_build/html --axe    # and accessibility, in Chromium

Accessibility needs ``pip install ".[browser]"`` and Chromium, found by CHROMIUM or on the path.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": "src", "script": "src", "source": "src", "video": "src", "iframe": "src"}
UNWANTED = {
    "a repr": re.compile(r"&lt;[\w.]+ (?:object )?at 0x[0-9a-f]+&gt;"),
    "a progress bar": re.compile(r"\d+%\|"),
}
PAGES = [
    "index.html",
    "choosing.html",
    "methods/contrastive_clustering.html",
    "api/generated/skdeepcluster.ContrastiveClustering.html",
    "auto_examples/index.html",
    "auto_examples/plot_quickstart.html",
]


class Page(HTMLParser):
    """The links of a page, its anchors, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        fetched = values.get(FETCHED.get(tag, ""))
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            fetched = values.get("href")
        if fetched:
            self.fetched.append(fetched)


def broken(root: Path) -> Iterator[str]:
    """Name links that lead nowhere, what comes from the network, and unwanted output."""
    texts = {path.resolve(): path.read_text() for path in sorted(root.rglob("*.html"))}
    pages = {path: Page(text) for path, text in texts.items() if "_static" not in path.parts}
    n_links = 0
    for path, page in pages.items():
        name = path.relative_to(root.resolve())
        for link in (*page.links, *page.fetched):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme != "data":
                    yield f"{name}: fetches {link}"
                continue
            n_links += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{name}: {link} leads nowhere"
            elif parts.fragment and target in pages:
                missing = unquote(parts.fragment) not in pages[target].anchors
                yield from [f"{name}: {link} has no such place"] * missing
        for what, pattern in UNWANTED.items():
            if pattern.search(texts[path]):
                yield f"{name}: shows {what}"
    sys.stdout.write(f"{len(pages)} pages, {n_links} internal links\n")


def inaccessible(root: Path) -> Iterator[str]:
    """Name serious and critical violations that axe finds, and pages wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                size = {"width": width, "height": 800}
                tab = browser.new_context(viewport=size, color_scheme=scheme).new_page()
                for page in PAGES:
                    where = f"{page} at {width} px, {scheme}"
                    tab.goto((root.resolve() / page).as_uri())
                    tab.wait_for_timeout(500)
                    if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                        yield f"{where}: wider than the screen"
                    for found in Axe().run(tab).response["violations"]:
                        if found["impact"] in ("serious", "critical"):
                            at = found["nodes"][0]["html"][:160]
                            yield f"{where}: {found['id']} ({found['impact']}), as in {at}"
        browser.close()


def main() -> None:
    """Print what is wrong; the exit status is 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("root", type=Path, help="folder of the built pages")
    parser.add_argument("--axe", action="store_true", help="check accessibility as well")
    options = parser.parse_args()
    found = list(broken(options.root))
    if options.axe:
        found += inaccessible(options.root)
    sys.stdout.write("\n".join(found or ["nothing is wrong"]) + "\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
