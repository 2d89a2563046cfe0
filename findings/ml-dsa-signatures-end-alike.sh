#!/usr/bin/env bash
# cryptography 50.0.2: signatures of ML-DSA-44 by one key, of different texts, often end with the same 24 bytes.
#
# Expected: no two alike, as with RSA, ECDSA and EdDSA, so that the end of a token can stand for the token. But the end
# is the hint of FIPS 204 section 7.2, whose unused places are zeros and whose last bytes are counts.
# Seen on 2026-11-30, with other numbers each time:
#   of 5000 signatures 4861 ends of 24 bytes, and 5000 parts of 24 bytes before the hint
# Rests on it: src/verifier/tail.rs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q cryptography==50.0.2
venv/bin/python - <<'PYTHON'
import sys

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

SIGNATURES, HINT = 5000, 84
key = MLDSA44PrivateKey.generate()
signatures = [key.sign(str(at).encode()) for at in range(SIGNATURES)]
ends = len({signature[-24:] for signature in signatures})
before = len({signature[-HINT - 24 : -HINT] for signature in signatures})
print(f"of {SIGNATURES} signatures {ends} ends of 24 bytes, and {before} parts of 24 bytes before the hint")
if ends == SIGNATURES or before != SIGNATURES:
    sys.exit("it is different now")
PYTHON
