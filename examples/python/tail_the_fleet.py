"""Lists the trucks and tails the live feed, with nothing of the platform but its .proto files.

    python3 -m venv venv && venv/bin/pip install -r examples/python/requirements.txt
    venv/bin/python examples/python/tail_the_fleet.py --count 5

The stubs are generated on each start; a real project generates them once.
"""

import argparse
import sys
import tempfile
import time
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

import grpc
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[2] / "proto"
FAILURES_MAX = 8  # in a row, before it gives up


def generate(directory):
    """Compiles the contracts into `directory` and imports them from there."""
    files = ["fleet/v1/telemetry.proto", "fleet/v1/services.proto"]
    out = [f"--python_out={directory}", f"--grpc_python_out={directory}"]
    if protoc.main(["protoc", f"-I{PROTO}", *out, *files]) != 0:
        sys.exit(f"protoc refused the files in {PROTO}")
    sys.path.insert(0, directory)
    from fleet.v1 import services_pb2, services_pb2_grpc, telemetry_pb2

    return services_pb2, services_pb2_grpc, telemetry_pb2


def trucks(fleet, services_pb2):
    """Every truck, page by page."""
    token = ""
    while True:
        request = services_pb2.ListTrucksRequest(page_size=20, page_token=token)
        page = fleet.ListTrucks(request, timeout=10)
        yield from page.trucks
        token = page.next_page_token
        if not token:
            return


def entries(telemetry, services_pb2, truck_id):
    """The feed from now on; cut off, it goes on right after the last entry."""
    cursor, failures = "", 0
    while True:
        request = services_pb2.WatchFeedRequest(cursor=cursor, truck_id=truck_id)
        try:
            for entry in telemetry.WatchFeed(request):
                cursor, failures = entry.cursor, 0
                if entry.WhichOneof("item"):  # else it only tells how far the stream is
                    yield entry
        except grpc.RpcError as error:
            failures += 1
            if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                cursor = ""  # the log was made anew: from now on
            elif error.code() != grpc.StatusCode.UNAVAILABLE or failures == FAILURES_MAX:
                raise
            print(f"{error.details()}: going on soon", file=sys.stderr)
            time.sleep(0.1 * 2**failures)


def line(entry, telemetry_pb2):
    """An entry of the feed for people."""
    if entry.WhichOneof("item") == "trip":
        trip = entry.trip
        return f"{trip.truck_id} trip {trip.trip_id} from {trip.origin.name} to {trip.destination.name}"
    event = entry.telemetry
    at = datetime.fromtimestamp(event.event_time_ms / 1000, timezone.utc).isoformat()
    status = telemetry_pb2.Status.Name(event.status).removeprefix("STATUS_").lower()
    # An absent reading is not zero.
    speed = f"{event.speed_kmh:.1f} km/h" if event.HasField("speed_kmh") else "no speed"
    return f"{at} {event.truck_id} {status} {speed}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1:50051", help="where the platform speaks gRPC")
    parser.add_argument("--count", type=int, default=5, help="entries to tail before it ends")
    parser.add_argument("--truck", default="", help="tail only this truck")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        services_pb2, services_pb2_grpc, telemetry_pb2 = generate(directory)
        with grpc.insecure_channel(args.address) as channel:
            fleet = services_pb2_grpc.FleetServiceStub(channel)
            summary = fleet.GetFleetSummary(services_pb2.GetFleetSummaryRequest(), timeout=10)
            print(f"{summary.trucks} trucks, {summary.distance_mm / 1e6:.1f} km driven")
            for truck in trucks(fleet, services_pb2):
                model = truck.registered.model_name or "not registered"
                print(f"{truck.truck_id}  {model}")
            telemetry = services_pb2_grpc.TelemetryServiceStub(channel)
            feed = entries(telemetry, services_pb2, args.truck)
            for entry in islice(feed, args.count):
                print(line(entry, telemetry_pb2))


if __name__ == "__main__":
    main()
