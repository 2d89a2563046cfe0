// Whether the cookie of a session is still there when the browser is opened again.

import assert from 'node:assert/strict';
import { ALICE } from '../world.mjs';

/** The cookies that are there after a login, and once the browser was closed and opened again. */
async function overARestart(world, credentials, options) {
  const { session, url } = await world.visitor();
  if (options?.continues) await session.continuesWhereLeft();
  const page = await session.page(`${url}/test/bare`);
  const status = await page.run(async (body) => {
    const headers = { 'content-type': 'application/json' };
    return (await fetch('/auth/login', { method: 'POST', headers, body: JSON.stringify(body) })).status;
  }, credentials);
  assert.equal(status, 200);
  const before = await session.cookies();
  await session.restart();
  await session.page(`${url}/test/bare`);
  return [before, await session.cookies()];
}

const names = (cookies) => cookies.map(({ name }) => name);

export async function stays(world) {
  const [before, after] = await overARestart(world, ALICE);
  assert.deepEqual(names(after), ['__Host-refresh_token']);
  assert.equal(before[0].session, false);
  assert.equal(after[0].value, before[0].value);
}

export async function goes(world) {
  const [before, after] = await overARestart(world, { ...ALICE, remember: false });
  assert.deepEqual(names(before), ['__Host-refresh_token']);
  assert.equal(before[0].session, true);
  assert.deepEqual(after, []);
}

/** What the manual warns of: nothing that a server sends can keep a browser from this. */
export async function comes_again(world) {
  const credentials = { ...ALICE, remember: false };
  const [before, after] = await overARestart(world, credentials, { continues: true });
  assert.equal(after[0]?.value, before[0].value);
}
