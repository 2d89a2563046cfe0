// better-auth with its plugins jwt and oauth-provider: JWTs where an API is named, opaque tokens
// otherwise (mode "opaque"), and the JWTs of its own sessions (mode "session").

import { createHash, randomBytes } from 'node:crypto';
import { API, listen, load, mode, started } from './script.mjs';

const [
  { betterAuth }, { memoryAdapter }, { toNodeHandler }, { jwt }, { oauthProvider },
] = await Promise.all([
  'better-auth', 'better-auth/adapters/memory', 'better-auth/node', 'better-auth/plugins/jwt',
  '@better-auth/oauth-provider',
].map(load));
const [server, origin] = await listen();
const issuer = `${origin}/api/auth`;

const tables = {};
const auth = betterAuth({
  baseURL: origin,
  secret: 'for tests only, and long enough for that',
  database: (options) => {
    for (const model of ['user', 'session', 'account', 'verification', 'jwks', 'oauthClient',
      'oauthResource', 'oauthClientResource', 'oauthRefreshToken', 'oauthAccessToken', 'oauthConsent',
      'oauthClientAssertion']) tables[model] ??= [];
    return memoryAdapter(tables)(options);
  },
  emailAndPassword: { enabled: true },
  plugins: [
    jwt({ jwks: { rotationInterval: 3600, gracePeriod: 3600 } }),
    oauthProvider({
      loginPage: '/login',
      consentPage: '/consent',
      scopes: ['openid', 'offline_access', 'read'],
      resources: [API],
      enforcePerClientResources: false,
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
});
server.on('request', toNodeHandler(auth));

// A login in a browser, and the code that it ends with.
const redirectUri = 'https://app.example/callback';
const user = { name: 'Alice', email: 'alice@example.com', password: 'wonderland' };
const { headers } = await auth.api.signUpEmail({ body: user, returnHeaders: true });
const cookie = headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
const scope = 'openid offline_access read';
const app = await auth.api.adminCreateOAuthClient({
  headers: { cookie },
  body: { redirect_uris: [redirectUri], skip_consent: true, scope },
});
const verifier = randomBytes(32).toString('base64url');
const resource = mode === 'opaque' ? {} : { resource: API };
const asked = new URLSearchParams({
  response_type: 'code',
  client_id: app.client_id,
  redirect_uri: redirectUri,
  scope,
  state: 'any',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
  ...resource,
});
const answer = await fetch(`${issuer}/oauth2/authorize?${asked}`, {
  headers: { cookie },
});
const { searchParams } = new URL((await answer.json()).url);
const redeemed = await fetch(`${issuer}/oauth2/token`, {
  method: 'POST',
  headers: {
    authorization: `Basic ${btoa(`${app.client_id}:${app.client_secret}`)}`,
  },
  body: new URLSearchParams({
    grant_type: 'authorization_code',
    code: searchParams.get('code'),
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...resource,
  }),
});

// The time of all keys is over. It makes the next one in the call that signs with it.
const rotate = () => {
  for (const key of tables.jwks) key.expiresAt = new Date();
};

if (mode === 'session') {
  const token = async () => ({
    access_token: (await auth.api.getToken({ headers: { cookie } })).token,
  });
  started({
    issuer: origin,
    jwks_uri: `${issuer}/jwks`,
    audience: origin,
    ...await token(),
  }, () => {
    rotate();
    return token();
  });
} else {
  started({
    issuer,
    audience: API,
    token_endpoint: `${issuer}/oauth2/token`,
    introspection_endpoint: `${issuer}/oauth2/introspect`,
    client: [app.client_id, app.client_secret],
    // It tells nobody else about a token that names no API.
    resource_server: [app.client_id, app.client_secret],
    refresh_token: (await redeemed.json()).refresh_token,
  }, () => {
    rotate();
    return {};
  });
}
