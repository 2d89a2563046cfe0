// The back/forward cache, in which a page stays as it was.

import assert from 'node:assert/strict';
import { BOB, hide, until } from '../world.mjs';

/** Never is it 15 s later: a tab that waits for the lock waits for ever. */
const patient = () => {
  const real = window.setTimeout;
  window.setTimeout = (work, delay, ...rest) => (delay < 15_000 ? real(work, delay, ...rest) : 0);
};

/** A page takes no lock with it: whoever waits for it is served, and not only after 15 s. */
export async function lock_is_released(world) {
  const visitor = await world.visitor({ script: patient });
  const [tab, waiter] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await tab.isFree();
  await waiter.run(() => (client.close(), start({ name: 'later' })));
  await tab.run(() => (client.close(), start({ name: 'later' })));
  let release;
  const released = new Promise((resolve) => (release = resolve));
  visitor.wire.route('/auth/token', () => (visitor.refreshes.length === 1 ? released : undefined));
  await tab.run(() => void client.resume().catch(() => {}));
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  const resumed = waiter.resume();
  await until('the other one waits', () =>
    waiter.run(async () => (await navigator.locks.query()).pending.length === 1),
  );
  await tab.leaveAtOnce();
  assert.equal(await resumed, true);
  assert.equal(visitor.refreshes.length, 2);
  release();
  await tab.back();
  await tab.is('signed_in');
  assert.deepEqual(await tab.ask(), [200]);
}

/** It was waiting for the lock itself: back again it asks for it again. */
export async function waits_again(world) {
  const visitor = await world.visitor({ script: patient });
  const [tab, holder] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await tab.isFree();
  await holder.run(() => {
    const until = new Promise((resolve) => (window.letGo = resolve));
    navigator.locks.request('tower-bearer/1/later', () => until);
  });
  await tab.run(() => {
    client.close();
    start({ name: 'later' });
    void client.resume();
  });
  const queued = () => holder.run(async () => (await navigator.locks.query()).pending.length);
  await until('it waits', async () => (await queued()) === 1);
  await tab.leaveAtOnce();
  await until('it does not wait there', async () => (await queued()) === 0);
  await tab.back();
  await until('it waits again', async () => (await queued()) > 0);
  assert.equal(visitor.refreshes.length, 0);
  await holder.run(() => letGo());
  await tab.is('signed_in');
  assert.equal(visitor.refreshes.length, 1);
}

/** Another tab has logged out meanwhile: the page is signed out, and has asked for nothing. */
export async function logged_out_meanwhile(world) {
  const visitor = await world.visitor();
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await other.is('signed_in');
  await tab.leave();
  assert.equal(await other.logout(), 'done');
  const before = visitor.wire.to('/me').length;
  await tab.back();
  await tab.isOut('no_session');
  assert.equal(visitor.wire.to('/me').length, before, 'no request with the old token');
  assert.equal((await tab.state()).claims, null);
  // It hears what is told from now on.
  await other.login();
  await tab.is('signed_in');
}

/** The same for whoever looks at the page: nothing of the user is shown before it is known. */
export async function shows_nothing(world) {
  const visitor = await world.visitor();
  const [tab, other] = [await visitor.signedIn(), await visitor.tab()];
  await other.isIn();
  await tab.leave();
  await other.click('Log out');
  await until('the cookie is gone', async () => !(await visitor.cookie()));
  const release = visitor.wire.hold('/auth/token');
  const before = visitor.refreshes.length;
  await tab.back();
  await until('it asks', () => visitor.refreshes.length > before);
  assert.equal(await tab.has('h2', 'Signed in as'), false);
  assert.equal(await tab.has('#me', ''), false);
  release();
  await tab.isOut();
}

/** Nobody has logged out: the other tab hands its token over, and no request is made for it. */
export async function still_signed_in(world) {
  const visitor = await world.visitor();
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await other.is('signed_in');
  await tab.leave();
  await tab.back();
  await tab.is('signed_in');
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(visitor.refreshes.length, 0);
  assert.deepEqual(await tab.reasons(), []);
}

/** There is no other tab: the server is asked. */
export async function alone(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await tab.leave();
  await tab.back();
  await tab.is('signed_in');
  assert.equal(visitor.refreshes.length, 1);
  assert.deepEqual(await tab.ask(), [200]);
}

/** Somebody else has logged in meanwhile, and that was a login: the page is theirs. */
export async function another_user_meanwhile(world) {
  const visitor = await world.visitor();
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await other.is('signed_in');
  await tab.leave();
  await other.login(BOB);
  await tab.back();
  await tab.is('signed_in');
  assert.equal((await tab.state()).claims.sub, 'bob');
  assert.equal((await other.state()).status, 'signed_in');
}

/** The cookie is another user's, and no tab knows of a login: nothing is asked for in their name. */
export async function planted_meanwhile(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await tab.leave();
  const cookie = await world.cookieOf(BOB);
  visitor.wire.route('/auth/token', ({ rawHeaders }) => {
    const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'cookie');
    rawHeaders[at + 1] = cookie;
  });
  await tab.back();
  await tab.isOut('other_user');
}

/** What was under way when the page was left comes too late: its token is not gone by. */
export async function late_answer(world) {
  const visitor = await world.visitor({ script: hide });
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await other.is('signed_in');
  await tab.expired();
  let release;
  const released = new Promise((resolve) => (release = resolve));
  visitor.wire.route('/auth/token', () => (visitor.refreshes.length === 1 ? released : undefined));
  await tab.run(() => void client.authFetch('/me').catch(() => {}));
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  await tab.leaveAtOnce();
  assert.equal(await other.logout(), 'done');
  await tab.back();
  await tab.isOut('no_session');
  release();
  await until('it has come', () => visitor.refreshes[0].answered);
  await tab.isOut('no_session');
}
