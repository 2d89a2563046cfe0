// panva's oidc-provider on a free port of the loopback interface, with rotation on.
//
//   node server.mjs FOLDER [nonces]      FOLDER/node_modules has oidc-provider
//
// It prints its address, the refresh token of a session, and an authorization code for a public client
// whose tokens have to be bound to a key. It lives as long as its standard input is open. With
// `nonces`, each proof of a key needs a nonce.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(resolve(process.argv[2], 'package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const needsNonces = process.argv[3] === 'nonces';
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'the app',
    // What has to be form-encoded before it goes into a Basic header.
    client_secret: 'a+b:c%d&e=f/g h',
    redirect_uris: [`${issuer}/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
  }, {
    client_id: 'the bound app',
    token_endpoint_auth_method: 'none',
    dpop_bound_access_tokens: true,
    redirect_uris: [`${issuer}/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
  }],
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    dPoP: {
      enabled: true,
      nonceSecret: needsNonces ? Buffer.alloc(32, 7) : undefined,
      requireNonce: () => needsNonces,
    },
    revocation: { enabled: true },
  },
  ttl: { AccessToken: 600, Grant: 3600, IdToken: 600, RefreshToken: 3600 },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  cookies: { keys: ['for tests only'] },
});
server.on('request', provider.callback());

// What is left of a login in a browser: for one client after the authorization code has been redeemed,
// for the other one before.
const scope = 'openid offline_access';
const login = async (clientId) => {
  const client = await provider.Client.find(clientId);
  const session = { accountId: 'alice', clientId };
  const grant = new provider.Grant(session);
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  return { ...session, client, grantId, gty: 'authorization_code', scope };
};
const token = await new provider.RefreshToken(await login('the app')).save();
const redirectUri = `${issuer}/callback`;
const code = new provider.AuthorizationCode({ ...await login('the bound app'), redirectUri });
console.log(issuer, token, await code.save());

process.stdin.resume().on('end', () => process.exit());
