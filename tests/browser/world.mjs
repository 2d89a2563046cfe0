// A browser, the example server that the test has started, and words for what tests do with them.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const CREDENTIALS = { username: 'alice', password: 'wonderland' };

/** Until the check gives something, 20 s at most. */
export async function until(what, check) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await check();
    if (found) return found;
    assert(Date.now() < deadline, `waited in vain until ${what}`);
    await sleep(20);
  }
}

export class World {
  #closing = [];
  #complaints = [];

  static async start({ folder, chromium, url, quickstart }) {
    const require = createRequire(resolve(folder, 'package.json'));
    const world = new World();
    Object.assign(world, { url, quickstart });
    world.browser = await require('playwright-core').chromium.launch({
      executablePath: chromium,
      args: FLAGS,
    });
    world.#closing.push(() => world.browser.close());
    return world;
  }

  async close() {
    for (const close of this.#closing.reverse()) await close();
    assert.deepEqual(this.#complaints, [], 'nothing breaks, and the policy forbids nothing');
  }

  /** Another browser, so to say: with cookies of its own. */
  async visitor(options) {
    const context = await this.browser.newContext(options);
    const visitor = new Visitor(this, context);
    context.on('page', (page) => {
      page.on('pageerror', (error) => this.#complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) this.#complaints.push(message.text());
      });
    });
    return visitor;
  }

  /** Another origin that answers whatever the listener says. */
  async elsewhere(listener) {
    const server = createServer(listener);
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    this.#closing.push(() => server.close());
    return `http://127.0.0.1:${server.address().port}`;
  }

  /** A program that has stolen a cookie: it presents it as browsers do not. */
  async present({ name, value }) {
    const headers = { cookie: `${name}=${value}` };
    return fetch(`${this.url}/auth/token`, { method: 'POST', headers });
  }
}

/** Somebody with a browser: its cookies, its tabs, and what goes over its wire. */
export class Visitor {
  /** The requests to the token endpoint. */
  refreshes = [];

  constructor(world, context) {
    this.world = world;
    this.context = context;
    context.on('request', (request) => {
      if (new URL(request.url()).pathname === '/auth/token') this.refreshes.push(request);
    });
  }

  async cookie() {
    const cookies = await this.context.cookies(`${this.world.url}/auth/token`);
    assert(cookies.length <= 1);
    return cookies[0];
  }

  /** The page, in a tab. */
  async tab() {
    const page = await this.context.newPage();
    await page.goto(this.world.url);
    return new Tab(page);
  }

  /** A tab with the page, signed in. */
  async signedIn() {
    const tab = await this.tab();
    await tab.login();
    return tab;
  }

  /** A tab of the origin with a client of its own as `client`, and nothing else. */
  async bare(options = {}) {
    const page = await this.context.newPage();
    await page.route('**/page.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
    await page.goto(this.world.url);
    await page.evaluate(async (options) => {
      const { createClient } = await import('/tower-bearer.js');
      window.client = createClient(options);
      window.reasons = [];
      window.client.onSignedOut((reason) => window.reasons.push(reason));
    }, options);
    return new Bare(page);
  }
}

/** The page. */
class Tab {
  constructor(page) {
    this.page = page;
    /** Every answer of the protected resource. */
    this.answers = [];
    page.on('response', (response) => {
      if (new URL(response.url()).pathname === '/me') this.answers.push(response.status());
    });
  }

  async login({ username, password } = CREDENTIALS) {
    await this.page.getByLabel('User name').fill(username);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Log in' }).click();
    await this.isIn();
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  isIn() {
    return this.page.getByRole('heading', { name: 'Signed in as alice' }).waitFor();
  }

  isOut() {
    return this.page.getByRole('heading', { name: 'Log in' }).waitFor();
  }

  says(text) {
    return this.page.getByRole('status').getByText(text).waitFor();
  }

  /** The generation of the access token that the protected resource has seen last. */
  async generation() {
    const cell = this.page.locator('dt:text("generation") + dd');
    return (await cell.count()) ? Number(await cell.textContent()) : -1;
  }

  reaches(generation) {
    return until(`generation ${generation}`, async () => (await this.generation()) >= generation);
  }
}

/** A client without a page. */
class Bare {
  constructor(page) {
    this.page = page;
  }

  run(work, argument) {
    return this.page.evaluate(work, argument);
  }

  login() {
    return this.run((credentials) => client.login(credentials), CREDENTIALS);
  }

  state() {
    return this.run(() => {
      const { status, reason, claims, expiresIn, trouble } = client.state;
      return { status, reason, claims, expiresIn, trouble: trouble?.kind ?? null };
    });
  }

  reasons() {
    return this.run(() => reasons);
  }

  /** The status of as many requests at once, or the kinds of errors. */
  ask(times = 1) {
    return this.run(async (times) => {
      const one = () =>
        client.authFetch('/me').then(
          ({ status }) => status,
          (error) => error.kind ?? String(error),
        );
      return Promise.all(Array.from({ length: times }, one));
    }, times);
  }

  expired() {
    return until('the token has expired', async () => (await this.state()).expiresIn === 0);
  }
}
