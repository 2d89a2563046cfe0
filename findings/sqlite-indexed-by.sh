#!/usr/bin/env bash
# SQLite 3.54.1 (apsw 3.54.1.0): after an ANALYZE of a table of one row, a join with json_each by the primary
# key walks the whole table, however large it has become, and `INDEXED BY` in an `UPDATE … FROM` does not help:
# the planner uses the index, but walks all of it.
#
# Expected: a search by the primary key, as in a `SELECT` with `CROSS JOIN` and `INDEXED BY`.
# Seen on 2026-11-29, where ten thousand rows were added after the ANALYZE:
#   select, join                          SCAN t
#   select, cross join                    SCAN t
#   select, cross join, indexed by        SEARCH t
#   update                                SCAN t
#   update, indexed by                    SCAN t
# Rests on it: crates/tower-bearer-sqlx/src/sqlite/load.rs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q apsw==3.54.1.0
cat >finding.py <<'PYTHON'
import apsw

INDEX = "INDEXED BY sqlite_autoindex_t_1"
STATEMENTS = {
    "select, join": "SELECT t.v FROM json_each(?) AS w JOIN t ON t.id = unhex(w.value)",
    "select, cross join": "SELECT t.v FROM json_each(?) AS w CROSS JOIN t ON t.id = unhex(w.value)",
    "select, cross join, indexed by":
        f"SELECT t.v FROM json_each(?) AS w CROSS JOIN t {INDEX} ON t.id = unhex(w.value)",
    "update": "UPDATE t SET v = 1 FROM json_each(?) AS w WHERE t.id = unhex(w.value)",
    "update, indexed by": f"UPDATE t {INDEX} SET v = 1 FROM json_each(?) AS w WHERE t.id = unhex(w.value)",
}

database = apsw.Connection(":memory:")
database.execute("CREATE TABLE t (id BLOB NOT NULL PRIMARY KEY, v INTEGER)")
database.execute("INSERT INTO t VALUES (randomblob(16), 0)")
database.execute("ANALYZE")
database.execute(
    "INSERT INTO t WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 10000)"
    " SELECT randomblob(16), 0 FROM n"
)
for name, statement in STATEMENTS.items():
    plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", ("[]",))
    step = next(step for *_, step in plan if step.split()[1] == "t")
    print(f"{name:37} {' '.join(step.split()[:2])}")
PYTHON
venv/bin/python finding.py >seen
cat seen
diff seen - <<'SEEN'
select, join                          SCAN t
select, cross join                    SCAN t
select, cross join, indexed by        SEARCH t
update                                SCAN t
update, indexed by                    SCAN t
SEEN
