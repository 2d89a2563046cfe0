// axa's oauth2-mock-server, which takes any refresh token.

import { load, started } from './script.mjs';

const { OAuth2Server } = await load('oauth2-mock-server');
const server = new OAuth2Server();
const { keys } = server.issuer;
await keys.generate('RS256');
await server.start(0, '127.0.0.1');
const issuer = server.issuer.url;

started({
  issuer,
  // Its tokens have none.
  audience: 'any',
  token_endpoint: `${issuer}/token`,
  client: ['app', 'any secret'],
  refresh_token: 'any token',
}, async () => {
  await keys.generate('RS256');
  // It signs with each key in turn, and an answer has two tokens.
  await server.issuer.buildToken();
  return {};
});
