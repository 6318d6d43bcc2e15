# The exporter and its Python on nothing else: docker build --tag adoption-exporter .
#
# The base may be any Debian or Ubuntu with Python 3.11 or newer: --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

FROM ${BASE_IMAGE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# The base is pinned; within it the newest security updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get upgrade --yes && \
    apt-get install --yes --no-install-recommends binutils ca-certificates python3 python3-venv tzdata && \
    rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY requirements.txt requirements-build.txt ./
RUN python3 -m venv /build && \
    /build/bin/pip install --no-cache-dir --require-hashes --requirement requirements-build.txt && \
    python3 -m venv --without-pip /opt/adoption-exporter && \
    /build/bin/pip --python /opt/adoption-exporter/bin/python install --no-cache-dir --no-compile \
        --only-binary :all: --require-hashes --requirement requirements.txt

COPY . .
RUN /build/bin/python -m build --no-isolation --wheel --outdir /wheel && \
    /build/bin/pip --python /opt/adoption-exporter/bin/python install --no-compile --no-deps --no-index /wheel/*.whl && \
    deploy/image/root.sh /opt/adoption-exporter /image && \
    /build/bin/python deploy/image/sbom.py /opt/adoption-exporter /image/var/lib/dpkg/status.d \
        /image/usr/share/doc/adoption-exporter

FROM scratch
LABEL org.opencontainers.image.title="adoption-exporter" \
      org.opencontainers.image.description="Do people use the developer tools you pay for? A Prometheus and OpenTelemetry exporter" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
ENV PATH=/opt/adoption-exporter/bin LANG=C.UTF-8
# Without a state.url the database is adoption.db in here.
WORKDIR /var/lib/adoption-exporter
USER 65532:65532
EXPOSE 10723
HEALTHCHECK --interval=30s --timeout=10s --start-period=1m CMD ["adoption-exporter", "healthcheck"]
ENTRYPOINT ["adoption-exporter"]
CMD ["run", "--config.file", "/etc/adoption-exporter/config.yaml", "--web.listen-address", "0.0.0.0:10723"]
