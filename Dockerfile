# The image of sluice: its program, the libraries that it is linked with, certificates and time zones, all of Debian slim, and
# nothing else: no shell, no package manager. Nothing here names an architecture, so any that Debian has can be built.
#
#   docker build -t REGISTRY/sluice .
#   docker buildx build --platform linux/amd64,linux/arm64 ...
#   podman build --format docker --build-arg BINARY=builder -t REGISTRY/sluice .
#       (buildah 1.28, which Debian 12 has, does not find a stage by the default of an ARG)
#
# DEBIAN   the base of every stage
# BINARY   the stage that has /out/sluice: `builder` compiles it, `prebuilt` takes build/image/sluice of this folder
ARG DEBIAN=debian:bookworm-slim
ARG BINARY=builder

FROM ${DEBIAN} AS builder
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
      ccache cmake g++ libbenchmark-dev libboost-json1.81-dev libboost-url1.81-dev libboost1.81-dev libcli11-dev libfmt-dev \
      libgmock-dev libgtest-dev libhowardhinnant-date-dev libre2-dev libspdlog-dev libssl-dev liburing-dev libyaml-cpp-dev \
      libzstd-dev ninja-build pkg-config prometheus-cpp-dev zlib1g-dev
WORKDIR /src
COPY . .
# The same folder name and no time stamps: the same sources make the same program.
RUN --mount=type=cache,target=/ccache \
    CCACHE_DIR=/ccache cmake --preset release && CCACHE_DIR=/ccache cmake --build build/release --target sluice && \
    install -D build/release/sluice /out/sluice

FROM scratch AS prebuilt
COPY build/image/sluice /out/sluice

FROM ${BINARY} AS binary

FROM ${DEBIAN} AS files
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
      binutils ca-certificates libboost-json1.81.0 libboost-url1.81.0 libdate-tz3 libfmt9 libprometheus-cpp-core1.0 libre2-9 \
      libssl3 libstdc++6 liburing2 libyaml-cpp0.7 libzstd1 tzdata zlib1g
COPY --from=binary /out/sluice /out/sluice
COPY deploy/image/collect.sh /collect.sh
RUN /collect.sh /out/sluice /files

FROM scratch
LABEL org.opencontainers.image.title="sluice" \
      org.opencontainers.image.description="A connection-pool proxy and session gateway for PostgreSQL and MySQL" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=files /files /
USER 65532:65532
EXPOSE 6432 6033 9127
# By the admin socket or port that the file names. A database that is down makes nothing unhealthy: no restart would mend it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/bin/sluice", "probe", "--started", "--live", "-c", "/etc/sluice/config/sluice.yaml"]
# `docker run IMAGE check -c ...`, `kubectl exec POD -- sluice ctl ...`
ENTRYPOINT ["/usr/bin/sluice"]
CMD ["run", "-c", "/etc/sluice/config/sluice.yaml"]
