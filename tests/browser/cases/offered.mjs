// A server that offers to bind sessions, and browsers that do not know what that is.

import assert from 'node:assert/strict';
import { until } from '../world.mjs';

/** The page logs in and refreshes as it does without the offer. */
export async function goes_on(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  const [login] = visitor.wire.to('/auth/login');
  assert(login.answered.headers['secure-session-registration'], 'there is an offer');
  for (const generation of [1, 2]) {
    await visitor.hourPasses();
    await tab.reaches(generation);
  }
  const [unknown, ...refreshes] = visitor.refreshes.map(({ answered }) => answered.status);
  assert.equal(unknown, 400, 'nobody was signed in');
  assert.deepEqual(refreshes, [200, 200]);
  await tab.click('Log out');
  await tab.isOut();
}

/** Nothing is registered, and the access cookie works without a script. */
export async function is_not_taken(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const status = () => tab.run(() => fetch('/me').then(({ status }) => status));
  await until('the cookie is there', async () => (await status()) === 200);
  const made = visitor.wire.requests.filter(({ path }) => path.startsWith('/auth/device/'));
  assert.deepEqual(made, []);
}
