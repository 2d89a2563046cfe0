// What others do with the session.

import assert from 'node:assert/strict';
import { BOB, hide, until } from '../world.mjs';

/** A cookie that was stolen is presented from outside, after the window, which is over at once. */
export async function stolen(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  const stolen = await visitor.cookie();
  for (const generation of [1, 2]) {
    await visitor.hourPasses();
    await tab.reaches(generation);
  }
  const answer = await world.present(stolen);
  assert.equal(answer.status, 400);
  assert.equal((await answer.json()).error, 'invalid_grant');
  await visitor.hourPasses();
  await tab.says('This session has been ended.');
  await tab.says('seen in two hands and may be stolen');
  await tab.isOut();
  assert.equal(await tab.count('#me dd'), 0, 'nothing of the user is left');
  await tab.login();
  assert(await tab.isSilent());
}

/** A page of another origin makes the browser send the cookie; the server does not go by it. */
export async function cross_origin(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const before = await visitor.cookie();
  // Another port is another origin, but the same site: SameSite does not hold the cookie back.
  const origin = await world.elsewhere((_, response) => response.end('hello'));
  const evil = await visitor.session.page(origin);
  // The page may not read the answer.
  await evil.run(async (url) => {
    const request = { method: 'POST', mode: 'no-cors', credentials: 'include' };
    await fetch(`${url}/auth/token`, request).catch(() => {});
  }, visitor.url);
  const { answered } = await until('it has asked', () => visitor.refreshes.find(({ answered }) => answered));
  assert.equal(answered.status, 403, 'without the cookie it would be 400');
  assert.equal(answered.headers['set-cookie'], undefined);
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal((await visitor.cookie()).value, before.value);
}

/** A page of another site posts a form; the browser keeps the cookie back. */
export async function cross_site(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const origin = await world.elsewhere((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<form method="post" action="${visitor.url}/auth/token"><button>Win a prize</button></form>`);
  });
  const evil = await visitor.session.page(origin.replace('127.0.0.1', 'localhost'));
  await evil.run(() => void setTimeout(() => document.querySelector('button').click())).catch(() => {});
  const { headers, answered } = await until('it has asked', () => visitor.refreshes.find(({ answered }) => answered));
  assert.equal(headers.cookie, undefined);
  assert(answered.status >= 400);
  assert.deepEqual(await tab.ask(), [200]);
}

/** From now on the browser sends another cookie to the token endpoint: one that was planted. */
async function plant(world, visitor) {
  const cookie = await world.cookieOf(BOB);
  visitor.wire.route('/auth/token', ({ rawHeaders }) => {
    const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'cookie');
    if (at >= 0) rawHeaders[at + 1] = cookie;
  });
}

/** A subdomain has put a cookie of its own in the place of the user's: both tabs are out, and nothing
 * is ever asked for in the name of the other user. */
export async function planted(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  await tabs[1].is('signed_in');
  await plant(world, visitor);
  await visitor.hourPasses();
  for (const tab of tabs) await tab.isOut('other_user');
  assert(visitor.refreshes.some(({ answered }) => answered.status === 200), 'bob’s token has come');
  for (const tab of tabs) await tab.ask(2);
  const users = visitor.wire.to('/me').map(({ headers: { authorization } }) => {
    const [, payload] = authorization.split('.');
    return JSON.parse(Buffer.from(payload, 'base64url')).sub;
  });
  assert(!users.includes('bob'));
  assert.equal((await tabs[0].state()).claims, null);
}

/** A new tab finds the planted cookie, and the old one knows whose it should be: both are out. */
export async function planted_for_a_new_tab(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await plant(world, visitor);
  const other = await visitor.bare();
  await other.run(() => client.resume().catch(() => {}));
  for (const one of [tab, other]) await one.isOut('other_user');
}

/** Somebody else logs in with this browser, of which no tab has heard: nothing is sent in their name. */
export async function another_user(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  await tab.expired();
  // Of a name of its own: it tells the others nothing.
  const other = await visitor.bare({ name: 'other' });
  await other.login(BOB);
  const kind = await tab.run(() =>
    client.authFetch('/me', { method: 'POST', body: 'for alice' }).catch((error) => `${error.kind}: ${error.reason}`),
  );
  assert.equal(kind, 'signed_out: other_user');
  await tab.isOut('other_user');
  assert.deepEqual(await other.ask(), [200], 'it is still bob’s');
  assert.equal(visitor.wire.to('/me').length, 1);
}

/** Somebody else logs in on another tab while a request waits for its token: it is not sent as them. */
export async function another_user_meanwhile(world) {
  const visitor = await world.visitor({ script: hide });
  const [tab, other] = [await visitor.bare(), await visitor.bare()];
  await tab.login();
  await tab.expired();
  const release = visitor.wire.hold('/auth/token');
  const asked = tab.ask();
  await until('a refresh is under way', () => visitor.refreshes.length === 1);
  const login = other.login(BOB);
  release();
  await login;
  const [answer] = await asked;
  assert([200, 'other_user'].includes(answer), String(answer));
  await until('it is bob', async () => (await tab.state()).claims?.sub === 'bob');
  for (const { headers } of visitor.wire.to('/me')) {
    const [, payload] = headers.authorization.split('.');
    assert.equal(JSON.parse(Buffer.from(payload, 'base64url')).sub, 'alice');
  }
  assert.deepEqual(await tab.ask(), [200]);
}
