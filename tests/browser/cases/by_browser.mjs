// Sessions that the browser has bound to the device: it refreshes, and the page leaves it to it.

import assert from 'node:assert/strict';
import { hide, until } from '../world.mjs';

const DEVICE_BOUND = {
  status: 403,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error: 'access_denied', reason: 'device_bound' }),
};
const ENDED = { ...DEVICE_BOUND, status: 400, body: JSON.stringify({ error: 'invalid_grant' }) };

/** A browser whose session is bound to the device from now on. Returns what undoes that. */
const bind = (visitor) => visitor.wire.route('/auth/token', () => DEVICE_BOUND);

/** Requests go by the cookie, without a token, and nobody refreshes. */
export async function left_to_the_browser(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  bind(visitor);
  visitor.wire.route('/api', () => ({ status: 200 }));
  await visitor.hourPasses();
  await until('it knows', async () => (await tab.boundTo()) === 'device');
  const { status, claims, expiresIn, trouble } = await tab.state();
  assert.deepEqual([status, claims.sub, expiresIn, trouble], ['signed_in', 'alice', null, null]);
  await visitor.hourPasses();
  const statuses = await tab.run(async () => {
    const one = async () => (await client.authFetch('/api', { method: 'POST', body: 'a body' })).status;
    return Promise.all([one(), one(), one()]);
  });
  assert.deepEqual(statuses, [200, 200, 200]);
  const asked = visitor.wire.to('/api');
  assert.deepEqual(asked.map(({ headers, body }) => [headers.authorization, body]), Array(3).fill([undefined, 'a body']));
  assert.equal(visitor.refreshes.length, 1);
}

/** An API of another origin gets the cookies too. */
export async function with_cookies(world) {
  const seen = [];
  const visitor = await world.visitor();
  const api = await world.elsewhere((request, response) => {
    response.setHeader('access-control-allow-origin', visitor.url);
    response.setHeader('access-control-allow-credentials', 'true');
    if (new URL(request.url, api).pathname === '/set') response.setHeader('set-cookie', 'access=token; Path=/');
    else seen.push([request.headers.cookie, request.headers.authorization]);
    response.end('{}');
  });
  const tab = await visitor.bare({ origins: [api] });
  bind(visitor);
  assert.equal(await tab.resume(), true);
  await tab.run(async (api) => {
    await fetch(`${api}/set`, { credentials: 'include' });
    await client.authFetch(`${api}/`);
  }, api);
  assert.deepEqual(seen, [['access=token', undefined]]);
}

/** A page that is loaded again is signed in, and learns from the API whose session it is. */
export async function reload(world) {
  const visitor = await world.visitor();
  bind(visitor);
  const tab = await visitor.bare();
  assert.equal(await tab.resume(), true);
  const { status, claims } = await tab.state();
  assert.deepEqual([status, claims, await tab.boundTo()], ['signed_in', null, 'device']);
  const other = await visitor.bare();
  assert.equal(await other.resume(), true);
}

/** All tabs learn it from the one that has asked. */
export async function tabs(world) {
  const visitor = await world.visitor({ script: hide });
  const tabs = [await visitor.bare(), await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  for (const tab of tabs) await tab.is('signed_in');
  bind(visitor);
  visitor.wire.route('/me', () => ({ status: 200 }));
  for (const tab of tabs) await tab.expired();
  const answers = await Promise.all(tabs.map((tab) => tab.ask(3)));
  assert.deepEqual(answers.flat(), Array(9).fill(200));
  assert.equal(visitor.refreshes.length, 1);
  for (const tab of tabs) assert.equal(await tab.boundTo(), 'device');
  // A login is a new session, which the browser has not bound yet.
  await tabs[1].login();
  for (const tab of tabs) await until('it has a token', async () => (await tab.boundTo()) === null);
}

/** A 401 is the end where the token endpoint says so, and it is not asked at each of them. */
export async function refused(world) {
  const visitor = await world.visitor({ script: hide });
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await other.is('signed_in');
  const end = bind(visitor);
  visitor.wire.route('/me', () => ({ status: 401 }));
  await tab.expired();
  assert.deepEqual(await tab.ask(), [401]);
  const { length } = visitor.refreshes;
  assert.equal(length, 2, 'the first refresh, and the one that confirms');
  assert.deepEqual(await tab.ask(3), [401, 401, 401]);
  assert.equal(visitor.refreshes.length, length);
  assert.deepEqual(await tab.reasons(), []);
  end();
  visitor.wire.route('/auth/token', () => ENDED);
  await visitor.hourPasses();
  assert.deepEqual(await tab.ask(), ['signed_out']);
  for (const one of [tab, other]) await one.isOut('session_ended');
}

/** The browser has given the session up, and the page has tokens again. */
export async function no_longer(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  const end = bind(visitor);
  await tab.expired();
  assert.deepEqual(await tab.ask(), [401], 'the example has no such cookie');
  end();
  await visitor.hourPasses();
  assert.deepEqual(await tab.ask(), [401]);
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(await tab.boundTo(), null);
}

/** The server is told by cookie. */
export async function logout(world) {
  const visitor = await world.visitor({ script: hide });
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await other.is('signed_in');
  bind(visitor);
  visitor.wire.route('/auth/logout', () => ({ status: 204 }));
  visitor.wire.route('/me', () => ({ status: 200 }));
  await tab.expired();
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(await tab.logout(), 'done');
  const [told, ...more] = visitor.wire.to('/auth/logout');
  assert.deepEqual([told.headers.authorization, more], [undefined, []]);
  for (const one of [tab, other]) await one.isOut('logged_out');
}

/** What the same status says of something else binds nothing. */
export async function another_reason(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  const body = JSON.stringify({ error: 'access_denied', reason: 'another' });
  visitor.wire.route('/auth/token', () => ({ ...DEVICE_BOUND, body }));
  await tab.expired();
  assert.deepEqual(await tab.ask(), ['refused']);
  assert.equal(await tab.boundTo(), null);
}
