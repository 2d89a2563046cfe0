// better-auth with its plugins jwt and oauth-provider on PostgreSQL: access tokens as JWTs that Ed25519
// signs.

import { createHash, randomBytes } from 'node:crypto';
import { clients, listen, load, pool, started } from '../peer.mjs';

const API = 'https://api.example';

const [
  { betterAuth }, { getMigrations }, { toNodeHandler }, { jwt }, { oauthProvider },
] = await Promise.all([
  'better-auth', 'better-auth/db/migration', 'better-auth/node', 'better-auth/plugins/jwt',
  '@better-auth/oauth-provider',
].map(load));
const [server, origin] = await listen();
const issuer = `${origin}/api/auth`;

const trusted = new Set();
const options = {
  baseURL: origin,
  secret: 'for measurements only, and long enough for that',
  database: await pool(),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [
    jwt({ jwks: { keyPairConfig: { alg: 'EdDSA' } } }),
    oauthProvider({
      loginPage: '/login',
      consentPage: '/consent',
      scopes: ['openid', 'offline_access', 'read'],
      resources: [API],
      cachedTrustedClients: trusted,
      cachedResources: new Set([API]),
      enforcePerClientResources: false,
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const auth = betterAuth(options);
server.on('request', toNodeHandler(auth));

const redirectUri = 'https://app.example/callback';
// A user of its own for each client. The cookie of the new session comes back.
const signUp = async (number) => {
  const body = { name: 'Alice', email: `alice-${number}@example.com`, password: 'wonderland' };
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true });
  return headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
};
const cookies = [];
for (const number of clients.keys()) cookies.push(await signUp(number));
const scope = 'offline_access read';
const app = await auth.api.adminCreateOAuthClient({
  headers: { cookie: cookies[0] },
  body: {
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
    skip_consent: true,
    scope,
  },
});

trusted.add(app.client_id);

// A login in a browser, and the code that it ends with.
const login = async (cookie) => {
  const verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: app.client_id,
    redirect_uri: redirectUri,
    scope,
    state: 'any',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource: API,
  });
  const answer = await fetch(`${issuer}/oauth2/authorize?${asked}`, { headers: { cookie } });
  const { searchParams } = new URL((await answer.json()).url);
  const redeemed = await fetch(`${issuer}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: app.client_id,
      code: searchParams.get('code'),
      redirect_uri: redirectUri,
      code_verifier: verifier,
      resource: API,
    }),
  });
  return (await redeemed.json()).refresh_token;
};
const tokens = [];
for (const cookie of cookies) tokens.push(await login(cookie));
const form = new URLSearchParams({
  grant_type: 'refresh_token',
  client_id: app.client_id,
  resource: API,
});
started(server, '/api/auth/oauth2/token', form.toString(), tokens);
