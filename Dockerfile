# One image for workers, beats, migrations and the command line; see docker-compose.yml.

FROM python:3.13-slim AS wheel
WORKDIR /src
COPY requirements/dev.txt requirements/
RUN pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY dispatcher dispatcher
COPY workers workers
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home dispatcher
COPY requirements/server.txt /tmp/
RUN pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /tmp/server.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir --no-deps --no-index /tmp/wheels/*.whl && rm -r /tmp/wheels
ENV PYTHONUNBUFFERED=1
USER dispatcher
WORKDIR /srv
# Celery finishes its tasks on SIGTERM, and takes no new ones
STOPSIGNAL SIGTERM
# health differs between a worker, a beat and a Flower: see docker-compose.yml
HEALTHCHECK NONE
CMD ["dispatcher", "--help"]
