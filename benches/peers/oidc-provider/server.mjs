// panva's oidc-provider on PostgreSQL: rotation on, access tokens as JWTs that Ed25519 signs.

import { generateKeyPairSync } from 'node:crypto';
import { clients, listen, load, pool, started } from '../peer.mjs';

const API = 'https://api.example';
const SCOPE = 'offline_access read';

const { Provider } = await load('oidc-provider');
const database = await pool();
await database.query(`
  CREATE TABLE oidc_entities (
    model text NOT NULL,
    id text NOT NULL,
    payload jsonb NOT NULL,
    grant_id text,
    uid text,
    user_code text,
    expires_at timestamptz,
    consumed_at timestamptz,
    PRIMARY KEY (model, id)
  );
  CREATE INDEX ON oidc_entities (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX ON oidc_entities (uid) WHERE uid IS NOT NULL;
  CREATE INDEX ON oidc_entities (user_code) WHERE user_code IS NOT NULL;
`);

// Prepared once on each connection.
const statement = (name, text) => (...values) => database.query({ name, text, values });
const SELECT = 'SELECT payload, consumed_at FROM oidc_entities WHERE model = $1 AND';
const ALIVE = 'AND (expires_at IS NULL OR expires_at > now())';
const statements = {
  find: statement('find', `${SELECT} id = $2 ${ALIVE}`),
  findByUid: statement('findByUid', `${SELECT} uid = $2 ${ALIVE}`),
  findByUserCode: statement('findByUserCode', `${SELECT} user_code = $2 ${ALIVE}`),
  upsert: statement('upsert', `
    INSERT INTO oidc_entities (model, id, payload, grant_id, uid, user_code, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
      uid = excluded.uid, user_code = excluded.user_code, expires_at = excluded.expires_at`),
  consume: statement('consume', 'UPDATE oidc_entities SET consumed_at = now() WHERE model = $1 AND id = $2'),
  destroy: statement('destroy', 'DELETE FROM oidc_entities WHERE model = $1 AND id = $2'),
  revoke: statement('revoke', 'DELETE FROM oidc_entities WHERE grant_id = $1'),
};

const entity = ({ rows: [row] }) => row && {
  ...row.payload,
  ...(row.consumed_at ? { consumed: Math.floor(row.consumed_at / 1000) } : {}),
};

class Adapter {
  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload, expiresIn) {
    const { grantId, uid, userCode } = payload;
    await statements.upsert(this.model, id, payload, grantId, uid, userCode, expiresIn);
  }

  async find(id) {
    return entity(await statements.find(this.model, id));
  }

  async findByUid(uid) {
    return entity(await statements.findByUid(this.model, uid));
  }

  async findByUserCode(code) {
    return entity(await statements.findByUserCode(this.model, code));
  }

  async consume(id) {
    await statements.consume(this.model, id);
  }

  async destroy(id) {
    await statements.destroy(this.model, id);
  }

  async revokeByGrantId(grantId) {
    await statements.revoke(grantId);
  }
}

const [server, issuer] = await listen();
const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const provider = new Provider(issuer, {
  adapter: Adapter,
  clients: [{
    client_id: 'web',
    token_endpoint_auth_method: 'none',
    redirect_uris: [`${issuer}/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
    id_token_signed_response_alg: 'EdDSA',
  }],
  jwks: { keys: [{ ...key, kid: 'key', use: 'sig', alg: 'EdDSA' }] },
  rotateRefreshToken: true,
  scopes: ['openid', 'offline_access', 'read'],
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, audience) => ({
        audience,
        scope: 'read',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'EdDSA' } },
      }),
    },
  },
  ttl: { AccessToken: 600, Grant: 86400, RefreshToken: 86400 },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  cookies: { keys: ['for measurements only'] },
});
server.on('request', provider.callback());

// What is left of a login in a browser after the authorization code has been redeemed.
const client = await provider.Client.find('web');
const login = async (_, number) => {
  const accountId = `user-${number}`;
  const grant = new provider.Grant({ accountId, clientId: 'web' });
  grant.addOIDCScope(SCOPE);
  grant.addResourceScope(API, 'read');
  return new provider.RefreshToken({
    accountId,
    client,
    grantId: await grant.save(),
    gty: 'authorization_code',
    scope: SCOPE,
    resource: API,
  }).save();
};
const tokens = await Promise.all(clients.map(login));
started(server, '/token', 'grant_type=refresh_token&client_id=web', tokens);
