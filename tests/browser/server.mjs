// The example servers, as processes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

// Without a window each refresh rotates: two at once would be the end. No token comes to its end by
// itself, however slow the machine is: the clocks of the pages are moved.
const SETTINGS = { ADDR: '127.0.0.1:0', STORE: 'memory', RUST_LOG: 'error', REUSE_WINDOW: '0', ACCESS_TTL: '600' };

export class Server {
  /** With nothing of the caller's own environment. */
  static async start(program, { folder, env }) {
    const server = new Server();
    const options = { cwd: folder, env: { ...SETTINGS, ...Object.fromEntries(env) }, stdio: ['ignore', 'pipe', 'inherit'] };
    server.child = spawn(program, [], options);
    server.gone = once(server.child, 'exit');
    const lines = createInterface(server.child.stdout);
    const [line] = await Promise.race([once(lines, 'line'), server.gone]);
    server.url = /^listening on (http:\S+)$/.exec(line)?.[1];
    assert(server.url, `${program} said ${line}`);
    return server;
  }

  async stop() {
    this.child.kill();
    assert.deepEqual(await this.gone, [0, null], 'it stops well');
  }
}
