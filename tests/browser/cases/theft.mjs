// What others do with the session.

import assert from 'node:assert/strict';
import { until } from '../world.mjs';

/** A cookie that was stolen is presented from outside, after the window. */
export async function stolen(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  const stolen = await visitor.cookie();
  await tab.reaches(2);
  const answer = await world.present(stolen);
  assert.equal(answer.status, 400);
  assert.equal((await answer.json()).error, 'invalid_grant');
  await tab.says('This session has been ended.');
  await tab.says(/seen in two hands and may be stolen/);
  await tab.isOut();
  assert.equal(await tab.page.locator('#me dd').count(), 0, 'nothing of the user is left');
  await tab.login();
  assert.equal(await tab.page.locator('.notice').count(), 0);
}

/** A page of another origin makes the browser send the cookie; the server does not go by it. */
export async function cross_origin(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const before = await visitor.cookie();
  // Another port is another origin, but the same site: SameSite does not hold the cookie back.
  const origin = await world.elsewhere((_, response) => response.end('hello'));
  const evil = await visitor.context.newPage();
  await evil.goto(origin);
  const sent = evil.waitForEvent('response', (response) => response.url().endsWith('/auth/token'));
  // The page may not read the answer.
  await evil.evaluate(async (url) => {
    const request = { method: 'POST', mode: 'no-cors', credentials: 'include' };
    await fetch(`${url}/auth/token`, request).catch(() => {});
  }, world.url);
  const answer = await sent;
  assert.equal(answer.status(), 403, 'without the cookie it would be 400');
  assert.equal(await answer.headerValue('set-cookie'), null);
  assert.equal((await visitor.cookie()).value, before.value);
  assert.deepEqual(await tab.ask(), [200]);
}

/** A page of another site posts a form; the browser keeps the cookie back. */
export async function cross_site(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const before = await visitor.cookie();
  const evil = await visitor.context.newPage();
  const origin = await world.elsewhere((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<form method="post" action="${world.url}/auth/token"><button>Win a prize</button></form>`);
  });
  await evil.goto(origin.replace('127.0.0.1', 'localhost'));
  const sent = evil.waitForEvent('response', (response) => response.url().endsWith('/auth/token'));
  await evil.getByRole('button').click();
  const answer = await sent;
  assert.equal((await answer.request().allHeaders()).cookie, undefined);
  assert(answer.status() >= 400);
  assert.equal((await visitor.cookie()).value, before.value);
  assert.deepEqual(await tab.ask(), [200]);
}

/** Somebody else logs in with this browser: nothing is sent in their name. */
export async function another_user(world) {
  const visitor = await world.visitor();
  await visitor.context.addInitScript(() => Object.defineProperty(document, 'visibilityState', { value: 'hidden' }));
  const tab = await visitor.bare();
  await tab.login();
  await tab.expired();
  // Of a name of its own: it tells the others nothing.
  const other = await visitor.bare({ name: 'other' });
  await other.run(() => client.login({ username: 'bob', password: 'builder' }));
  const kind = await tab.run(() =>
    client.authFetch('/me', { method: 'POST', body: 'for alice' }).catch((error) => error.kind),
  );
  assert.equal(kind, 'other_user');
  assert.equal((await tab.state()).claims.sub, 'bob');
  await until('the page can go on', async () => (await tab.ask())[0] === 200);
}
