// An OAuth client by panva's oauth4webapi, with a session that is bound to its key (RFC 9449).

import assert from 'node:assert/strict';
import { generateProof } from 'dpop';
import * as oauth from 'oauth4webapi';

const [base, secret, ...algorithms] = process.argv.slice(2);
const client = { client_id: 'oauth4webapi' };
const plain = { [oauth.allowInsecureRequests]: true };

/** The metadata name the issuer's own address, and this server listens elsewhere. */
async function found() {
  const response = await fetch(`${base}/.well-known/oauth-authorization-server`);
  const metadata = await response.json();
  const here = (url) => base + new URL(url).pathname;
  const { introspection_endpoint, jwks_uri, revocation_endpoint, token_endpoint } = metadata;
  return {
    ...metadata,
    introspection_endpoint: here(introspection_endpoint),
    jwks_uri: here(jwks_uri),
    revocation_endpoint: here(revocation_endpoint),
    token_endpoint: here(token_endpoint),
  };
}

/** What a resource server is told of a token, as JSON and signed (RFC 9701). */
async function introspected(as, token) {
  const server = { client_id: 'resource-server' };
  const authentication = oauth.ClientSecretBasic(secret);
  const told = async (requestJwtResponse) => {
    const options = { ...plain, requestJwtResponse };
    const response = await oauth.introspectionRequest(as, server, authentication, token, options);
    const type = requestJwtResponse ? 'application/token-introspection+jwt' : 'application/json';
    assert.equal(response.headers.get('content-type'), type);
    const answer = await oauth.processIntrospectionResponse(as, server, response);
    if (requestJwtResponse) await oauth.validateApplicationLevelSignature(as, response, plain);
    return answer;
  };
  const answer = await told(false);
  assert.deepEqual(await told(true), answer);
  return answer;
}

async function login(keys) {
  const url = `${base}/auth/login`;
  const headers = { 'content-type': 'application/json', dpop: await generateProof(keys, url, 'POST') };
  const body = JSON.stringify({ username: 'alice', password: 'wonderland' });
  const response = await fetch(url, { method: 'POST', headers, body });
  return response.json();
}

async function walk(as, algorithm) {
  assert(as.dpop_signing_alg_values_supported.includes(algorithm), algorithm);
  const keys = await oauth.generateKeyPair(algorithm);
  const DPoP = oauth.DPoP(client, keys);
  const refresh = async (token, options) => {
    const sent = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, { ...plain, ...options });
    return oauth.processRefreshTokenResponse(as, client, sent);
  };
  const refused = (error) => (thrown) => thrown.error === error;

  let access;
  let { refresh_token: token, token_type } = await login(keys);
  assert.equal(token_type, 'DPoP');
  for (let round = 0; round < 3; round++) {
    const tokens = await refresh(token, { DPoP });
    assert.equal(tokens.token_type, 'dpop');
    const me = new URL(`${base}/me`);
    const answer = await oauth.protectedResourceRequest(tokens.access_token, 'GET', me, undefined, undefined, {
      ...plain,
      DPoP,
    });
    const { cnf } = await answer.json();
    assert.equal(cnf.jkt, await DPoP.calculateThumbprint());
    access = tokens.access_token;
    const told = await introspected(as, access);
    assert.equal(told.active, true);
    assert.equal(told.token_type, 'DPoP');
    assert.deepEqual(told.cnf, cnf);
    token = tokens.refresh_token;
  }
  // Whoever has the token and not the key.
  await assert.rejects(refresh(token), refused('invalid_dpop_proof'));
  const thief = oauth.DPoP(client, await oauth.generateKeyPair(algorithm));
  await assert.rejects(refresh(token, { DPoP: thief }), refused('invalid_grant'));
  ({ refresh_token: token } = await refresh(token, { DPoP }));

  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, oauth.None(), token, plain));
  await assert.rejects(refresh(token, { DPoP }), refused('invalid_grant'));
  assert.deepEqual(await introspected(as, access), { active: false });
  console.log(`oauth4webapi refreshes and introspects by ${algorithm}, a thief does not, and a revocation ends it`);
}

const as = await found();
for (const algorithm of algorithms) await walk(as, algorithm);
