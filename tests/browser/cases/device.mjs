// Sessions that are bound to the device, in a Chromium that binds them.

import assert from 'node:assert/strict';
import { ALICE, BOB, until } from '../world.mjs';

const ACCESS = '__Host-access_token';
const REFRESH = '__Host-refresh_token';
const REGISTER_AT = '/auth/device/register';
const REFRESH_AT = '/auth/device/refresh';

/** A page that knows nothing of tokens, and what its browser does by itself. */
class Device {
  constructor(visitor, page) {
    Object.assign(this, { visitor, page });
  }

  static async start(world) {
    const visitor = await world.visitor();
    return new Device(visitor, await visitor.session.page(`${visitor.url}/test/bare`));
  }

  get registrations() {
    return this.visitor.wire.to(REGISTER_AT);
  }

  get refreshes() {
    return this.visitor.wire.to(REFRESH_AT);
  }

  post(path, body = {}) {
    return this.page.run(
      async ({ path, body }) => {
        const headers = { 'content-type': 'application/json' };
        const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
        return { status: response.status, text: await response.text() };
      },
      { path, body },
    );
  }

  /** The statuses of so many requests at once, which bring nothing but the cookie. */
  ask(times = 1) {
    return this.page.run(async (times) => {
      const one = () => fetch('/me').then(({ status }) => status);
      return Promise.all(Array.from({ length: times }, one));
    }, times);
  }

  async login(credentials = ALICE) {
    const before = this.registrations.length;
    assert.equal((await this.post('/auth/login', credentials)).status, 200);
    await until('it is registered', () => this.registrations[before]?.answered);
  }

  /** Logged in, with a session that is bound: the first request makes the browser refresh beside it. */
  async bound() {
    await this.login();
    const before = this.refreshes.length;
    // The browser may read the answer to its registration a moment after the wire has written it.
    await until('it has refreshed', async () => {
      assert.deepEqual(await this.ask(), [200]);
      return this.refreshes.slice(before).some(({ answered }) => answered?.status === 200);
    });
    assert.equal((await this.post('/auth/token')).status, 403, 'the session is bound');
  }

  async cookie(name) {
    const cookies = await this.visitor.session.cookies();
    return cookies.find((cookie) => cookie.name === name);
  }

  /** The access cookie runs out. */
  runsOut() {
    return this.page.dropCookie(ACCESS);
  }
}

const statuses = (requests) => requests.map(({ answered }) => answered?.status);
const proofs = (requests) => requests.map(({ headers }) => headers['secure-session-response']);

/** The page, signed in with a session that is bound. */
async function boundPage(visitor) {
  const tab = await visitor.signedIn();
  await isBound(tab);
  return tab;
}

/** The page says that its session is bound. */
function isBound(tab) {
  const says = () => document.querySelector('#devices').textContent.includes('bound to this device');
  return until('the session is bound', () => tab.run(says));
}

/** What somebody else does with the refresh cookie. */
async function revoke(world, { value }) {
  const body = new URLSearchParams({ token: value });
  const revoked = await fetch(`${world.url}/auth/revoke`, { method: 'POST', body });
  assert.equal(revoked.status, 200);
}

/** The page says that its session is bound. */
export async function page(world) {
  const visitor = await world.visitor();
  const tab = await boundPage(visitor);
  await tab.shows('li small', 'logged in');
  assert.equal(visitor.wire.to(REGISTER_AT).length, 1);
  const [answered] = visitor.wire.to('/auth/login').map(({ answered }) => answered);
  assert.match(answered.headers['secure-session-registration'], /^\(ES256 RS256\);path="\/auth\/device\/register";/);
}

/** Requests wait for the cookie that has run out, all for one refresh, and no script takes part. */
export async function silent(world) {
  const device = await Device.start(world);
  await device.bound();
  for (const _ of [1, 2, 3]) {
    const before = device.refreshes.length;
    await device.runsOut();
    assert.deepEqual(await device.ask(20), Array(20).fill(200));
    const made = device.refreshes.slice(before);
    assert.deepEqual(statuses(made), [200], 'the challenge was there already');
    const { httpOnly, secure, sameSite, path } = await device.cookie(ACCESS);
    assert.deepEqual({ httpOnly, secure, sameSite, path }, { httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
  }
  await device.runsOut();
  await device.page.goto(`${device.visitor.url}/me`);
  const shown = await device.page.run(() => document.body.textContent);
  assert.match(shown, /"sub":"alice"/, 'a page that the server renders');
}

/** The answers to three refreshes are lost: the browser shows the same proof and the same cookie again. */
export async function lost_answers(world) {
  const device = await Device.start(world);
  await device.bound();
  for (const _ of [1, 2, 3]) {
    const before = device.refreshes.length;
    const { value } = await device.cookie(REFRESH);
    let isLost = false;
    const undo = device.visitor.wire.route(REFRESH_AT, (request) => {
      request.isLost = !isLost;
      isLost = true;
    });
    await device.runsOut();
    await until('it has a cookie again', async () => (await device.ask())[0] === 200);
    undo();
    const [lost, next, ...more] = device.refreshes.slice(before);
    assert.deepEqual(statuses([lost, next]), [200, 200]);
    assert.deepEqual(more, []);
    const [first, second] = proofs([lost, next]);
    assert(first && first === second, 'it is the same proof');
    for (const { headers } of [lost, next]) assert(headers.cookie.includes(value), 'and the same cookie');
  }
}

/** The answer to the registration is lost: the browser has no key, and its session goes on without. */
export async function lost_registration(world) {
  const device = await Device.start(world);
  device.visitor.wire.route(REGISTER_AT, (request) => void (request.isLost = true));
  await device.login();
  assert.equal(device.registrations[0].answered.status, 200, 'the server has agreed');
  assert.deepEqual(await device.ask(), [200]);
  const { status, text } = await device.post('/auth/token');
  assert.equal(status, 200, text);
  assert.deepEqual(device.refreshes, []);
}

/** The key outlives the browser; the challenge does not, and costs one round trip. */
export async function restart(world) {
  const device = await Device.start(world);
  await device.bound();
  await device.visitor.session.restart();
  device.page = await device.visitor.session.page(`${device.visitor.url}/test/bare`);
  const before = device.refreshes.length;
  await device.runsOut();
  assert.deepEqual(await device.ask(), [200]);
  const made = device.refreshes.slice(before);
  assert.deepEqual(statuses(made), [403, 200]);
  assert.deepEqual(proofs(made).map(Boolean), [false, true]);
}

/** Nothing brings the session back, neither a request nor another page. */
export async function logout(world) {
  const device = await Device.start(world);
  await device.bound();
  assert.equal((await device.post('/auth/logout')).status, 204);
  assert.deepEqual(await device.visitor.session.cookies(), []);
  const before = device.refreshes.length;
  assert.deepEqual(await device.ask(5), Array(5).fill(401));
  await device.page.reload();
  assert.deepEqual(await device.ask(), [401]);
  assert.equal(device.refreshes.length, before, 'the browser does not even try');
  await device.bound();
}

/** A logout waits for the cookie that has run out, as any request does, and is not refused. */
export async function late_logout(world) {
  const device = await Device.start(world);
  await device.bound();
  await device.runsOut();
  assert.equal((await device.post('/auth/logout')).status, 204);
  assert.deepEqual(await device.visitor.session.cookies(), []);
  assert.deepEqual(await device.ask(3), [401, 401, 401]);
}

/** The session is ended elsewhere: one refresh is answered with 401, and the browser forgets key and cookies. */
export async function ended(world) {
  const device = await Device.start(world);
  await device.bound();
  await revoke(world, await device.cookie(REFRESH));
  const before = device.refreshes.length;
  await device.runsOut();
  assert.deepEqual(await device.ask(), [401]);
  assert.deepEqual(await device.ask(3), [401, 401, 401]);
  assert.deepEqual(statuses(device.refreshes.slice(before)), [401]);
  assert.deepEqual(await device.visitor.session.cookies(), []);
}

/** The page learns it when it is loaded again, and its user can log in again. */
export async function page_ended(world) {
  const visitor = await world.visitor();
  const tab = await boundPage(visitor);
  const cookies = await visitor.session.cookies();
  await revoke(
    world,
    cookies.find(({ name }) => name === REFRESH),
  );
  await tab.page.dropCookie(ACCESS);
  await tab.page.goto(visitor.url);
  await tab.login();
  await isBound(tab);
}

/** A rate limiter in front of the server makes the browser forget its key. The user logs in again. */
export async function key_lost(world) {
  const visitor = await world.visitor();
  const tab = await boundPage(visitor);
  const undo = visitor.wire.route(REFRESH_AT, () => ({ status: 429 }));
  await tab.page.dropCookie(ACCESS);
  await tab.run(() => fetch('/me'));
  undo();
  const before = visitor.refreshes.length;
  await tab.page.goto(visitor.url);
  await tab.isOut();
  const [{ answered }] = visitor.refreshes.slice(before);
  assert.equal(answered.status, 400, 'the page has asked, and was told');
  await tab.login();
  await isBound(tab);
}

/** While the server is in trouble nobody is signed out, although no request has the access cookie. */
export async function page_unavailable(world) {
  const visitor = await world.visitor();
  const tab = await boundPage(visitor);
  const undo = visitor.wire.route(REFRESH_AT, () => ({ status: 503 }));
  await tab.page.dropCookie(ACCESS);
  const before = visitor.refreshes.length;
  await tab.page.goto(visitor.url);
  await until('the page has asked', () => visitor.refreshes[before]?.answered);
  const { headers, answered } = visitor.refreshes[before];
  assert.equal(headers.cookie.includes(ACCESS), false);
  assert.match(headers['secure-session-skipped'], /session_identifier=/);
  assert.equal(answered.status, 403);
  await tab.shows('h2', 'Signed in as');
  undo();
  const shows = () => document.querySelector('#me').textContent.includes('alice');
  await until('it goes on', () => tab.run(shows));
}

/** Both cookies in another browser work as long as the access cookie does, and bring nothing new. */
export async function stolen(world) {
  const [victim, thief] = [await Device.start(world), await Device.start(world)];
  await victim.bound();
  const cookies = (await victim.visitor.session.cookies()).map(({ name, value }) => ({
    ...{ name, value, domain: 'app.test', path: '/', secure: true, httpOnly: true, sameSite: 'Strict' },
  }));
  assert.equal(cookies.length, 2);
  await thief.visitor.session.setCookies(cookies);
  assert.deepEqual(await thief.ask(), [200], 'the access cookie is good for its life');
  const bound = await thief.post('/auth/token');
  assert.equal(bound.status, 403);
  assert.equal(JSON.parse(bound.text).reason, 'device_bound');
  await thief.runsOut();
  assert.deepEqual(await thief.ask(3), [401, 401, 401]);
  const { status, text } = await thief.post('/auth/token');
  assert.equal(status, 400, 'it has no key');
  assert.equal(JSON.parse(text).error, 'invalid_grant');
  // As a program would, which needs no browser to be allowed to send this header.
  const [{ headers }] = victim.refreshes;
  const forged = await fetch(`${world.url}${REFRESH_AT}`, {
    method: 'POST',
    headers: {
      cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      'sec-secure-session-id': headers['sec-secure-session-id'],
    },
  });
  assert.equal(forged.status, 403);
  assert.equal(forged.headers.get('set-cookie'), null);
  assert.deepEqual(thief.refreshes, []);
  await victim.runsOut();
  assert.deepEqual(await victim.ask(), [200], 'the victim goes on');
}

/** While the server is in trouble requests go out without a cookie. Nothing is forgotten. */
export async function unavailable(world) {
  const device = await Device.start(world);
  await device.bound();
  const undo = device.visitor.wire.route(REFRESH_AT, () => ({ status: 503, headers: { 'retry-after': '1' } }));
  await device.runsOut();
  assert.deepEqual(await device.ask(), [401]);
  undo();
  await until('it has a cookie again', async () => (await device.ask())[0] === 200);
  assert.equal(device.registrations.length, 1);
}

/** Somebody else logs in with this browser: the key of the session before is forgotten, quietly. */
export async function another_login(world) {
  const device = await Device.start(world);
  await device.bound();
  await device.login(BOB);
  await until('the new one has refreshed', async () => {
    assert.deepEqual(await device.ask(), [200]);
    return (await device.post('/auth/token')).status === 403;
  });
  await device.runsOut();
  assert.deepEqual(await device.ask(), [200]);
  const users = await device.page.run(() => fetch('/me').then((answer) => answer.json()));
  assert.equal(users.sub, 'bob');
  const before = device.refreshes.length;
  await device.runsOut();
  assert.deepEqual(await device.ask(), [200]);
  assert.deepEqual(statuses(device.refreshes.slice(before)), [200], 'of one key only');
}
