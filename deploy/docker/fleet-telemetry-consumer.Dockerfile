# The archiver of telemetry: docker build -f deploy/docker/fleet-telemetry-consumer.Dockerfile -t fleet-telemetry-consumer .
# Run: docker run -e FLEET_LOG_URL=kafka://kafka:9092 -e FLEET_STORE_URL=mongodb://mongo:27017 fleet-telemetry-consumer
# A C compiler and make build librdkafka; nothing of it is needed at run time.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p fleet-pipeline --features service --bin fleet-telemetry-consumer

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/fleet-telemetry-consumer /usr/local/bin/fleet-telemetry-consumer
EXPOSE 9102
# As variables, so that arguments of `docker run` do not drop them.
ENV FLEET_LISTEN=0.0.0.0:9102 FLEET_ALLOW_PUBLIC=true
# Probes and metrics only; every other setting is a FLEET_ variable or an argument (docs/cluster.md).
ENTRYPOINT ["/usr/local/bin/fleet-telemetry-consumer"]
