#!/bin/sh
# Trains on a GPU machine that has torch, but no network and no dataset: sh benchmarks/train_on_gpu.sh MINUTES NAME...
# Put the wheels it lacks (pydantic and its dependencies) into .whl, and the files of Fashion-MNIST into .gpu/fashion.
# The results go to $OUT. Of models/, only the Python files are needed.
set -eu
minutes=$1
shift
if [ -d .whl ]; then
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target /tmp/site .whl/*.whl
    export PYTHONPATH=/tmp/site
fi
PYTHONUNBUFFERED=1 exec python3 -m benchmarks.train_on_gpu train --out "${OUT:-out}" --minutes "$minutes" --fashion .gpu/fashion "$@"
