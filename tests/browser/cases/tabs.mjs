// What tabs tell each other, and where they cannot.

import assert from 'node:assert/strict';
import { BOB, hide, until } from '../world.mjs';

/** One tab is refreshing while another logs out: neither has a token afterwards. */
export async function logout_during_refresh(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  await tabs[1].is('signed_in');
  const release = visitor.wire.hold('/auth/token');
  await visitor.hourPasses();
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  const leaving = tabs[0].logout();
  for (const tab of tabs) await tab.isOut('logged_out');
  release();
  assert.equal(await leaving, 'done');
  for (const tab of tabs) await tab.isOut('logged_out');
  assert.equal(await visitor.cookie(), undefined);
}

/** The page is told that the server was not, and may try again. */
export async function logout_offline(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await visitor.goOnline(false);
  assert.equal(await tab.logout(), 'unreachable');
  await tab.isOut('logged_out');
  await visitor.goOnline(true);
  assert.equal(await tab.logout(), 'done');
  assert.equal(await visitor.cookie(), undefined);
  assert.deepEqual(await tab.reasons(), ['logged_out'], 'once');
}

/** A token that the server no longer takes is no way out, but the cookie is. */
export async function logout_refused(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const old = await visitor.cookie();
  const logouts = () => visitor.wire.to('/auth/logout').length;
  visitor.wire.route('/auth/logout', () => {
    if (logouts() === 1) return { status: 401, body: '{"error":"invalid_token"}' };
  });
  assert.equal(await tab.logout(), 'done');
  assert.equal(logouts(), 2);
  assert.equal(await visitor.cookie(), undefined);
  assert.equal((await world.present(old)).status, 400, 'the session is over');
}

/** The session was ended elsewhere, which this page has not seen yet. */
export async function logout_too_late(world) {
  const [visitor, elsewhere] = [await world.visitor(), await world.visitor()];
  const [tab, other] = [await visitor.bare(), await elsewhere.bare()];
  for (const one of [tab, other]) await one.login();
  await other.run(() => client.logoutEverywhere());
  await tab.logout();
  await tab.isOut('logged_out');
}

/** Nobody logs out whoever has signed in after them. */
export async function logout_of_another(world) {
  const visitor = await world.visitor({ script: hide });
  const [tab, other] = [await visitor.bare(), await visitor.bare({ name: 'other' })];
  await tab.login();
  await tab.expired();
  await other.login(BOB);
  await tab.run(() => client.logoutEverywhere());
  assert.deepEqual(await other.ask(), [200]);
}

/** Whoever logs in is in on all tabs, whoever was there before. */
export async function login_of_another(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  await tabs[1].is('signed_in');
  await tabs[1].login(BOB);
  await until('both are bob', async () => (await tabs[0].state()).claims?.sub === 'bob');
  // Also with the tokens that come after the first.
  for (const generation of [1, 2]) {
    await visitor.hourPasses();
    for (const tab of tabs) await tab.reaches(generation);
  }
  for (const tab of tabs) assert.deepEqual(await tab.reasons(), []);
}

/** A page that asks again after a logout is told, whatever was under way. */
export async function resumed_during_refresh(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const release = visitor.wire.hold('/auth/token');
  await visitor.hourPasses();
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  const resumed = tab.run(() => {
    client.logout();
    return client.resume();
  });
  await tab.isOut('logged_out');
  release();
  assert.equal(await resumed, false);
  assert.equal((await tab.state()).status, 'signed_out');
  assert.deepEqual(await tab.reasons(), ['logged_out', 'no_session']);
}

/** A closed client asks for nothing, not even after a refresh that was under way. */
export async function closed(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const release = visitor.wire.hold('/auth/token');
  await visitor.hourPasses();
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  await tab.run(() => client.close());
  release();
  await tab.reaches(1);
  await tab.expired();
  assert.equal(visitor.refreshes.length, 1);
}

/** Another script of the page takes the lock away: what has begun is not begun again. */
export async function stolen_lock(world) {
  const visitor = await world.visitor();
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  const release = visitor.wire.hold('/auth/login');
  const login = tab.login();
  const logins = () => visitor.wire.to('/auth/login').length;
  await until('a login is under way', () => logins() === 1);
  await other.run(() => navigator.locks.request('tower-bearer/1/default', { steal: true }, () => {}));
  release();
  await login;
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(logins(), 1);
}

/** A token that comes late is an older one. */
export async function late_news(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await tab.run(() => {
    const channel = new BroadcastChannel('tower-bearer/1/default');
    window.heard = new Promise((resolve) => {
      channel.onmessage = ({ data }) => data.kind === 'token' && resolve(data.tokens);
    });
  });
  for (const generation of [1, 2]) {
    await visitor.hourPasses();
    await tab.reaches(generation);
  }
  const older = await tab.run(() => heard);
  await tab.run((tokens) => {
    const late = { kind: 'token', tokens: { ...tokens, sent: Date.now(), age: 0 } };
    new BroadcastChannel('tower-bearer/1/default').postMessage(late);
  }, older);
  assert.deepEqual(await tab.ask(3), [200, 200, 200]);
  assert.equal((await tab.state()).claims.gen, 2);
}

/** Without Web Locks and channels, as outside secure contexts: the server bears it. */
export async function without(world) {
  const visitor = await world.visitor({
    script: () => {
      delete Navigator.prototype.locks;
      delete window.BroadcastChannel;
      Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
    },
  });
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  for (let round = 1; round <= 3; round += 1) {
    await tabs[0].expired();
    const answers = await Promise.all(tabs.map((tab) => tab.ask(5)));
    assert.deepEqual(answers.flat(), Array(10).fill(200));
  }
  await tabs[0].logout();
  await tabs[1].expired();
  await tabs[1].ask();
  await tabs[1].isOut('no_session');
}
