"""Formulas as MathML, which browsers draw themselves: no script, no fonts, no network."""

from __future__ import annotations

from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

APPLICATION = "\N{FUNCTION APPLICATION}"
ACCENTS = set("ˉ¯~˜^ˆ˙¨→")
NAMESPACE = "http://www.w3.org/1998/Math/MathML"


def space_functions(tree: ElementTree.Element) -> None:
    """Put the thin spaces around the names of functions that TeX would put there."""
    for parent in list(tree.iter()):
        children = list(parent)
        for i in reversed(range(len(children))):
            if children[i].text != APPLICATION:
                continue
            if i + 1 < len(children) and children[i + 1].text == "(":
                parent.remove(children[i])
            else:
                children[i].tag, children[i].text = "mspace", None
                children[i].set("width", "0.17em")
            if i > 1 and children[i - 2].tag != "mo":
                parent.insert(i - 1, ElementTree.Element("mspace", width="0.17em"))


def place_indices(tree: ElementTree.Element) -> None:
    """Put the index of a letter with an accent beside the letter, not below it."""
    for element in tree.iter("munderover"):
        letter, index, accent = element
        if accent.text in ACCENTS:
            element.tag = "msub"
            element[:] = [ElementTree.Element("mover", accent="true"), index]
            element[0].extend([letter, accent])


def mathml(formula: str, as_block: bool = False) -> str:
    """Translate a formula from LaTeX."""
    text = tex2mathml(formula, as_block=as_block).replace("&ApplyFunction;", APPLICATION)
    tree = ElementTree.fromstring(text.replace(f' xmlns="{NAMESPACE}"', ""))
    space_functions(tree)
    place_indices(tree)
    tree.set("xmlns", NAMESPACE)
    return ElementTree.tostring(tree, encoding="unicode", method="html")


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula that stands alone and scrolls where the page is narrower."""
    formula = mathml(node.astext(), as_block=True)
    self.body.append(f'<div class="formula" tabindex="0" role="group">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
