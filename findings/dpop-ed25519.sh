#!/usr/bin/env bash
# npm dpop 2.1.2 and oauth4webapi 3.8.8: a proof by an Ed25519 key names the algorithm `Ed25519`, also
# where the pair was made as `EdDSA`.
#
# Expected: `EdDSA` (RFC 8037 section 3.1), at least where the caller has asked for a pair by that name. RFC
# 9864 section 2.2 has made `Ed25519` a name of its own since. A server that knows only the older one, and
# whose metadata say so in dpop_signing_alg_values_supported, refuses each proof of these clients for its
# algorithm, and from outside that looks like a wrong signature.
# Seen on 2026-11-29, with Node.js 20:
#   dpop: Ed25519; made as EdDSA: operation not supported
#   oauth4webapi: Ed25519; made as EdDSA: Ed25519
# Rests on it: src/jws/self_signed.rs, and the names in src/dpop/verifier.rs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --ignore-scripts --no-audit --no-fund dpop@2.1.2 oauth4webapi@3.8.8
cat >run.mjs <<'END'
import * as dpop from 'dpop';
import * as oauth from 'oauth4webapi';

const named = (proof) => JSON.parse(Buffer.from(proof.split('.')[0], 'base64url')).alg;

async function byDpop(algorithm) {
  const keys = await dpop.generateKeyPair(algorithm);
  return named(await dpop.generateProof(keys, 'https://api.example/token', 'POST'));
}

/** It shows its proof to nobody but the server. */
async function byOauth(algorithm) {
  const DPoP = oauth.DPoP({}, await oauth.generateKeyPair(algorithm));
  const url = new URL('https://api.example/');
  let sent;
  const customFetch = async (_, { headers }) => {
    sent = new Headers(headers).get('dpop');
    return new Response();
  };
  await oauth.protectedResourceRequest('token', 'GET', url, undefined, undefined, { DPoP, [oauth.customFetch]: customFetch });
  return named(sent);
}

const unless = (made) => made.catch(({ message }) => message);
console.log(`dpop: ${await byDpop('Ed25519')}; made as EdDSA: ${await unless(byDpop('EdDSA'))}`);
console.log(`oauth4webapi: ${await byOauth('Ed25519')}; made as EdDSA: ${await unless(byOauth('EdDSA'))}`);
END
seen=$(node run.mjs)
expected='dpop: Ed25519; made as EdDSA: operation not supported
oauth4webapi: Ed25519; made as EdDSA: Ed25519'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "it is different now"; exit 1; }
