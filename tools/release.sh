#!/usr/bin/env bash
# Builds the distributions, and tests them as users get them: the wheel is installed in a fresh
# virtual environment, and the tests of the unpacked source distribution run against it.
# The argument is the folder for the distributions, dist by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dist=$(realpath -m "${1:-dist}")
place=$(mktemp -d "${TMPDIR:-/tmp}/skdeepcluster-release.XXXXXX")
trap 'rm -rf "$place"' EXIT

"${PYTHON:-python3}" -m venv "$place/venv"
# shellcheck disable=SC1091
source "$place/venv/bin/activate"
pip install --quiet build twine
python -m build --outdir "$dist"
twine check --strict "$dist"/*

wheel=$(ls "$dist"/*.whl)
pip install --quiet "${wheel}[test]"
tar xzf "$dist"/*.tar.gz -C "$place"
cd "$place"/skdeepcluster-*
rm -r skdeepcluster # so that the tests meet what is installed
pytest "${@:2}"
