// A browser, the example server that the test has started, and words for what tests do with them.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { Wire } from './wire.mjs';

export const ALICE = { username: 'alice', password: 'wonderland' };
export const BOB = { username: 'bob', password: 'builder' };

/** Nothing refreshes ahead of time in a hidden page. */
export const hide = () => void Object.defineProperty(document, 'visibilityState', { value: 'hidden' });

/** Until the check gives something, a minute at most: browsers are slow on a busy machine. */
export async function until(what, check) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await check();
    if (found) return found;
    assert(Date.now() < deadline, `waited in vain until ${what}`);
    await sleep(40);
  }
}

export class World {
  #closing = [];
  #wires = [];

  constructor({ browser, driver, certificate, url, quickstart }) {
    Object.assign(this, { browser, driver, certificate, url, quickstart });
  }

  async close() {
    for (const close of this.#closing.reverse()) await close();
  }

  /** Nothing broke, and the policy of the page forbade nothing. */
  isWell() {
    assert.deepEqual(this.#wires.flatMap((wire) => wire.complaints), []);
  }

  /** Another browser, so to say: with cookies, and a way to the server, of its own. */
  async visitor(options) {
    const { certificate, driver } = this;
    const wire = await Wire.start(this.url, { certificate, host: driver.host, ...options });
    this.#wires.push(wire);
    this.#closing.push(() => wire.close());
    const session = await this.driver.visitor();
    this.#closing.push(() => session.close());
    return new Visitor(wire, session);
  }

  /** Another origin that answers whatever the listener says. */
  async elsewhere(listener) {
    const { certificate } = this;
    const server = certificate ? createSecureServer(certificate, listener) : createServer(listener);
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    this.#closing.push(() => (server.closeAllConnections(), server.close()));
    return `http${certificate ? 's' : ''}://127.0.0.1:${server.address().port}`;
  }

  /** A program that has stolen a cookie: it presents it as browsers do not. */
  async present({ name, value }) {
    const headers = { cookie: `${name}=${value}` };
    return fetch(`${this.url}/auth/token`, { method: 'POST', headers });
  }

  /** The refresh cookie that a program gets for that user, as `name=value`. */
  async cookieOf(credentials) {
    const response = await fetch(`${this.url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(credentials),
    });
    return response.headers.get('set-cookie').split(';')[0];
  }
}

/** Somebody with a browser: its cookies, its tabs, and what goes over its wire. */
export class Visitor {
  #tabs = [];

  constructor(wire, session) {
    Object.assign(this, { wire, session, url: wire.url });
  }

  /** The requests to the token endpoint. */
  get refreshes() {
    return this.wire.to('/auth/token');
  }

  /** Each status that the protected resource has answered with. */
  get answers() {
    return this.wire.to('/me').flatMap(({ answered }) => answered?.status ?? []);
  }

  async cookie() {
    const cookies = await this.session.cookies();
    assert(cookies.length <= 1);
    return cookies[0];
  }

  /** An hour passes in all tabs, and then they notice: each token they have is at its end. */
  async hourPasses() {
    for (const tab of this.#tabs) await tab.run((hour) => pass(hour), 3600 * 1000);
    for (const tab of this.#tabs) await tab.run(() => void document.dispatchEvent(new Event('visibilitychange')));
  }

  async goOnline(isOnline) {
    this.wire.isOffline = !isOnline;
    const event = isOnline ? 'online' : 'offline';
    for (const tab of this.#tabs) await tab.run((event) => void dispatchEvent(new Event(event)), event);
  }

  /** The page, in a tab. */
  async tab() {
    const tab = new Tab(await this.session.page(this.url), this.url);
    this.#tabs.push(tab);
    return tab;
  }

  /** A tab with the page, signed in. */
  async signedIn() {
    const tab = await this.tab();
    await tab.login();
    return tab;
  }

  /** A tab of the origin with a client of its own as `client`, and nothing else. */
  async bare(options = {}) {
    const tab = new Bare(await this.session.page(`${this.url}/test/bare`), this.url);
    await until('the module is there', () => tab.run(() => 'start' in window));
    await tab.run((options) => start(options), options);
    this.#tabs.push(tab);
    return tab;
  }
}

class InTab {
  constructor(page, url) {
    Object.assign(this, { page, url });
  }

  run(work, argument) {
    return this.page.run(work, argument);
  }

  /** Nobody has a lock or waits for one: it is kept for a moment after the work, a closed client gives up
   * none, and who is told the tokens meanwhile still waits for it. */
  isFree() {
    const isFree = async () => {
      const { held, pending } = await navigator.locks.query();
      return held.length + pending.length === 0;
    };
    return until('the lock is free', () => this.run(isFree));
  }

  /** To another page in the same tab, once nobody has the lock or waits for it: Firefox keeps no page that does. */
  async leave() {
    await this.isFree();
    await this.leaveAtOnce();
  }

  /** As a link leads there. A driver that goes there may wait for what `back` has left behind. */
  async leaveAtOnce() {
    await this.run((url) => void setTimeout(() => (location.href = url), 0), `${this.url}/test/elsewhere`).catch(() => {});
    const isThere = () => this.run(() => document.title === 'elsewhere').catch(() => false);
    await until('it is elsewhere', isThere);
  }

  /** Back, with the page as it was. A driver that waits for it to load would wait for ever. */
  async back() {
    await this.run(() => void setTimeout(() => history.back())).catch(() => {});
    const cameBack = () => this.run(() => window.cameBack).catch(() => undefined);
    await until('it is back', async () => (await cameBack()) !== undefined);
    assert.equal(await cameBack(), true, 'it was in the cache');
  }
}

/** The page. */
class Tab extends InTab {
  async login(credentials = ALICE) {
    await this.isOut();
    await this.fill(credentials);
    await this.isIn(credentials.username);
  }

  async fill({ username, password }) {
    await this.run(
      ({ username, password }) => {
        document.querySelector('#username').value = username;
        document.querySelector('#password').value = password;
      },
      { username, password },
    );
    await this.click('Log in');
  }

  /** What has that name, or a name that begins so, is shown. */
  has(selector, name) {
    return this.run(({ selector, name }) => Boolean(shown(selector, name)), { selector, name });
  }

  shows(selector, name) {
    return until(`${selector} shows “${name}”`, () => this.has(selector, name));
  }

  async click(name) {
    await this.shows('button', name);
    await this.run((name) => shown('button', name).click(), name);
  }

  isIn(user = 'alice') {
    return this.shows('h2', `Signed in as ${user}`);
  }

  isOut() {
    return this.shows('h2', 'Log in');
  }

  /** The notice has these words. */
  says(words) {
    const check = (words) => document.querySelector('#notice').textContent.includes(words);
    return until(`it says “${words}”`, () => this.run(check, words));
  }

  isSilent() {
    return this.run(() => !document.querySelector('.notice'));
  }

  count(selector) {
    return this.run((selector) => document.querySelectorAll(selector).length, selector);
  }

  /** What the keyboard is on. */
  isOn(selector, name) {
    const check = ({ selector, name }) => {
      const { activeElement: on } = document;
      return on !== null && on === (name === undefined ? document.querySelector(selector) : shown(selector, name));
    };
    const wanted = { selector, name };
    return until(`the keyboard is on ${selector} “${name}”`, () => this.run(check, wanted));
  }

  /** The generation of the access token that the protected resource has seen last. */
  generation() {
    return this.run(() => {
      const term = [...document.querySelectorAll('dt')].find((term) => term.textContent === 'generation');
      return term ? Number(term.nextElementSibling.textContent) : -1;
    });
  }

  reaches(generation) {
    return until(`generation ${generation}`, async () => (await this.generation()) >= generation);
  }
}

/** A client without a page. */
class Bare extends InTab {
  login(credentials = ALICE) {
    return this.run((credentials) => client.login(credentials), credentials);
  }

  /** What becomes of it: `done`, or the kind of the error and what it says. */
  tryLogin(credentials = ALICE) {
    const attempt = (credentials) =>
      client.login(credentials).then(
        () => 'done',
        (error) => `${error.kind}: ${error.message}`,
      );
    return this.run(attempt, credentials);
  }

  logout() {
    return this.run(() => client.logout().then(() => 'done', (error) => error.kind));
  }

  resume() {
    return this.run(() => client.resume());
  }

  state() {
    return this.run(() => {
      const { status, reason, claims, boundTo, expiresIn, trouble } = client.state;
      return { status, reason, claims, boundTo, expiresIn, trouble: trouble?.kind ?? null };
    });
  }

  async boundTo() {
    return (await this.state()).boundTo;
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

  is(status) {
    return until(`it is ${status}`, async () => (await this.state()).status === status);
  }

  /** Signed out, once and for that reason, and without a token. */
  async isOut(reason) {
    await this.is('signed_out');
    assert.deepEqual(await this.reasons(), [reason]);
    assert.deepEqual(await this.ask(), ['signed_out']);
  }

  reaches(generation) {
    return until(`generation ${generation}`, async () => (await this.state()).claims?.gen >= generation);
  }

  /** The page anew, with a client anew. */
  async reload(options) {
    await this.page.reload();
    await until('the module is there', () => this.run(() => 'start' in window));
    await this.run((options) => start(options), options);
  }

  /** As `expired`, with a wall clock that stays right, as proofs go by it. */
  async aged() {
    await this.run(() => {
      const { expiresIn } = client.state;
      const real = performance.now.bind(performance);
      // A little more, as sums of fractions are not exact.
      performance.now = () => real() + expiresIn + 1;
    });
    assert.equal((await this.state()).expiresIn, 0);
  }

  /** The keys that this browser keeps for the origin: what may be seen of them. */
  keys() {
    return this.run(
      () =>
        new Promise((resolve, reject) => {
          const opening = indexedDB.open('tower-bearer', 1);
          opening.onupgradeneeded = () => void opening.result.createObjectStore('keys');
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = () => {
            const asked = opening.result.transaction('keys').objectStore('keys').getAll();
            asked.onsuccess = () => {
              opening.result.close();
              resolve(asked.result.map(({ jkt, secret }) => ({ jkt, isExtractable: secret.extractable })));
            };
          };
        }),
    );
  }

  forgetKeys() {
    return this.run(
      () =>
        new Promise((resolve, reject) => {
          const deleting = indexedDB.deleteDatabase('tower-bearer');
          deleting.onsuccess = () => resolve();
          deleting.onerror = deleting.onblocked = () => reject(deleting.error);
        }),
    );
  }

  /** The clocks of the page go on to the end of its token. */
  async expired() {
    await this.run(() => pass(client.state.expiresIn));
    assert.equal((await this.state()).expiresIn, 0);
  }
}
