#!/usr/bin/env bash
# nx-27017 0.8.1 with neosqlite 1.17.2: a date that an update sets is kept as a text, and no longer found by
# a comparison with dates. The same date is a date if an insert sets it.
#
# Expected: `$set` keeps the type of a value (MongoDB manual, "Update Operators", and BSON's UTC datetime).
# The cause is the faster of its two ways to update, in SQL; the slower one, in Python, keeps dates.
# Seen on 2026-11-29:
#   insert: datetime, found 1
#   $set: str, found 0
# Rests on it: tests/mongodb/nx_27017.py
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q nx-27017==0.8.1 neosqlite==1.17.2 pymongo==4.20.1
cat >finding.py <<'PYTHON'
import sys
from datetime import datetime, timedelta, timezone

from pymongo import MongoClient

client = MongoClient("127.0.0.1", int(sys.argv[1]), retryWrites=False, serverSelectionTimeoutMS=20_000)
things = client.finding.things
date = datetime.now(timezone.utc)
things.insert_one({"_id": "insert", "at": date})
things.insert_one({"_id": "$set"})
things.update_one({"_id": "$set"}, {"$set": {"at": date}})
for name in ("insert", "$set"):
    kept = things.find_one({"_id": name})["at"]
    found = things.count_documents({"_id": name, "at": {"$gte": date - timedelta(minutes=1)}})
    print(f"{name}: {type(kept).__name__}, found {found}")
PYTHON

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data
venv/bin/nx-27017 --data-dir data --port "$port" --log-file log --pid-file pid >/dev/null 2>&1 &
server=$!
seen=$(venv/bin/python finding.py "$port")
echo "$seen"
expected='insert: datetime, found 1
$set: str, found 0'
[ "$seen" = "$expected" ] || {
  echo "it is different now"
  exit 1
}
