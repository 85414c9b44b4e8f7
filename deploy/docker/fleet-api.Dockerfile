# The API of a cluster: docker build -f deploy/docker/fleet-api.Dockerfile -t fleet-api .
# Run: docker run -p 8080:8080 -p 50051:50051 -e FLEET_LOG_URL=… -e FLEET_STORE_URL=… -e FLEET_STATE_URL=… fleet-api
# A C compiler and make build librdkafka; nothing of it is needed at run time.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p fleet-api --features service --bin fleet-api

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/fleet-api /usr/local/bin/fleet-api
EXPOSE 8080 50051
# As variables, so that arguments of `docker run` do not drop them.
ENV FLEET_LISTEN=0.0.0.0:8080 FLEET_GRPC_LISTEN=0.0.0.0:50051 FLEET_AUTH=required
# It listens to all, so it asks for keys; FLEET_ADMIN_KEY_FILE names a mounted file with the first one
# (docs/cluster.md).
ENTRYPOINT ["/usr/local/bin/fleet-api"]
