# One hub. Two ways to the programs: the stage `hub` compiles them here (release), the stage `prebuilt` takes bin/ as
# `make build` left it. Base images come by name; scripts/base-images makes them where no registry can be reached.
ARG RUNTIME_BASE=debian:bookworm-slim
ARG BUILD_BASE=rust:1.95.0-bookworm

FROM ${RUNTIME_BASE} AS runtime
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin interhub \
    && install -d -o interhub -g interhub -m 0700 /data
COPY docker/hub scripts/demo-network /usr/local/bin/
COPY demo/calendars /usr/local/share/interhub/calendars
USER interhub
VOLUME /data
# 7400: the other hubs, mutual TLS. 8400: pages and feeds.
EXPOSE 7400 8400
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["hub", "ready"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["hub"]
CMD ["serve"]

FROM runtime AS prebuilt
COPY bin/interhubd bin/interhub /usr/local/bin/

FROM ${BUILD_BASE} AS build
RUN command -v clang >/dev/null \
    || { apt-get update && apt-get install -y --no-install-recommends clang libclang-dev; }
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package interhub-node --package interhub-client

FROM runtime AS hub
COPY --from=build /src/target/release/interhubd /src/target/release/interhub /usr/local/bin/
