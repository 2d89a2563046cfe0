#!/usr/bin/env bash
# PyJWT 2.15.1 (PyPI): `PyJWKClient` does not ask for a key that it does not know within 30 seconds of its last
# successful fetch, the very first one included. A token of a key that was published just after that is refused until then.
#
# Expected: whoever sees an unfamiliar `kid` asks for the keys again (OpenID Connect Core 1.0 section 10.1.1), with a pause
# between two that were asked for so. Here the pause begins with each fetch that succeeds, as its docs say. It is the
# argument `cooldown_duration`, 30 by default and none if 0. The error is that of a key that nobody has.
# Seen on 2026-11-30, with another time from 30 s on each time:
#   cooldown_duration 0: the new key's token is verified at once, fetches: 2
#   by default: Unable to find a signing key that matches: "new"; fetches: 1
#   by default: verified 30.0 s after the first fetch, fetches: 2
# Rests on it: src/manual/keys.md
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q PyJWT==2.15.1 cryptography==50.0.2
cat >finding.py <<'PYTHON'
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

published, fetches = [], {}


class Keys(BaseHTTPRequestHandler):
    def do_GET(self):
        fetches[self.path] = fetches.get(self.path, 0) + 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": published}).encode())

    def log_message(self, *_):
        pass


def publish(kid):
    """A token of a key that is in the set from now on."""
    key = Ed25519PrivateKey.generate()
    published.append({**OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid})
    return jwt.encode({"sub": "anna"}, key, algorithm="EdDSA", headers={"kid": kid})


def verify(client, token):
    return jwt.decode(token, client.get_signing_key_from_jwt(token), algorithms=["EdDSA"])


server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
threading.Thread(target=server.serve_forever, daemon=True).start()
issuer = f"http://127.0.0.1:{server.server_port}"
eager, client = jwt.PyJWKClient(issuer + "/eager", cooldown_duration=0), jwt.PyJWKClient(issuer + "/default")
old, started = publish("old"), time.monotonic()
verify(eager, old), verify(client, old)
new, refused = publish("new"), None
verify(eager, new)
print(f"cooldown_duration 0: the new key's token is verified at once, fetches: {fetches['/eager']}")
while True:
    try:
        verify(client, new)
        break
    except jwt.PyJWKClientError as error:
        if not refused:
            refused = fetches["/default"]
            print(f"by default: {error}; fetches: {refused}", flush=True)
        time.sleep(0.5)
waited = time.monotonic() - started
print(f"by default: verified {waited:.1f} s after the first fetch, fetches: {fetches['/default']}")
if (fetches["/eager"], refused, fetches["/default"]) != (2, 1, 2) or waited < 30:
    sys.exit("it is different now")
PYTHON
venv/bin/python finding.py
