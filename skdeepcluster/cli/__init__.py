"""The command `skdeepcluster`: from a folder of images to clusters, a report and folders."""

from __future__ import annotations

import sys

NEEDED = {"jinja2", "PIL", "rich", "tomli_w", "typer"}


def main() -> None:
    """Run the command."""
    try:  # the import of torch takes seconds
        from skdeepcluster.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit(
            f"The command needs {error.name}, which the app extra installs: "
            'pip install "skdeepcluster[app]".'
        )
    except KeyboardInterrupt:
        sys.exit(130)
    app()
