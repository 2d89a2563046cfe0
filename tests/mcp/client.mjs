// MCP's own client, which finds everything by itself: node client.mjs SERVER REFRESH_TOKEN
// It writes what it has learnt, as one line of JSON.
import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
  refreshAuthorization,
  selectResourceURL,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [server, refreshToken] = process.argv.slice(2);
const learnt = {};

// Who has no token is told where to go on.
const refused = await fetch(server, { method: 'POST' });
const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(refused);
learnt.refused = { status: refused.status, resourceMetadataUrl, scope };

const metadata = await discoverOAuthProtectedResourceMetadata(server, { resourceMetadataUrl });
learnt.metadata = metadata;
// Without the challenge it looks at the well-known path.
learnt.probed = await discoverOAuthProtectedResourceMetadata(server);

const [issuer] = metadata.authorization_servers;
// It takes no authorization server that has no authorization endpoint, though RFC 8414 has those.
learnt.without_authorization_endpoint = await discoverAuthorizationServerMetadata(issuer).then(
  () => 'taken',
  (error) => error.name,
);
const described = await fetch(new URL('/.well-known/oauth-authorization-server', issuer));
const authorizationServer = await described.json();

const refresh = (resource) =>
  refreshAuthorization(issuer, {
    metadata: authorizationServer,
    clientInformation: { client_id: 'mcp-client' },
    refreshToken,
    resource,
  });
const resource = await selectResourceURL(server, {}, metadata);
const tokens = await refresh(resource);
learnt.audience = JSON.parse(atob(tokens.access_token.split('.')[1])).aud;
learnt.other_resource = await refresh(new URL('https://other.example/')).then(
  () => 'taken',
  (error) => error.errorCode ?? error.name,
);

const answers = [];
const transport = new StreamableHTTPClientTransport(new URL(server), {
  requestInit: { headers: { authorization: `Bearer ${tokens.access_token}` } },
  fetch: async (...request) => {
    const answer = await fetch(...request);
    answers.push(answer);
    return answer;
  },
});
const client = new Client({ name: 'test', version: '1' });
await client.connect(transport);
learnt.server = client.getServerVersion().name;
learnt.tools = (await client.listTools()).tools.map(({ name }) => name);
learnt.said = (await client.callTool({ name: 'who_am_i' })).content[0].text;
learnt.door = await client.callTool({ name: 'open_the_door' }).then(
  ({ content }) => content[0].text,
  () => {
    const last = answers.at(-1);
    return { status: last.status, ...extractWWWAuthenticateParams(last) };
  },
);
await client.close();
console.log(JSON.stringify(learnt));
