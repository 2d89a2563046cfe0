// WebKitGTK, by WebDriver. A visitor is a driver and a browser of its own, all on one hidden screen.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const KEYS = { Tab: '\uE004', Enter: '\uE007', Shift: '\uE008', Space: ' ' };

/** A window that the driver has lost answers no command. */
const LONGEST = 60_000;

/** Without a graphics card the plainest way to draw is the quickest. */
const ENVIRONMENT = {
  WEBKIT_DISABLE_COMPOSITING_MODE: '1',
  WEBKIT_DISABLE_DMABUF_RENDERER: '1',
  WEBKIT_SKIA_ENABLE_CPU_RENDERING: '1',
  NO_AT_BRIDGE: '1',
};

export async function startWebkit({ program, screen }) {
  const server = spawn(screen, ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = await new Promise((resolve, reject) => {
    server.stdio[3].once('data', (line) => resolve(String(line).trim()));
    server.once('exit', () => reject(new Error('there is no screen')));
  });
  return {
    visitor: () => Visitor.start(program, `:${number}`),
    close: () => stopped(server),
  };
}

async function stopped(child) {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill()) await gone;
}

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

class Visitor {
  /** One command at a time, as each window is gone to before. */
  #turn = Promise.resolve();
  #window = null;
  #isFirst = true;

  static async start(program, display) {
    const port = await freePort();
    const visitor = new Visitor();
    visitor.driver = spawn(program, [`--port=${port}`], {
      stdio: 'ignore',
      env: { ...process.env, ...ENVIRONMENT, DISPLAY: display },
    });
    visitor.base = `http://127.0.0.1:${port}/session`;
    const capabilities = { alwaysMatch: { acceptInsecureCerts: true } };
    for (let tries = 1; ; tries += 1) {
      try {
        const { sessionId } = await visitor.#command('POST', '', { capabilities });
        visitor.base += `/${sessionId}`;
        return visitor;
      } catch (cause) {
        if (tries === 100 || cause.cause?.code !== 'ECONNREFUSED') throw cause;
        await sleep(100);
      }
    }
  }

  async #command(method, path, body) {
    const text = body && JSON.stringify(body);
    const response = await fetch(this.base + path, { method, body: text, signal: AbortSignal.timeout(LONGEST) });
    const { value } = await response.json();
    assert(response.ok, `${method} ${path}: ${value?.error}: ${value?.message}`);
    return value;
  }

  /** A command in that window. */
  in(window, method, path, body) {
    const turn = this.#turn.then(async () => {
      if (this.#window !== window) await this.#command('POST', '/window', { handle: window });
      this.#window = window;
      return this.#command(method, path, body);
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async page(url) {
    const window = await this.#open();
    const page = new Page(this, window);
    await page.goto(url);
    return page;
  }

  async #open() {
    const opened = this.#turn.then(async () => {
      if (!this.#isFirst) return (await this.#command('POST', '/window/new', { type: 'window' })).handle;
      this.#isFirst = false;
      return this.#command('GET', '/window');
    });
    this.#turn = opened.catch(() => {});
    this.last = await opened;
    return this.last;
  }

  cookies() {
    return this.in(this.last, 'GET', '/cookie');
  }

  forgetCookies() {
    return this.in(this.last, 'DELETE', '/cookie');
  }

  async close() {
    await this.#turn;
    await this.#command('DELETE', '').catch(() => {});
    await stopped(this.driver);
  }
}

class Page {
  #count = 0;

  constructor(visitor, window) {
    this.visitor = visitor;
    this.window = window;
  }

  #command(method, path, body) {
    return this.visitor.in(this.window, method, path, body);
  }

  #execute(script, ...args) {
    return this.#command('POST', '/execute/sync', { script, args });
  }

  /** No command waits for what the work waits for: other windows have their turn. */
  async run(work, argument) {
    const id = `${(this.#count += 1)}`;
    const script = `
      const [id, argument] = arguments;
      const done = (window.testResults ??= {});
      done[id] = {};
      const keep = (value) => (done[id] = { value: value ?? null });
      const fail = (error) => (done[id] = { error: String(error) + String(error?.stack ?? '') });
      try {
        const value = (${work})(argument ?? undefined);
        if (value instanceof Promise) value.then(keep, fail);
        else keep(value);
      } catch (error) {
        fail(error);
      }
      return done[id];`;
    let result = await this.#execute(script, id, argument ?? null);
    for (;;) {
      if (!result) throw new Error('the page is gone');
      if (result.error) throw new Error(result.error);
      if ('value' in result) return result.value ?? undefined;
      await sleep(10);
      result = await this.#execute('return window.testResults?.[arguments[0]] ?? null', id);
    }
  }

  goto(url) {
    return this.#command('POST', '/url', { url });
  }

  reload() {
    return this.#command('POST', '/refresh', {});
  }

  press(key, modifier) {
    const down = (value) => ({ type: 'keyDown', value: KEYS[value] ?? value });
    const up = (value) => ({ type: 'keyUp', value: KEYS[value] ?? value });
    const alone = [down(key), up(key)];
    return this.#keys(modifier ? [down(modifier), ...alone, up(modifier)] : alone);
  }

  type(text) {
    const strokes = [...text].flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    return this.#keys(strokes);
  }

  #keys(actions) {
    const keyboard = { type: 'key', id: 'keyboard', actions };
    return this.#command('POST', '/actions', { actions: [keyboard] });
  }

  close() {
    return this.#command('DELETE', '/window');
  }
}
