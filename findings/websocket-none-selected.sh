#!/usr/bin/env bash
# firefox-esr 153.8.0, websockets 17.4: a client that has offered protocols opens a WebSocket for which the server
# has selected none. chromium 156, undici 7.30.2 and ws 8.23.0 do not.
#
# Expected: that all browsers fail the connection, as the WebSockets standard says (WHATWG, "establish a WebSocket
# connection": if protocols were given and `Sec-WebSocket-Protocol` is missing in the answer, the connection fails).
# RFC 6455 section 4.1 lets a server select none. Whoever tests a server in Firefox alone does not see that no
# page in Chromium can connect to it.
# Seen on 2026-11-29, with Debian's browsers and Node.js 20:
#   chromium: closed 1006
#   firefox: open
#   undici: closed 1006
#   ws: closed 1006
#   websockets: open
# Rests on it: src/bearer/protocol.rs, which refuses a token that is offered alone, and src/manual/streams.md
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --ignore-scripts --no-audit --no-fund puppeteer-core@24.43.1 undici@7.30.2 ws@8.23.0
python3 -m venv venv
venv/bin/python -m pip install -q websockets==17.4
cat >server.mjs <<'END'
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const server = createServer((_, response) => response.end('here'));
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {});
  const text = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(text).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
  socket.write(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
END
cat >run.mjs <<'END'
import puppeteer from 'puppeteer-core';
import * as undici from 'undici';
import Ws from 'ws';

const port = process.argv[2];
const tried = (url, WebSocket) =>
  new Promise((done) => {
    const socket = new (WebSocket ?? globalThis.WebSocket)(url, ['one', 'two']);
    socket.onopen = () => done('open');
    socket.onclose = ({ code }) => done(`closed ${code}`);
    socket.onerror = () => {};
  });
const url = `ws://127.0.0.1:${port}/`;
for (const [browser, executablePath, args] of [
  ['chrome', '/usr/bin/chromium', ['--no-sandbox']],
  ['firefox', '/usr/bin/firefox-esr', []],
]) {
  const running = await puppeteer.launch({ browser, executablePath, args, headless: true });
  const page = await running.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  console.log(`${browser === 'chrome' ? 'chromium' : browser}: ${await page.evaluate(tried, url)}`);
  await running.close();
}
console.log(`undici: ${await tried(url, undici.WebSocket)}`);
console.log(`ws: ${await tried(url, Ws)}`);
process.exit();
END
cat >run.py <<'END'
import asyncio
import sys

from websockets.asyncio.client import connect


async def main():
    socket = await connect(f"ws://127.0.0.1:{sys.argv[1]}/", subprotocols=["one", "two"])
    print("websockets: open")
    socket.transport.abort()


asyncio.run(main())
END
mkfifo port
node server.mjs >port &
server=$!
read -r number <port
seen=$(node run.mjs "$number" && venv/bin/python run.py "$number")
expected='chromium: closed 1006
firefox: open
undici: closed 1006
ws: closed 1006
websockets: open'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "it is different now"; exit 1; }
