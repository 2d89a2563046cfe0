// The client of the page in a Chromium that binds the session to the device.

import assert from 'node:assert/strict';
import { until } from '../world.mjs';

const ACCESS = '__Host-access_token';
const REGISTER_AT = '/auth/device/register';
const REFRESH_AT = '/auth/device/refresh';

/** A tab that has logged in, whose first token is over, and which knows that the browser refreshes. */
async function bound(visitor) {
  const tab = await visitor.bare();
  await tab.login();
  await until('it is registered', () => visitor.wire.to(REGISTER_AT)[0]?.answered);
  await until('it knows', async () => {
    await tab.expired();
    assert.deepEqual(await tab.ask(), [200]);
    return (await tab.boundTo()) === 'device';
  });
  return tab;
}

/** Whatever its tokens are, the page goes on by cookie, through refreshes, tabs and a reload. */
export async function goes_on(world) {
  const visitor = await world.visitor();
  const tab = await bound(visitor);
  const other = await visitor.bare();
  assert.equal(await other.resume(), true);
  const asked = visitor.wire.to('/auth/token').length;
  for (const _ of [1, 2, 3]) {
    const before = visitor.wire.to(REFRESH_AT).length;
    await tab.page.dropCookie(ACCESS);
    const answers = await Promise.all([tab.ask(5), other.ask(5)]);
    assert.deepEqual(answers.flat(), Array(10).fill(200));
    assert.equal(visitor.wire.to(REFRESH_AT).length, before + 1);
  }
  assert.equal(visitor.wire.to('/auth/token').length, asked, 'no script refreshes');
  for (const one of [tab, other]) assert.equal(await one.boundTo(), 'device');
  const without = visitor.wire.to('/me').slice(-10).map(({ headers }) => headers.authorization);
  assert.deepEqual(without, Array(10).fill(undefined));
}

/** The browser cannot refresh for a while: the API refuses, and nobody is signed out. */
export async function unavailable(world) {
  const visitor = await world.visitor();
  const tab = await bound(visitor);
  const undo = visitor.wire.route(REFRESH_AT, () => ({ status: 503, headers: { 'retry-after': '1' } }));
  await tab.page.dropCookie(ACCESS);
  assert.deepEqual(await tab.ask(), [401]);
  assert.equal((await tab.state()).status, 'signed_in');
  undo();
  await until('it goes on', async () => (await tab.ask())[0] === 200);
  assert.deepEqual(await tab.reasons(), []);
}

/** A logout reaches the server, also where the cookie has run out before. */
export async function logout(world) {
  const visitor = await world.visitor();
  const tab = await bound(visitor);
  await tab.page.dropCookie(ACCESS);
  assert.equal(await tab.logout(), 'done');
  assert.equal(visitor.wire.to('/auth/logout').at(-1).answered.status, 204);
  await tab.isOut('logged_out');
  assert.equal(await tab.resume(), false);
}

/** The session is ended from elsewhere: the page learns it with its next request that is refused. */
export async function ended(world) {
  const visitor = await world.visitor();
  const tab = await bound(visitor);
  const elsewhere = await world.visitor();
  const other = await elsewhere.bare();
  await other.login();
  await other.run(() => client.logoutEverywhere());
  await tab.page.dropCookie(ACCESS);
  assert.deepEqual(await tab.ask(), ['signed_out']);
  await tab.isOut('session_ended');
}
