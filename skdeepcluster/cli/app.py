"""The command line: options, and what is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from skdeepcluster._version import __version__
from skdeepcluster.cli import export as exporting
from skdeepcluster.cli import work
from skdeepcluster.cli.results import REPORT, in_words
from skdeepcluster.cli.run_folder import TRAINING, refuse_inside
from skdeepcluster.cli.settings import (
    DEEPEST,
    METHODS,
    RUN_FILE,
    Settings,
    number_of_clusters,
    parameter,
)
from skdeepcluster.cli.shell import plainly, result, say
from skdeepcluster.cli.tables import CLUSTERS, read_clusters
from skdeepcluster.report import read_names
from skdeepcluster.report.files import shown
from skdeepcluster.report.names import class_name

GOES_ON = "The same command goes on where this one has stopped."
WITHOUT = "The same command without --overwrite goes on where this one has stopped."
UNCHANGED = "What was there has not been replaced."
INCOMPLETE = "The folder of the clusters is not complete."

app = typer.Typer(
    help="Cluster the images of a folder, look at the clusters, and hand them on.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Folder = Annotated[Path, typer.Argument(help="Folder of images, with its sub-folders.")]
Run = Annotated[Path, typer.Argument(help="Folder that fit or predict has written to.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of the command itself."""


@app.command("fit")
def _fit(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of images, with its sub-folders.")
    ] = None,
    out: Out = ...,  # type: ignore[assignment]
    n_clusters: Annotated[
        str | None, typer.Option("-k", "--clusters", help="Number of clusters, or auto.")
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="CSV file of known classes, with the columns file and label."),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(METHODS)}; cc by default.")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="Cluster features of this pretrained network.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File of its weights, if they are not on the machine.")
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(min=1, max=DEEPEST, help="Bits that a camera fills of 16, for --features."),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Side in pixels; 64, or 224 with --features.")
    ] = None,
    resize: Annotated[str | None, typer.Option(help="pad (default), crop or squash.")] = None,
    color: Annotated[str | None, typer.Option(help="auto (default), gray or rgb.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Parameter of the estimator, as in --set max_epochs=20."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings, such as a run.toml.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Sort the images of FOLDER into clusters, and write model, tables and report."""
    options: dict[str, Any] = {
        "folder": None if folder is None else str(folder.absolute()),
        "labels": [str(path.absolute()) for path in labels] if labels else None,
        "method": method,
        "features": features,
        "weights": None if weights is None else str(weights.absolute()),
        "bits": bits,
        "image_size": image_size,
        "resize": resize,
        "color": color,
    }
    with plainly(lambda: _hint(out, overwrite)) as warnings:
        given = {name: value for name, value in options.items() if value is not None}
        if n_clusters is not None:
            given["n_clusters"] = number_of_clusters(n_clusters)
        given["parameters"] = dict(parameter(text) for text in settings or [])
        read = Settings.from_toml(config, **given) if config else Settings.merged({}, "", given)
        outcome = work.fit(read, out, overwrite, not quiet)
        _print(outcome, warnings, as_json)


def _hint(out: Path, overwrite: bool) -> str:
    is_replaced = overwrite and not (out / TRAINING).exists()
    if overwrite and (out / REPORT).exists():
        return "" if is_replaced else f"{UNCHANGED} {GOES_ON}"
    return WITHOUT if is_replaced else GOES_ON


@app.command("predict")
def _predict(
    model: Annotated[Path, typer.Argument(help="model.safetensors of a run, or its folder.")],
    folder: Folder,
    out: Out,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Sort the images of another FOLDER into the clusters of MODEL."""
    with plainly(lambda: GOES_ON) as warnings:
        _print(work.predict(model, folder, out, not quiet), warnings, as_json)


@app.command("report")
def _report(
    run: Run, overwrite: Overwrite = False, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Write the report of RUN anew."""
    with plainly() as warnings:
        _print(work.report(run, overwrite, not quiet), warnings, as_json)


@app.command("suggest")
def _suggest(
    run: Run,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of files.")] = 50,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write which files of RUN to label next: a table to fill in, for --labels of fit."""
    with plainly() as warnings:
        outcome = work.suggestions(run, n, overwrite, not quiet)
        lines = [
            f"{outcome['n_files']:,} files to label: {outcome['table']}. Fill in the column label, "
            f"and give the table as --labels to a fit of {outcome['folder']}."
        ]
        result({**outcome, "warnings": warnings}, lines, as_json)


@app.command("export")
def _export(
    run: Run,
    destination: Annotated[
        Path | None, typer.Argument(help="New folder; RUN/clusters by default.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Make links to the files.")] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the files.")] = False,
    move_nothing: Annotated[
        bool, typer.Option("--move-nothing", help="Only say what would be done (the default).")
    ] = False,
    names: Annotated[Path | None, typer.Option(help="names.csv, as saved from the report.")] = None,
    as_json: Json = False,
) -> None:
    """Sort the files of RUN into one folder per cluster; they stay where they are."""
    with plainly(lambda: INCOMPLETE if link or copy else ""):
        if link + copy + move_nothing > 1:
            raise ValueError("Only one of --link, --copy and --move-nothing can be done.")
        target = (destination or run / "clusters").absolute()
        if (link or copy) and target.exists():
            raise FileExistsError(f"{target} exists: name another folder for the clusters.")
        if (run / RUN_FILE).exists():
            folder = Path(Settings.from_toml(run / RUN_FILE).folder)
            refuse_inside(folder, target, "The folder of the clusters")
        members, classes = read_clusters(run / CLUSTERS)
        called = {cluster: class_name(label) for cluster, label in classes.items()}
        called |= read_names(names) if names else {}
        plan = exporting.planned(members, called, target)
        way = "link" if link else "copy" if copy else ""
        missing = exporting.carry_out(plan, way)
        if missing:
            n, such = len(missing), shown(str(missing[0]))
            say(f"Warning: no longer there: {n:,} of {len(plan):,} files, such as {such}.")
        values = {
            "destination": str(target),
            "done": way or "nothing",
            "n_files": len(plan) - len(missing),
            "missing": [str(path) for path in missing],
        }
        result(values, _exported(values, plan), as_json)


def _exported(values: dict[str, Any], plan: list[tuple[Path, Path]]) -> list[str]:
    """Say what was done, or would be."""
    if values["done"] != "nothing":
        done = {"link": "Linked", "copy": "Copied"}[values["done"]]
        return [f"{done} {values['n_files']:,} files into {values['destination']}"]
    gone = set(values["missing"])
    lines = [
        f"{shown(str(source))} -> {shown(str(target))}"
        for source, target in plan
        if str(source) not in gone
    ]
    return [*lines, "Nothing was done. Add --link or --copy to do it."]


def _print(outcome: dict[str, Any], warnings: list[str], as_json: bool) -> None:
    result({**outcome, "warnings": warnings}, in_words(outcome), as_json)
