#!/usr/bin/env bash
# ed25519-dalek 3.0.0 (crates.io): `to_pkcs8_pem` and `to_pkcs8_der` write a private key as version 2 of PKCS#8, with the
# public key, and OpenSSL 3.0, Node.js 20 and cryptography 50.0.2 (PyPI) refuse to read that.
#
# Expected: what one program exports by the standard is read by the others, as it is valid by RFC 5958 section 2. But
# RFC 8410 section 7 warns that some do not accept a private key with the public key in it. Version 1 of the same seed,
# without it, is read by all three.
# Seen on 2026-11-30, with OpenSSL 3.0.19 (Debian 12) and Node.js 20.20.2:
#   as exported, version 2: refused by OpenSSL, refused by Node.js, refused by cryptography
#   the seed only, version 1: read by OpenSSL, read by Node.js, read by cryptography
# Rests on it: src/jws/backend/rust_crypto.rs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q cryptography==50.0.2
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
ed25519-dalek = { version = "=3.0.0", features = ["pem", "pkcs8"] }
TOML
cat >src/main.rs <<'RUST'
use ed25519_dalek::pkcs8::{spki::der::pem::LineEnding, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::SigningKey;

/// The version is the first number of the outer sequence, and counted from 0.
fn write(name: &str, key: &impl EncodePrivateKey) {
    println!("{}", key.to_pkcs8_der().unwrap().as_bytes()[4] + 1);
    std::fs::write(name, key.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
}

fn main() {
    let key = SigningKey::from_bytes(&[7; 32]);
    write("exported.pem", &key);
    write("seed.pem", &KeypairBytes { secret_key: key.to_bytes(), public_key: None });
}
RUST
cargo run --quiet >versions
{ read -r exported && read -r seed; } <versions

cat >read.mjs <<'END'
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
createPrivateKey(readFileSync(process.argv[2]));
END
cat >read.py <<'PYTHON'
import sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
load_pem_private_key(open(sys.argv[1], "rb").read(), None)
PYTHON
by() { # NAME COMMAND...
  if "${@:2}" 2>>errors; then echo -n "read by $1"; else echo -n "refused by $1"; fi
}
read_by() { # FILE
  echo "$(by OpenSSL openssl pkey -noout -in "$1"), $(by Node.js node read.mjs "$1")," \
    "$(by cryptography venv/bin/python read.py "$1")"
}
seen="as exported, version $exported: $(read_by exported.pem)
the seed only, version $seed: $(read_by seed.pem)"
expected="as exported, version 2: refused by OpenSSL, refused by Node.js, refused by cryptography
the seed only, version 1: read by OpenSSL, read by Node.js, read by cryptography"
echo "$seen"
[ "$seen" = "$expected" ] || {
  cat errors
  echo "it is different now"
  exit 1
}
