#!/usr/bin/env bash
# The tests with the oldest versions that setup.cfg allows, in a fresh virtual environment.
# Arguments go to pytest; PYTHON is the interpreter, python3.11 where it is not set.
# With UV_TORCH_BACKEND=cpu, torch comes without the gigabytes of CUDA.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=$(mktemp -d "${TMPDIR:-/tmp}/skdeepcluster-oldest.XXXXXX")
trap 'rm -rf "$venv"' EXIT

"${PYTHON:-python3.11}" -m venv "$venv"
# shellcheck disable=SC1091
source "$venv/bin/activate"
pip install --quiet uv
uv pip install --resolution lowest-direct -r setup.cfg --extra test
uv pip install --no-deps -e .
pytest "$@"
