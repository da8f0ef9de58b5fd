"""The losses lean on torch alone."""

from __future__ import annotations

import ast
from pathlib import Path

import skdeepcluster.losses


def test_losses_import_only_torch_and_each_other() -> None:
    imported = set()
    files = list(Path(skdeepcluster.losses.__file__).parent.glob("*.py"))
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                name = node.module or ""
                ours = name.startswith("skdeepcluster.losses")
                imported.add("losses" if ours else name.partition(".")[0])
    assert len(files) >= 5
    assert imported <= {
        "__future__",
        "collections",
        "contextlib",
        "functools",
        "losses",
        "math",
        "torch",
        "typing",
    }
