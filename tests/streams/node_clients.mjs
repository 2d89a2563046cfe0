// The clients of Node.js: node node_clients.mjs FOLDER '{"url": …, "login": …}'

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { ways } from './ways.mjs';

const [, , folder, world] = process.argv;
const require = createRequire(resolve(folder, 'package.json'));
const undici = require('undici');

const { url, login } = JSON.parse(world);
const Ws = require('ws');

/** Both take headers, each in its way, as no browser does. */
async function byHeader(open) {
  const json = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${url}/auth/login`, { method: 'POST', headers: json, body: login });
  const headers = { Authorization: `Bearer ${(await answer.json()).access_token}` };
  return new Promise((done) => {
    const it = open(`${url.replace('http', 'ws')}/socket`, headers);
    it.onopen = () => it.send('hello');
    it.onmessage = ({ data }) => (done(`open, ${data}`), it.close());
    it.onclose = ({ code }) => done(`closed ${code}`);
  });
}

globalThis.EventSource = undici.EventSource;
const seen = {};
for (const [name, WebSocket, open] of [
  ['undici', undici.WebSocket, (url, headers) => new undici.WebSocket(url, { headers })],
  ['ws', Ws, (url, headers) => new Ws(url, { headers })],
]) {
  globalThis.WebSocket = WebSocket;
  seen[name] = { header: await byHeader(open), ...(await ways({ url, login })) };
}
console.log(JSON.stringify(seen));
process.exit();
