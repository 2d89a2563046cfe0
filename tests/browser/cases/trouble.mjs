// Lost answers, no network, servers that cannot or talk nonsense.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../world.mjs';

/** The switch on the page: the answer of the next refresh is lost, and its cookie with it. */
export async function lost_answer(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  await tab.reaches(0);
  const before = await visitor.cookie();
  const lose = tab.page.getByRole('switch', { name: 'Lose the next answer' });
  await lose.click();
  await until('it is armed or over', async () => (await lose.isChecked()) || visitor.refreshes.length > 1);
  await tab.page.getByText('The answer is lost.').first().waitFor();
  await tab.reaches(await tab.generation() + 1);
  assert.equal(await lose.isChecked(), false);
  assert.notEqual((await visitor.cookie()).value, before.value);
  await tab.isIn();
  assert.deepEqual([...new Set(tab.answers)], [200]);
}

/** The server has rotated, and brings the same generation again. */
export async function redelivered(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await tab.run(() => client.authFetch('/demo/lose/2', { method: 'POST' }));
  const before = visitor.refreshes.length;
  await until('the next generation', async () => (await tab.state()).claims.gen === 1);
  assert.equal(visitor.refreshes.length, before + 3, 'two are lost, the third arrives');
  assert.deepEqual(await tab.ask(), [200]);
  assert.deepEqual(await tab.reasons(), []);
}

export async function offline(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  await tab.reaches(0);
  await visitor.context.setOffline(true);
  await tab.says('The server cannot be reached.');
  const tries = visitor.refreshes.length;
  await sleep(1_500);
  assert(visitor.refreshes.length - tries <= 6, 'it does not hammer');
  await tab.isIn();
  const last = await tab.generation();
  await visitor.context.setOffline(false);
  await tab.reaches(last + 1);
  await until('the notice is gone', async () => (await tab.page.locator('.notice').count()) === 0);
}

/** 503 and `Retry-After`: nobody asks before it is over. */
export async function unavailable(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const asked = [];
  await tab.page.route('**/auth/token', (route) => {
    asked.push(performance.now());
    if (asked.length > 2) return route.continue();
    return route.fulfill({ status: 503, headers: { 'retry-after': '1' }, body: '{"error":"temporarily_unavailable"}' });
  });
  await until('the next generation', async () => (await tab.state()).claims.gen === 1);
  assert.equal(asked.length, 3);
  for (const [index, time] of asked.slice(1).entries()) assert(time - asked[index] >= 990);
  assert.deepEqual(await tab.reasons(), []);
}

/** A long `Retry-After` is not sat out by those who wait: they are told, and the session is kept. */
export async function long_retry_after(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  let asked = 0;
  await tab.page.route('**/auth/token', (route) => {
    asked += 1;
    return route.fulfill({ status: 503, headers: { 'retry-after': '60' }, body: '' });
  });
  await tab.expired();
  assert.deepEqual(await tab.ask(20), Array(20).fill('unavailable'));
  assert.equal(asked, 1, 'all share one failure');
  assert.equal((await tab.state()).status, 'signed_in');
  // Back on the network is another matter.
  await tab.page.unroute('**/auth/token');
  await tab.run(() => dispatchEvent(new Event('online')));
  await until('a token', async () => (await tab.ask())[0] === 200);
}

const json = (body, status = 200) => ({ status, contentType: 'application/json', body: typeof body === 'string' ? body : JSON.stringify(body) });
const good = { access_token: 'abc', token_type: 'Bearer', expires_in: 60 };

const NONSENSE = [
  ['HTML', { status: 200, contentType: 'text/html', body: '<p>Please log in' }, 'malformed'],
  ['HTML that says JSON', json('<p>Please log in'), 'malformed'],
  ['nothing', json(''), 'malformed'],
  ['null', json('null'), 'malformed'],
  ['a list', json([good]), 'malformed'],
  ['a wrong token', json({ ...good, access_token: 7 }), 'malformed'],
  ['a token with a line break', json({ ...good, access_token: 'a\nb' }), 'malformed'],
  ['no token', json({ ...good, access_token: undefined }), 'malformed'],
  ['another type', json({ ...good, token_type: 'mac' }), 'malformed'],
  ['a wrong lifetime', json({ ...good, expires_in: {} }), 'malformed'],
  ['a long answer', json({ ...good, more: 'x'.repeat(70_000) }), 'malformed'],
  ['a redirect', { status: 302, headers: { location: '/' } }, 'redirected'],
  ['another error', json({ error: 'invalid_client' }, 401), 'refused'],
  ['a teapot', { status: 418, body: '' }, 'status'],
  ['a server error that says invalid_grant', json({ error: 'invalid_grant' }, 500), 'unavailable'],
  ['a broken gateway', { status: 502, contentType: 'text/html', body: '<h1>502' }, 'unavailable'],
];

/** Whatever the token endpoint says, the session is kept, and nobody asks in a loop. */
export async function nonsense(world) {
  const visitor = await world.visitor();
  const login = await visitor.bare();
  await login.login();
  await login.run(() => client.close());
  const one = async ([what, answer, kind]) => {
    const tab = await visitor.bare({ name: what });
    let asked = 0;
    await tab.page.route('**/auth/token', (route) => {
      asked += 1;
      return route.fulfill(answer);
    });
    assert.deepEqual(await tab.ask(5), Array(5).fill(kind), what);
    assert(asked <= 3, `${what}: asked ${asked} times`);
    assert.deepEqual(await tab.reasons(), [], what);
    await tab.page.unroute('**/auth/token');
    await until(`${what} is over`, async () => (await tab.state()).status === 'signed_in');
  };
  await Promise.all(NONSENSE.map(one));
}

export async function silence(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare({ timeout: 200 });
  let asked = 0;
  await tab.page.route('**/auth/token', () => {
    asked += 1;
  });
  assert.deepEqual(await tab.ask(5), Array(5).fill('timeout'));
  assert.equal(asked, 3);
  assert.equal((await tab.state()).status, 'starting');
}

/** Lifetimes as other servers write them. */
export async function lifetimes(world) {
  const visitor = await world.visitor();
  const one = async ([expires_in, seconds]) => {
    const tab = await visitor.bare({ name: String(expires_in) });
    await tab.page.route('**/auth/token', (route) => route.fulfill(json({ ...good, expires_in })));
    await tab.run(() => client.resume());
    const { expiresIn, status } = await tab.state();
    assert.equal(status, 'signed_in');
    assert(expiresIn <= seconds * 1000 && expiresIn > (seconds - 20) * 1000, `${expires_in}: ${expiresIn}`);
  };
  const written = [[60, 60], ['60', 60], [60.9, 60], [undefined, 300], [null, 300], [0, 300], [-1, 300]];
  await Promise.all(written.map(one));
}

/** A server that brings an earlier generation: nothing is taken back, and the page goes on asking. */
export async function behind(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await until('a generation', async () => (await tab.state()).claims.gen === 1);
  const { claims } = await tab.state();
  const payload = Buffer.from(JSON.stringify({ ...claims, gen: 0 })).toString('base64url');
  const body = JSON.stringify({ access_token: `a.${payload}.c`, token_type: 'Bearer', expires_in: 2 });
  let asked = 0;
  await tab.page.route('**/auth/token', (route) => {
    asked += 1;
    return asked > 2 ? route.continue() : route.fulfill({ contentType: 'application/json', body });
  });
  await until('it is told', async () => (await tab.state()).trouble === 'malformed');
  assert.equal((await tab.state()).claims.gen, 1);
  await until('the next generation', async () => (await tab.state()).claims.gen === 2);
  assert.equal(asked, 3);
}
