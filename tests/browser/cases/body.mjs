// The refresh token in the body, in memory, against a server without cookies: `examples/quickstart.rs`.

import assert from 'node:assert/strict';
import { hide, until } from '../world.mjs';

const PATHS = ['/auth/login', '/auth/token', '/auth/logout', '/me'];

async function visitor(world) {
  const visitor = await world.visitor();
  for (const path of PATHS) visitor.wire.route(path, () => world.quickstart);
  return visitor;
}

const mode = { mode: 'body' };

/** The refresh tokens that were presented: each is used once. */
function areUsedOnce(visitor) {
  const presented = visitor.refreshes.map(({ body }) => JSON.parse(body).refresh_token);
  assert.equal(new Set(presented).size, presented.length);
}

export async function rotates(world) {
  const somebody = await visitor(world);
  const tab = await somebody.bare(mode);
  await tab.login();
  for (const generation of [1, 2, 3]) {
    await somebody.hourPasses();
    await tab.reaches(generation);
  }
  assert.deepEqual(await tab.ask(3), [200, 200, 200]);
  areUsedOnce(somebody);
  const kept = await tab.run(() => [localStorage.length, sessionStorage.length, document.cookie, location.search]);
  assert.deepEqual(kept, [0, 0, '', '']);
  assert.equal(await somebody.cookie(), undefined);
}

export async function tabs(world) {
  const somebody = await visitor(world);
  const first = await somebody.bare(mode);
  await first.login();
  const second = await somebody.bare(mode);
  assert.equal(await second.resume(), true, 'the first hands its tokens over');
  assert.deepEqual(await second.ask(), [200]);
  for (const generation of [1, 2]) {
    await somebody.hourPasses();
    for (const tab of [first, second]) await tab.reaches(generation);
  }
  areUsedOnce(somebody);
  await second.logout();
  await first.is('signed_out');
}

export async function alone(world) {
  const somebody = await visitor(world);
  const [tab, next] = [await somebody.bare(mode), await somebody.bare(mode)];
  await tab.run((mode) => (client.close(), start({ ...mode, name: 'alone' })), mode);
  await tab.login();
  await tab.page.close();
  await next.run((mode) => (client.close(), start({ ...mode, name: 'alone' })), mode);
  assert.equal(await next.resume(), false, 'nothing has outlived the tab');
  assert.deepEqual(await next.reasons(), ['no_session']);
  assert.equal(somebody.refreshes.length, 0);
}

/** A logout that the server has not heard of can be repeated, as the token is still there for that. */
export async function logout_again(world) {
  const somebody = await visitor(world);
  const tab = await somebody.bare(mode);
  await tab.login();
  await somebody.goOnline(false);
  await tab.expired();
  assert.equal(await tab.logout(), 'unreachable');
  assert.equal((await tab.state()).status, 'signed_out');
  await somebody.goOnline(true);
  const twice = await Promise.all([tab.logout(), tab.logout()]);
  assert.deepEqual(twice, ['done', 'done'], 'once it has heard, there is nothing left to tell');
  const told = somebody.wire.to('/auth/logout').filter(({ answered }) => answered?.status === 204);
  assert.equal(told.length, 1);
}

/** Back from the cache it asks the other tabs, and the server with the token that it has kept. */
export async function back(world) {
  const somebody = await visitor(world);
  const [tab, other] = [await somebody.bare(mode), await somebody.bare(mode)];
  await tab.login();
  await other.is('signed_in');
  await tab.run(hide);
  await tab.leave();
  for (const generation of [1, 2]) {
    await other.expired();
    assert.deepEqual(await other.ask(), [200]);
    await other.reaches(generation);
  }
  // A tab that has to wait for the lock is told the tokens before it has it, and leaves with it.
  await other.isFree();
  await tab.back();
  await tab.is('signed_in');
  await other.page.close();
  await tab.leave();
  await tab.back();
  await tab.is('signed_in');
  await until('it can ask', async () => (await tab.ask())[0] === 200);
  areUsedOnce(somebody);
}
