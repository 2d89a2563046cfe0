// panva's oidc-provider on a free port of the loopback interface, with rotation on.
//
//   node server.mjs FOLDER      FOLDER/node_modules has oidc-provider
//
// It prints its address and the refresh token of a session, and lives as long as its standard
// input is open.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(resolve(process.argv[2], 'package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'the app',
    // What has to be form-encoded before it goes into a Basic header.
    client_secret: 'a+b:c%d&e=f/g h',
    redirect_uris: [`${issuer}/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
  }],
  rotateRefreshToken: true,
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  ttl: { AccessToken: 600, Grant: 3600, IdToken: 600, RefreshToken: 3600 },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  cookies: { keys: ['for tests only'] },
});
server.on('request', provider.callback());

// What is left of a login in a browser once the authorization code has been redeemed.
const client = await provider.Client.find('the app');
const session = { accountId: 'alice', clientId: client.clientId };
const scope = 'openid offline_access';
const grant = new provider.Grant(session);
grant.addOIDCScope(scope);
const grantId = await grant.save();
const gty = 'authorization_code';
const token = new provider.RefreshToken({ ...session, client, grantId, gty, scope });
console.log(issuer, await token.save());

process.stdin.resume().on('end', () => process.exit());
