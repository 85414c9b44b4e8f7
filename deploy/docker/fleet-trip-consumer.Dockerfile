# The recorder of trips and register: docker build -f deploy/docker/fleet-trip-consumer.Dockerfile -t fleet-trip-consumer .
# Run: docker run -e FLEET_LOG_URL=kafka://kafka:9092 -e FLEET_STORE_URL=mongodb://mongo:27017 fleet-trip-consumer
# A C compiler and make build librdkafka; nothing of it is needed at run time.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p fleet-pipeline --features service --bin fleet-trip-consumer

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/fleet-trip-consumer /usr/local/bin/fleet-trip-consumer
EXPOSE 9103
# As variables, so that arguments of `docker run` do not drop them.
ENV FLEET_LISTEN=0.0.0.0:9103 FLEET_ALLOW_PUBLIC=true
# Probes and metrics only; every other setting is a FLEET_ variable or an argument (docs/cluster.md).
ENTRYPOINT ["/usr/local/bin/fleet-trip-consumer"]
