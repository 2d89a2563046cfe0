#!/usr/bin/env bash
# grpcio 1.85.3: a call whose metadata has 12 KB is refused by chance, about every second time.
#
# Expected: a limit that the same request always passes or never. The soft limit is 8 KiB and the hard one 16 KiB; in
# between a server refuses the more often the more there is.
# Seen on 2026-11-30, with other numbers for 12000 each time:
#   of 100 calls with 7000 bytes 100, with 12000 bytes 46, with 17000 bytes 0 are answered
# Rests on it: src/manual/keys.md
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q grpcio==1.85.3
cat >finding.py <<'PYTHON'
import sys
from concurrent import futures

import grpc


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")


server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handler()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
call = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary("/service/method")


def answered(size):
    count = 0
    for _ in range(100):
        try:
            call(b"", metadata=[("authorization", "Bearer " + "a" * size)], timeout=10)
            count += 1
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
    return count


few, some, many = (answered(size) for size in (7000, 12000, 17000))
print(f"of 100 calls with 7000 bytes {few}, with 12000 bytes {some}, with 17000 bytes {many} are answered")
server.stop(None)
if few != 100 or not 0 < some < 100 or many != 0:
    sys.exit("it is different now")
PYTHON
venv/bin/python finding.py
