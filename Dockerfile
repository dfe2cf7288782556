# syntax=docker/dockerfile:1
# One image for every role: the program, Chromium without a window, fonts, and an init that reaps.
#
# The bases are named by tag. Whoever builds for production pins what they have looked at, for example:
#   --build-arg RUST_IMAGE=docker.io/library/rust@sha256:…  --build-arg DEBIAN_IMAGE=docker.io/library/debian@sha256:…
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-trixie
ARG DEBIAN_IMAGE=docker.io/library/debian:trixie-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /source
COPY . .
# The caches outlive the layer, so the program is taken out of them in the same step. Line tables stay out of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,sharing=locked \
    cargo build --release --locked --package leafcutter && \
    install -D --strip target/release/leafcutter /out/leafcutter

FROM ${DEBIAN_IMAGE}
# Liberation stands in for the fonts that pages name most; Noto has the other scripts and the emoji, so that a picture
# of a page has no empty boxes.
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates chromium-headless-shell fonts-liberation fonts-noto-cjk fonts-noto-color-emoji \
        fonts-noto-core tini && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log && \
    useradd --uid 10001 --user-group --home-dir /var/lib/leafcutter --create-home --shell /usr/sbin/nologin \
        leafcutter && \
    chmod 0700 /var/lib/leafcutter
COPY --from=build /out/leafcutter /usr/local/bin/leafcutter
COPY --chmod=0755 deploy/healthy /usr/local/bin/healthy

USER leafcutter:leafcutter
ENV LEAFCUTTER_LISTEN=0.0.0.0:8080 LEAFCUTTER_DATA_DIR=/var/lib/leafcutter
VOLUME /var/lib/leafcutter
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["healthy"]
# The init reaps what a crashed Chromium leaves and passes SIGTERM on to the service alone, which ends its browsers.
ENTRYPOINT ["tini", "--", "leafcutter"]
CMD ["serve"]
