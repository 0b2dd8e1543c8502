# Not yet built.
#   docker build -t tilefire .
#   docker run --rm -v "$PWD:/data" tilefire render points.csv -o tiles
# With an NVIDIA card and the NVIDIA Container Toolkit: docker run --gpus all ...
FROM rust:1-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake g++ make pkg-config sqlite3 libsqlite3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /tilefire
COPY . .
RUN cargo build --release --locked \
    && strip target/release/tilefire \
    && scripts/smoke_test.sh target/release/tilefire

FROM debian:bookworm-slim
# The loader alone: the driver comes with the card, from the runtime. There is no software driver on purpose: where there is
# no card, the CPU path is faster.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libvulkan1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 tilefire
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility
COPY --from=build /tilefire/target/release/tilefire /usr/local/bin/tilefire
USER tilefire
WORKDIR /data
# The port of tilefire serve; name --host 0.0.0.0 to be heard outside of the container.
EXPOSE 8080
ENTRYPOINT ["tilefire"]
CMD ["--help"]
