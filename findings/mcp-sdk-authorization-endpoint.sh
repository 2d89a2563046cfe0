#!/usr/bin/env bash
# npm @modelcontextprotocol/sdk 1.32.2: a client does not read the metadata of an authorization server that has
# no authorization endpoint, be its only grant type one that never uses it.
#
# Expected: such metadata are read. `authorization_endpoint` is required "unless no grant types are supported
# that use the authorization endpoint" (RFC 8414 section 2), and `refresh_token` and `client_credentials` do not
# use it. So a server that logs its users in by itself and only refreshes by OAuth is none to MCP clients, and so
# is one for programs alone.
# Seen on 2026-11-29, with Node.js 20:
#   refresh_token, no authorization endpoint: ZodError authorization_endpoint
#   client_credentials, no authorization endpoint: ZodError authorization_endpoint
#   refresh_token, with one: read
# Rests on it: src/manual/mcp.md, tests/mcp
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --ignore-scripts --no-audit --no-fund @modelcontextprotocol/sdk@1.32.2
cat >run.mjs <<'END'
import { createServer } from 'node:http';
import { discoverAuthorizationServerMetadata } from '@modelcontextprotocol/sdk/client/auth.js';

let document = {};
const server = createServer((request, response) => {
  const known = request.url === '/.well-known/oauth-authorization-server';
  response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(known ? document : {}));
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

async function read(name, members) {
  document = { issuer, token_endpoint: `${issuer}/token`, response_types_supported: [], ...members };
  const verdict = await discoverAuthorizationServerMetadata(issuer).then(
    (metadata) => (metadata ? 'read' : 'none'),
    (error) => `${error.name} ${error.issues?.map((issue) => issue.path.join('.'))}`,
  );
  console.log(`${name}: ${verdict}`);
}

await read('refresh_token, no authorization endpoint', { grant_types_supported: ['refresh_token'] });
await read('client_credentials, no authorization endpoint', {
  grant_types_supported: ['client_credentials'],
});
await read('refresh_token, with one', {
  grant_types_supported: ['refresh_token'],
  authorization_endpoint: `${issuer}/authorize`,
});
server.close();
END

expected='refresh_token, no authorization endpoint: ZodError authorization_endpoint
client_credentials, no authorization endpoint: ZodError authorization_endpoint
refresh_token, with one: read'
seen=$(node run.mjs)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "it is different now"; exit 1; }
