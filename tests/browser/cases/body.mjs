// The refresh token in the body, in memory, against a server without cookies: `examples/quickstart.rs`.

import assert from 'node:assert/strict';
import { until } from '../world.mjs';

async function visitor(world) {
  const visitor = await world.visitor();
  const there = (route) => {
    const { pathname } = new URL(route.request().url());
    return route.continue({ url: world.quickstart + pathname });
  };
  await visitor.context.route('**/auth/**', there);
  await visitor.context.route('**/me', there);
  return visitor;
}

const mode = { mode: 'body' };

export async function rotates(world) {
  const somebody = await visitor(world);
  const tab = await somebody.bare(mode);
  await tab.login();
  await until('some generations', async () => (await tab.state()).claims.gen >= 3);
  assert.deepEqual(await tab.ask(3), [200, 200, 200]);
  const presented = somebody.refreshes.map((request) => request.postDataJSON().refresh_token);
  assert.equal(new Set(presented).size, presented.length, 'each token is used once');
  const kept = await tab.run(() => [localStorage.length, sessionStorage.length, document.cookie, location.search]);
  assert.deepEqual(kept, [0, 0, '', '']);
  assert.deepEqual(await somebody.context.cookies(), []);
}

export async function tabs(world) {
  const somebody = await visitor(world);
  const first = await somebody.bare(mode);
  await first.login();
  const second = await somebody.bare(mode);
  assert.equal(await second.run(() => client.resume()), true, 'the first hands its tokens over');
  assert.deepEqual(await second.ask(), [200]);
  const { gen } = (await second.state()).claims;
  await until('both go on', async () => (await second.state()).claims.gen > gen + 1);
  const presented = somebody.refreshes.map((request) => request.postDataJSON().refresh_token);
  assert.equal(new Set(presented).size, presented.length, 'each token is used once');
  await second.run(() => client.logout());
  await until('both are out', async () => (await first.state()).status === 'signed_out');
}

export async function alone(world) {
  const somebody = await visitor(world);
  const tab = await somebody.bare(mode);
  await tab.login();
  await tab.page.close();
  const next = await somebody.bare(mode);
  assert.equal(await next.run(() => client.resume()), false, 'nothing has outlived the tab');
  assert.deepEqual(await next.reasons(), ['no_session']);
  assert.equal(somebody.refreshes.length, 0);
}

/** A logout that the server has not heard of can be repeated, as the token is still there for that. */
export async function logout_again(world) {
  const somebody = await visitor(world);
  const tab = await somebody.bare(mode);
  await tab.login();
  await somebody.context.setOffline(true);
  await tab.expired();
  const kind = () => tab.run(() => client.logout().then(() => 'done', (error) => error.kind));
  assert.equal(await kind(), 'unreachable');
  assert.equal((await tab.state()).status, 'signed_out');
  await somebody.context.setOffline(false);
  const told = tab.page.waitForResponse('**/auth/logout');
  const twice = await Promise.all([kind(), kind()]);
  assert.deepEqual(twice, ['done', 'done'], 'once it has heard, there is nothing left to tell');
  assert.equal((await told).ok(), true);
}
