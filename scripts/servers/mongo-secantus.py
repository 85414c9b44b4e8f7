"""Runs SecantusDB until it is told to stop. Its own daemon takes no interval for the sweep of what
has expired, which is a minute there: too long for a test that waits for it."""

import argparse
import signal
import threading

from secantus import SecantusDBServer

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--data", required=True)
options = parser.parse_args()

server = SecantusDBServer(
    host="127.0.0.1",
    port=options.port,
    storage_path=options.data,
    replica_set_name="fleet",  # retryable writes need one
    enable_test_commands=True,  # errors can be injected
    ttl_sweep_seconds=2.0,
    cache_size="256M",
    sync_on_commit=True,  # without it an acknowledged write does not survive a crash
)
stop = threading.Event()
for signum in (signal.SIGTERM, signal.SIGINT):
    signal.signal(signum, lambda *_: stop.set())
server.start()
stop.wait()
server.stop()
