#!/bin/sh
# Train on a borrowed GPU machine that has torch and no network: sh benchmarks/train_on_gpu.sh MINUTES NAME...
# Wheels that it lacks (pydantic and what it needs) lie in .whl, Fashion-MNIST's files in .gpu/fashion. Results go to $OUT.
# models/ need not travel, except for its Python files.
set -eu
minutes=$1
shift
if [ -d .whl ]; then
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target /tmp/site .whl/*.whl
    export PYTHONPATH=/tmp/site
fi
PYTHONUNBUFFERED=1 exec python3 -m benchmarks.train_on_gpu train --out "${OUT:-out}" --minutes "$minutes" --fashion .gpu/fashion "$@"
