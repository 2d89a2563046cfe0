// panva's oidc-provider: JWTs for an API that it knows, or opaque tokens (mode "opaque").

import { generateKeyPairSync } from 'node:crypto';
import { API, listen, load, mode, started } from './script.mjs';

const { Provider } = await load('oidc-provider');
const [server, issuer] = await listen();

// What an operator's database keeps over the restart that a new key takes.
const rows = new Map();
class Database {
  constructor(model) {
    this.key = (id) => `${model} ${id}`;
  }

  async upsert(id, row) {
    rows.set(this.key(id), row);
  }

  async find(id) {
    return rows.get(this.key(id));
  }

  async consume(id) {
    rows.get(this.key(id)).consumed = true;
  }

  async destroy(id) {
    rows.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, row] of rows) {
      if (row.grantId === grantId) rows.delete(key);
    }
  }
}

// Without `alg` and `kid`, as most keep them. The first one signs.
const keys = [];
const start = () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys.unshift(privateKey.export({ format: 'jwk' }));
  const provider = new Provider(issuer, {
    adapter: Database,
    jwks: { keys },
    clients: [{
      client_id: 'app',
      client_secret: 'app-secret',
      redirect_uris: [`${issuer}/callback`],
      grant_types: ['authorization_code', 'refresh_token'],
    }, {
      client_id: 'api',
      client_secret: 'api-secret',
      redirect_uris: [],
      response_types: [],
      grant_types: [],
    }],
    scopes: ['openid', 'offline_access', 'read'],
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, audience) => ({
          audience,
          scope: 'read',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { AccessToken: 600, Grant: 3600, IdToken: 600, RefreshToken: 3600 },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    cookies: { keys: ['for tests only'] },
  });
  server.removeAllListeners('request').on('request', provider.callback());
  return provider;
};

// What is left of a login in a browser after the authorization code has been redeemed.
const provider = start();
const client = await provider.Client.find('app');
const grant = new provider.Grant({ accountId: 'alice', clientId: 'app' });
const scope = 'openid offline_access read';
grant.addOIDCScope(scope);
grant.addResourceScope(API, 'read');
const refreshToken = new provider.RefreshToken({
  accountId: 'alice',
  client,
  grantId: await grant.save(),
  gty: 'authorization_code',
  scope,
  resource: mode === 'opaque' ? undefined : API,
});

started({
  issuer,
  audience: API,
  token_endpoint: `${issuer}/token`,
  introspection_endpoint: `${issuer}/token/introspection`,
  client: ['app', 'app-secret'],
  resource_server: ['api', 'api-secret'],
  refresh_token: await refreshToken.save(),
}, () => {
  start();
  return {};
});
