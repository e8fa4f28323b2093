# The service alone: no torch, no compiler. docker build -t seedling . && docker run -p 8000:8000 -v seedling:/var/lib/seedling seedling
FROM node:20-bookworm-slim AS pages
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --silent
COPY web .
RUN npm run --silent build

FROM python:3.11-slim-bookworm AS build
COPY constraints.txt pyproject.toml README.md LICENSE /src/
WORKDIR /src
RUN python -m venv /opt/seedling && /opt/seedling/bin/python -m pip install --no-cache-dir -q -c constraints.txt pip
COPY app app
COPY models models
COPY training training
RUN /opt/seedling/bin/python -m pip install --no-cache-dir -q -c constraints.txt -e .

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Seedling" org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin seedling \
    && mkdir -p /var/lib/seedling && chown seedling /var/lib/seedling
COPY --from=build /opt/seedling /opt/seedling
COPY --from=build /src /src
COPY --from=pages /src/app/static /src/app/static
ENV GAN_HOST=0.0.0.0 GAN_PORT=8000 GAN_STATE=/var/lib/seedling PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
USER 10001
VOLUME /var/lib/seedling
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/opt/seedling/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['GAN_PORT'] + '/readyz', timeout=2)"]
ENTRYPOINT ["/opt/seedling/bin/python", "-m", "app"]
