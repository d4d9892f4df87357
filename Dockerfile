# The exporter, from this source tree:   docker build --tag shortgenius-exporter .
#
# The base is pinned by tag, for people, and by the digest of its multi-architecture index, for machines.
ARG PYTHON_TAG=3.13.15-slim-trixie
ARG PYTHON_DIGEST=sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
ARG PYTHON_IMAGE=docker.io/library/python:${PYTHON_TAG}@${PYTHON_DIGEST}

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Dependencies first: their layer stays in the cache until the lock changes. Wheels only, so nothing is compiled.
COPY requirements/ requirements/
RUN python3 -m venv /tools \
 && /tools/bin/pip install --quiet --require-hashes --only-binary :all: --requirement requirements/build.txt \
 && python3 -m venv /opt/exporter \
 && /opt/exporter/bin/pip install --quiet --no-compile --require-hashes --only-binary :all: \
      --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
# Bytecode that is checked against nothing: the root file system is read-only, and builds are repeatable.
RUN /tools/bin/pip wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && /opt/exporter/bin/pip install --quiet --no-compile --no-deps --no-index /wheels/*.whl \
 && /opt/exporter/bin/pip uninstall --quiet --yes pip \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/exporter \
 && install -d /state

FROM ${PYTHON_IMAGE}
# No installer is left to whoever gets in.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip
COPY --from=build /opt/exporter /opt/exporter
# A named volume mounted here takes over the owner, so --state.file needs no preparation.
COPY --from=build --chown=65532:65532 /state /var/lib/shortgenius-exporter

ENV PATH=/opt/exporter/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 10217
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["shortgenius-exporter", "health"]
ENTRYPOINT ["shortgenius-exporter"]

# Last, so that a new revision keeps the layers.
ARG PYTHON_TAG
ARG PYTHON_DIGEST
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="shortgenius-exporter" \
      org.opencontainers.image.description="Prometheus exporter for ShortGenius credits" \
      org.opencontainers.image.source="https://github.com/shortgenius-exporter/shortgenius-exporter" \
      org.opencontainers.image.documentation="https://github.com/shortgenius-exporter/shortgenius-exporter#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:${PYTHON_TAG}" \
      org.opencontainers.image.base.digest="${PYTHON_DIGEST}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
