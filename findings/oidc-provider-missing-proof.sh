#!/usr/bin/env bash
# npm oidc-provider 9.13.3: a refresh of a token that is bound to a key is answered with `invalid_grant` where
# the proof is missing, and the token is still good.
#
# Expected: `invalid_dpop_proof`, as for a proof that is wrong (RFC 9449 section 5). `invalid_grant` says
# that the refresh token is at fault (RFC 6749 section 5.2), and clients forget the session at it. So
# an older program that shares the tokens and knows nothing of keys, or one that has mislaid its header, loses a
# session that goes on at the server.
# Seen on 2026-11-29, with Node.js 20:
#   without a proof: 400 invalid_grant
#   another key's proof: 400 invalid_grant
#   the proof of another URL: 400 invalid_dpop_proof
#   the right proof: 200 DPoP
# Rests on it: crates/tower-bearer-client sends nothing if it lacks the key that its tokens are bound to
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --ignore-scripts --no-audit --no-fund oidc-provider@9.13.3 dpop@2.1.2
cat >run.mjs <<'END'
import { createServer } from 'node:http';
import { generateKeyPair, generateProof } from 'dpop';
import { Provider } from 'oidc-provider';

console.warn = console.info = () => {};
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const client_id = 'app';
const redirectUri = `${issuer}/callback`;
const provider = new Provider(issuer, {
  clients: [{
    client_id,
    token_endpoint_auth_method: 'none',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
  }],
  features: { devInteractions: { enabled: false }, dPoP: { enabled: true } },
  ttl: { AccessToken: 600, Grant: 3600, IdToken: 600, RefreshToken: 3600 },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  cookies: { keys: ['for this script only'] },
});
server.on('request', provider.callback());

// A login by its end: the authorization code.
const scope = 'openid offline_access';
const grant = new provider.Grant({ accountId: 'alice', clientId: client_id });
grant.addOIDCScope(scope);
const code = await new provider.AuthorizationCode({
  accountId: 'alice',
  client: await provider.Client.find(client_id),
  grantId: await grant.save(),
  gty: 'authorization_code',
  redirectUri,
  scope,
}).save();

const url = `${issuer}/token`;
async function ask(parameters, dpop) {
  const body = new URLSearchParams({ client_id, ...parameters });
  const response = await fetch(url, { method: 'POST', body, headers: dpop ? { dpop } : {} });
  return { status: response.status, ...(await response.json()) };
}

const [own, others] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
const proof = (keys, at = url) => generateProof(keys, at, 'POST');
const login = { grant_type: 'authorization_code', code, redirect_uri: redirectUri };
const { refresh_token } = await ask(login, await proof(own));
const refresh = { grant_type: 'refresh_token', refresh_token };
const told = ({ status, error, token_type }) => `${status} ${error ?? token_type}`;
console.log(`without a proof: ${told(await ask(refresh))}`);
console.log(`another key's proof: ${told(await ask(refresh, await proof(others)))}`);
console.log(`the proof of another URL: ${told(await ask(refresh, await proof(own, `${issuer}/other`)))}`);
console.log(`the right proof: ${told(await ask(refresh, await proof(own)))}`);
server.close();
END
seen=$(NODE_ENV=production node run.mjs 2>/dev/null)
expected="without a proof: 400 invalid_grant
another key's proof: 400 invalid_grant
the proof of another URL: 400 invalid_dpop_proof
the right proof: 200 DPoP"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "it is different now"; exit 1; }
