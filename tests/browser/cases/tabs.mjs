// What tabs tell each other, and where they cannot.

import assert from 'node:assert/strict';
import { until } from '../world.mjs';

const signedOut = async (tab, reason) => {
  await until('signed out', async () => (await tab.state()).status === 'signed_out');
  assert.deepEqual(await tab.reasons(), [reason]);
  assert.deepEqual(await tab.ask(), ['signed_out']);
};

/** One tab is refreshing while another logs out: neither has a token afterwards. */
export async function logout_during_refresh(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  await until('both are in', async () => (await tabs[1].state()).status === 'signed_in');
  let let_go;
  const held = new Promise((resolve) => (let_go = resolve));
  await visitor.context.route('**/auth/token', async (route) => {
    await held;
    await route.continue();
  });
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  const leaving = tabs[0].run(() => client.logout());
  for (const tab of tabs) await signedOut(tab, 'logged_out');
  let_go();
  await leaving;
  for (const tab of tabs) await signedOut(tab, 'logged_out');
  assert.equal(await visitor.cookie(), undefined);
}

/** The page is told that the server was not, and may try again. */
export async function logout_offline(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await visitor.context.setOffline(true);
  const leave = () => tab.run(() => client.logout().then(() => 'done', (error) => error.kind));
  assert.equal(await leave(), 'unreachable');
  await signedOut(tab, 'logged_out');
  await visitor.context.setOffline(false);
  assert.equal(await leave(), 'done');
  assert.equal(await visitor.cookie(), undefined);
  assert.deepEqual(await tab.reasons(), ['logged_out'], 'once');
}

/** A token that the server no longer takes is no way out, but the cookie is. */
export async function logout_refused(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const old = await visitor.cookie();
  let asked = 0;
  await tab.page.route('**/auth/logout', (route) => {
    asked += 1;
    return asked === 1 ? route.fulfill({ status: 401, body: '{"error":"invalid_token"}' }) : route.continue();
  });
  await tab.run(() => client.logout());
  assert.equal(asked, 2);
  assert.equal(await visitor.cookie(), undefined);
  assert.equal((await world.present(old)).status, 400, 'the session is over');
}

/** The session was ended elsewhere, which this page has not seen yet. */
export async function logout_too_late(world) {
  const [visitor, elsewhere] = [await world.visitor(), await world.visitor()];
  const [tab, other] = [await visitor.bare(), await elsewhere.bare()];
  for (const one of [tab, other]) await one.login();
  await other.run(() => client.logoutEverywhere());
  await tab.run(() => client.logout());
  await signedOut(tab, 'logged_out');
}

/** Nobody logs out whoever has signed in after them. */
export async function logout_of_another(world) {
  const visitor = await world.visitor();
  await visitor.context.addInitScript(() => Object.defineProperty(document, 'visibilityState', { value: 'hidden' }));
  const [tab, other] = [await visitor.bare(), await visitor.bare({ name: 'other' })];
  await tab.login();
  await tab.expired();
  await other.run(() => client.login({ username: 'bob', password: 'builder' }));
  await tab.run(() => client.logoutEverywhere());
  assert.deepEqual(await other.ask(), [200]);
}

/** A page that asks again after a logout is told, whatever was under way. */
export async function resumed_during_refresh(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  let let_go;
  const held = new Promise((resolve) => (let_go = resolve));
  await visitor.context.route('**/auth/token', async (route) => {
    await held;
    await route.continue();
  });
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  const resumed = tab.run(() => {
    client.logout();
    return client.resume();
  });
  await signedOut(tab, 'logged_out');
  let_go();
  assert.equal(await resumed, false);
  assert.equal((await tab.state()).status, 'signed_out');
  assert.deepEqual(await tab.reasons(), ['logged_out', 'no_session']);
}

/** A closed client asks for nothing, not even after a refresh that was under way. */
export async function closed(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  let let_go;
  const held = new Promise((resolve) => (let_go = resolve));
  await visitor.context.route('**/auth/token', async (route) => {
    await held;
    await route.continue();
  });
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  await tab.run(() => client.close());
  let_go();
  await until('it has landed', async () => (await tab.state()).claims.gen === 1);
  await tab.expired();
  assert.equal(visitor.refreshes.length, 1);
}

/** Another script of the page takes the lock away: what has begun is not begun again. */
export async function stolen_lock(world) {
  const visitor = await world.visitor();
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  let [logins, let_go] = [0];
  const held = new Promise((resolve) => (let_go = resolve));
  await visitor.context.route('**/auth/login', async (route) => {
    logins += 1;
    await held;
    await route.continue();
  });
  const login = tab.login();
  await until('a login is under way', () => logins === 1);
  await other.run(() => navigator.locks.request('tower-bearer/1/default', { steal: true }, () => {}));
  let_go();
  await login;
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(logins, 1);
}

/** A token that comes late is an older one. */
export async function late_news(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const older = await tab.run(() => {
    const heard = new BroadcastChannel('tower-bearer/1/default');
    return new Promise((resolve) => {
      heard.onmessage = ({ data }) => data.kind === 'token' && resolve(data.tokens);
    });
  });
  const { gen } = (await tab.state()).claims;
  await until('a later generation', async () => (await tab.state()).claims.gen > gen);
  await tab.run((tokens) => {
    new BroadcastChannel('tower-bearer/1/default').postMessage({ kind: 'token', tokens: { ...tokens, sent: Date.now(), age: 0 } });
  }, older);
  assert.deepEqual(await tab.ask(3), [200, 200, 200]);
  assert((await tab.state()).claims.gen > gen);
}

/** Without Web Locks and channels, as outside secure contexts: the server bears it. */
export async function without(world) {
  const visitor = await world.visitor();
  await visitor.context.addInitScript(() => {
    delete Navigator.prototype.locks;
    delete window.BroadcastChannel;
    Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
  });
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  for (let round = 1; round <= 3; round += 1) {
    await tabs[0].expired();
    const answers = await Promise.all(tabs.map((tab) => tab.ask(5)));
    assert.deepEqual(answers.flat(), Array(10).fill(200));
  }
  await tabs[0].run(() => client.logout());
  await tabs[1].expired();
  await tabs[1].ask();
  await signedOut(tabs[1], 'no_session');
}

/** A page that comes back from the browser's cache has missed what was told. */
export async function back_from_cache(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  await until('both are in', async () => (await tabs[1].state()).status === 'signed_in');
  await tabs[1].run(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
  await tabs[0].run(() => client.logout());
  await tabs[1].run(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await until('it has found out', async () => {
    await tabs[1].ask();
    return (await tabs[1].state()).status === 'signed_out';
  });
  await tabs[0].login();
  await until('it hears again', async () => (await tabs[1].state()).status === 'signed_in');
}
