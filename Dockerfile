# Two images.
#   serve   pictures, pages and administration. No torch, no compiler, no pip.   docker build --target serve -t seedling .
#   train   runs retraining jobs; shares the volume, and PostgreSQL if used, with serve.
#           docker build --target train --build-arg TORCH_INDEX=<CPU index from pytorch.org> -t seedling-train .
# Packages are pinned with hashes in deploy/requirements (make lock).

FROM node:20-bookworm-slim AS pages
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --silent
COPY web .
RUN npm run --silent build

FROM python:3.11-slim-bookworm AS packages
RUN python -m venv --without-pip /opt/seedling
COPY deploy/requirements/serve.txt /tmp/
RUN python -m pip --python /opt/seedling/bin/python install --no-cache-dir --disable-pip-version-check -q \
    --no-deps --only-binary :all: --require-hashes -r /tmp/serve.txt

FROM packages AS train-packages
# Without TORCH_INDEX, pip uses PyPI, whose torch for Linux is a CUDA build with another hash, so the build fails.
ARG TORCH_INDEX
COPY deploy/requirements/torch.txt deploy/requirements/train.txt /tmp/
RUN python -m pip --python /opt/seedling/bin/python install --no-cache-dir --disable-pip-version-check -q \
    --no-deps --only-binary :all: --require-hashes ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} -r /tmp/torch.txt \
    && python -m pip --python /opt/seedling/bin/python install --no-cache-dir --disable-pip-version-check -q \
    --no-deps --only-binary :all: --require-hashes -r /tmp/train.txt

FROM python:3.11-slim-bookworm AS source
WORKDIR /src
COPY pyproject.toml LICENSE ./
COPY models models
COPY training training
COPY app app
RUN python -m compileall -q app models training
COPY --from=pages /src/app/static app/static

FROM python:3.11-slim-bookworm AS base
LABEL org.opencontainers.image.title="Seedling" \
    org.opencontainers.image.description="Every number is a picture: trains a GAN on 28x28 images, and serves its generator." \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
# One user, which can write to one folder only. Temporary folders are closed too.
RUN groupadd --gid 10001 seedling \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/seedling --shell /usr/sbin/nologin seedling \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/seedling \
    && chmod 0755 /tmp /var/tmp /run/lock \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
ENV PATH=/opt/seedling/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GAN_STATE=/var/lib/seedling GAN_LOG_FORMAT=json
WORKDIR /src
USER 10001:10001
VOLUME /var/lib/seedling

FROM base AS train
COPY --from=train-packages /opt/seedling /opt/seedling
COPY --from=source /src /src
ENV MPLCONFIGDIR=/var/lib/seedling/cache/matplotlib
HEALTHCHECK NONE
ENTRYPOINT ["/opt/seedling/bin/python", "-m", "app.retraining"]

FROM base AS serve
COPY --from=packages /opt/seedling /opt/seedling
COPY --from=source /src /src
ENV GAN_HOST=0.0.0.0 GAN_PORT=8000 GAN_EMBEDDED_WORKER=false
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/opt/seedling/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['GAN_PORT'] + '/readyz', timeout=2)"]
ENTRYPOINT ["/opt/seedling/bin/python", "-m", "app"]
