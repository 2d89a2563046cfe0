#!/usr/bin/env bash
# npm jsonwebtoken 9.0.3 on Node.js 20 (OpenSSL 3): with HS256 and a secret that is a string, as in its README,
# most of the time of `sign` and `verify` goes into trying to read the secret as a private or public key, which
# fails with an exception each time. With the same secret as a `KeyObject` both are many times as fast.
#
# Expected: a signature with HS256 takes some microseconds, and the form of the secret makes no difference.
# Seen on 2026-11-29 (by the clock, `createPrivateKey` took 760 microseconds to refuse the secret, and the HMAC 10):
#   sign: a string takes at least 5 times as long as a KeyObject: true
#   verify: a string takes at least 5 times as long as a KeyObject: true
# Rests on it: benches/peers/express/server.mjs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund --ignore-scripts jsonwebtoken@9.0.3
cat >finding.cjs <<'JAVASCRIPT'
const { createSecretKey } = require('node:crypto');
const jwt = require('jsonwebtoken');

const secret = '0123456789abcdef0123456789abcdef';
const key = createSecretKey(Buffer.from(secret));

const time = (work) => {
  const begin = process.hrtime.bigint();
  for (let run = 0; run < 200; run += 1) work();
  return Number(process.hrtime.bigint() - begin);
};
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
// In turns, as other work on the machine slows both.
const compare = (name, work) => {
  const ratios = Array.from({ length: 9 }, () => time(() => work(secret)) / time(() => work(key)));
  console.log(`${name}: a string takes at least 5 times as long as a KeyObject: ${median(ratios) >= 5}`);
};

const token = jwt.sign({ sub: 'user' }, secret, { algorithm: 'HS256' });
compare('sign', (with_) => jwt.sign({ sub: 'user' }, with_, { algorithm: 'HS256' }));
compare('verify', (with_) => jwt.verify(token, with_, { algorithms: ['HS256'] }));
JAVASCRIPT
node finding.cjs >seen
cat seen
diff seen - <<'SEEN'
sign: a string takes at least 5 times as long as a KeyObject: true
verify: a string takes at least 5 times as long as a KeyObject: true
SEEN
