# One hub. The programs are compiled here (release), or with PROGRAMS=prebuilt taken from bin/ as `make build` left them.
# Base images come by name; scripts/base-images makes them where no image registry can be reached. The stages stand in the
# order in which they are needed, and all are: builders without BuildKit make every stage up to the last.
ARG RUNTIME_BASE=debian:bookworm-slim
ARG BUILD_BASE=rust:1.95.0-bookworm

FROM ${BUILD_BASE} AS programs
ARG PROGRAMS=compiled
WORKDIR /src
COPY . .
RUN docker/programs "${PROGRAMS}" /programs

FROM ${RUNTIME_BASE} AS hub
# https to calendars that are followed needs certificate authorities.
RUN if ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then \
        apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; fi
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin interhub \
    && install -d -o interhub -g interhub -m 0700 /data
COPY docker/hub scripts/demo-network /usr/local/bin/
COPY demo/calendars /usr/local/share/interhub/calendars
COPY --from=programs /programs/ /usr/local/bin/
USER interhub
VOLUME /data
# 7400: the other hubs, mutual TLS. 8400: pages and feeds.
EXPOSE 7400 8400
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["hub", "ready"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["hub"]
CMD ["serve"]
