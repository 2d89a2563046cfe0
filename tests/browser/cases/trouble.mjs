// Lost answers, no network, servers that cannot or talk nonsense.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { hide, until } from '../world.mjs';

/** The switch on the page: the answer of the next refresh is lost, and its cookie with it. */
export async function lost_answer(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  await tab.reaches(0);
  const before = await visitor.cookie();
  await tab.click('Lose the next answer');
  const isOn = () => tab.count('#lose[aria-checked=true]');
  await until('it is armed', isOn);
  await visitor.hourPasses();
  await tab.shows('#wire li .note', 'The answer is lost.');
  await tab.reaches(1);
  assert.equal(await isOn(), 0);
  assert.notEqual((await visitor.cookie()).value, before.value);
  await tab.isIn();
  assert.deepEqual([...new Set(visitor.answers)], [200]);
}

/** WebKit takes what was broken off for a whole answer, which it is not, and the client asks again too. */
export async function broken_off(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  const answer = { ...json('{"access_token":"abc'), isBroken: true };
  visitor.wire.route('/auth/token', () => (visitor.refreshes.length < 3 ? answer : undefined));
  await tab.expired();
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(visitor.refreshes.length, 3);
  assert.deepEqual(await tab.reasons(), []);
}

/** The server has rotated, and brings the same generation again. */
export async function redelivered(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  await tab.run(() => client.authFetch('/demo/lose/2', { method: 'POST' }).then(() => {}));
  await tab.expired();
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(visitor.refreshes.length, 3, 'two are lost, the third arrives');
  assert.equal((await tab.state()).claims.gen, 1);
  assert.deepEqual(await tab.reasons(), []);
}

export async function offline(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  await tab.reaches(0);
  await visitor.goOnline(false);
  await tab.says('The server cannot be reached.');
  const tries = visitor.refreshes.length;
  await sleep(1_500);
  assert(visitor.refreshes.length - tries <= 6, 'it does not hammer');
  await tab.isIn();
  const last = await tab.generation();
  await visitor.goOnline(true);
  await tab.reaches(last + 1);
  await until('the notice is gone', () => tab.isSilent());
}

/** 503 and `Retry-After`: nobody asks before it is over, three times at first and then once a refresh. */
export async function unavailable(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  const asked = [];
  visitor.wire.route('/auth/token', () => {
    asked.push(performance.now());
    if (asked.length > 4) return undefined;
    return { status: 503, headers: { 'retry-after': '1' }, body: '{"error":"temporarily_unavailable"}' };
  });
  await tab.expired();
  assert.deepEqual(await tab.ask(), ['unavailable']);
  assert.equal(asked.length, 3);
  await until('it asks again', async () => (await tab.ask(), asked.length > 3));
  assert.equal(asked.length, 4);
  await until('a token', async () => (await tab.ask())[0] === 200);
  assert.equal(asked.length, 5);
  for (const [index, time] of asked.slice(1).entries()) assert(time - asked[index] >= 990);
  assert.deepEqual(await tab.reasons(), []);
}

/** 429: a login tells when to try again, a call gets it and refreshes nothing, a refresh waits as at a 503. */
export async function limited(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  const tooMany = (seconds) => ({
    status: 429,
    headers: { 'content-type': 'application/json', 'retry-after': seconds },
    body: '{"error":"too_many_requests"}',
  });
  let end = visitor.wire.route('/auth/login', () => tooMany('7'));
  const told = await tab.run(async () => {
    const refused = client.login({ username: 'alice', password: 'wonderland' });
    const { kind, status, retryAfter } = await refused.catch((error) => error);
    return { kind, status, retryAfter };
  });
  assert.deepEqual(told, { kind: 'unavailable', status: 429, retryAfter: 7_000 });
  end();
  await tab.login();
  end = visitor.wire.route('/me', () => tooMany('7'));
  assert.deepEqual(await tab.ask(), [429]);
  assert.equal(visitor.refreshes.length, 0);
  end();
  const asked = [];
  visitor.wire.route('/auth/token', () => {
    asked.push(performance.now());
    if (asked.length > 1) return undefined;
    return tooMany('1');
  });
  await tab.expired();
  assert.deepEqual(await tab.ask(), [200]);
  assert(asked.length === 2 && asked[1] - asked[0] >= 990);
  assert.deepEqual(await tab.reasons(), []);
}

/** A long `Retry-After` is not sat out by those who wait: they are told, and the session is kept. */
export async function long_retry_after(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  const busy = { status: 503, headers: { 'retry-after': '60' } };
  const end = visitor.wire.route('/auth/token', () => busy);
  await tab.expired();
  assert.deepEqual(await tab.ask(20), Array(20).fill('unavailable'));
  assert.equal(visitor.refreshes.length, 1, 'all share one failure');
  assert.equal((await tab.state()).status, 'signed_in');
  // Back on the network is another matter.
  end();
  await visitor.goOnline(true);
  await until('a token', async () => (await tab.ask())[0] === 200);
}

const json = (body, status = 200) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const html = (body, status = 200) => ({ status, headers: { 'content-type': 'text/html' }, body });
const good = { access_token: 'abc', token_type: 'Bearer', expires_in: 60 };
const bad = { error: 'invalid_request' };

const NONSENSE = [
  ['HTML', html('<p>Please log in'), 'malformed'],
  ['HTML that says JSON', json('<p>Please log in'), 'malformed'],
  ['nothing', json(''), 'malformed'],
  ['null', json('null'), 'malformed'],
  ['a list', json([good]), 'malformed'],
  ['a wrong token', json({ ...good, access_token: 7 }), 'malformed'],
  ['a token with a line break', json({ ...good, access_token: 'a\nb' }), 'malformed'],
  ['no token', json({ ...good, access_token: undefined }), 'malformed'],
  ['another type', json({ ...good, token_type: 'mac' }), 'malformed'],
  ['a token of a key that it has not', json({ ...good, token_type: 'DPoP' }), 'malformed'],
  ['a wrong lifetime', json({ ...good, expires_in: {} }), 'malformed'],
  ['a long answer', json({ ...good, more: 'x'.repeat(70_000) }), 'malformed'],
  ['a redirect', { status: 302, headers: { location: '/' } }, 'redirected'],
  ['another error', json({ error: 'invalid_client' }, 401), 'refused'],
  ['a request that is refused', json(bad, 400), 'refused'],
  ['a request that is refused for something else', json({ ...bad, reason: 'repeated' }, 400), 'refused'],
  ['a body that did not come', json({ ...bad, reason: 'no_token' }, 408), 'unavailable'],
  ['a body that is too long', json(bad, 413), 'refused'],
  ['a body of another type', json(bad, 415), 'refused'],
  ['a page of another origin', json({ error: 'access_denied' }, 403), 'refused'],
  ['a firewall', html('<h1>Forbidden', 403), 'status'],
  ['a teapot', { status: 418 }, 'status'],
  ['too many', json({ error: 'invalid_grant' }, 429), 'unavailable'],
  ['a server error that says invalid_grant', json({ error: 'invalid_grant' }, 500), 'unavailable'],
  ['a broken gateway', html('<h1>502', 502), 'unavailable'],
];

/** Whatever else the token endpoint says, the session is kept, and nobody asks in a loop. */
export async function nonsense(world) {
  const visitor = await world.visitor({ script: hide });
  // Three at once, as they wait more than they work.
  const tabs = [await visitor.bare(), await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  for (const tab of tabs) await tab.run(() => client.close());
  const one = async (tab, [what, answer, kind], number) => {
    const tokenUrl = `/auth/token?${number}`;
    const end = visitor.wire.route(tokenUrl, () => answer);
    await tab.run((options) => start(options), { name: what, tokenUrl });
    assert.deepEqual(await tab.ask(5), Array(5).fill(kind), what);
    const asked = visitor.refreshes.filter(({ url }) => url === tokenUrl).length;
    assert(asked <= 3, `${what}: asked ${asked} times`);
    assert.deepEqual(await tab.reasons(), [], what);
    end();
    await tab.run(() => void dispatchEvent(new Event('online')));
    assert.deepEqual(await tab.ask(), [200], what);
    await tab.run(() => client.close());
  };
  const left = [...NONSENSE.entries()];
  const work = async (tab) => {
    for (let next = left.shift(); next; next = left.shift()) await one(tab, next[1], next[0]);
  };
  await Promise.all(tabs.map(work));
}

export async function silence(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  visitor.wire.hold('/auth/token');
  await tab.run(() => {
    client.close();
    window.sent = 0;
    start({ timeout: 200, fetch: (request) => ((window.sent += 1), fetch(request)) });
  });
  assert.deepEqual(await tab.ask(5), Array(5).fill('timeout'));
  assert.equal(await tab.run(() => sent), 3);
  assert.equal((await tab.state()).status, 'starting');
}

/** Lifetimes as other servers write them. */
export async function lifetimes(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  const written = [[60, 60], ['60', 60], [60.9, 60], [undefined, 300], [null, 300], [0, 300], [-1, 300]];
  for (const [number, [expires_in, seconds]] of written.entries()) {
    const tokenUrl = `/auth/token?${number}`;
    visitor.wire.route(tokenUrl, () => json({ ...good, expires_in }));
    await tab.run((options) => (client.close(), start(options)), { name: tokenUrl, tokenUrl });
    await tab.resume();
    const { expiresIn, status } = await tab.state();
    assert.equal(status, 'signed_in');
    assert(expiresIn <= seconds * 1000 && expiresIn > (seconds - 20) * 1000, `${expires_in}: ${expiresIn}`);
  }
}

/** A server that brings an earlier generation: nothing is taken back, and it is asked again. */
export async function behind(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  await tab.expired();
  assert.deepEqual(await tab.ask(), [200]);
  const { claims } = await tab.state();
  const payload = Buffer.from(JSON.stringify({ ...claims, gen: 0 })).toString('base64url');
  let asked = 0;
  visitor.wire.route('/auth/token', () => {
    asked += 1;
    return asked > 6 ? undefined : json({ access_token: `a.${payload}.c`, token_type: 'Bearer', expires_in: 2 });
  });
  await tab.expired();
  for (const _ of ['once', 'twice']) {
    assert.deepEqual(await tab.ask(), ['malformed']);
    const { trouble, claims } = await tab.state();
    assert.deepEqual([trouble, claims.gen], ['malformed', 1]);
    await tab.run(() => void dispatchEvent(new Event('online')));
  }
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal((await tab.state()).claims.gen, 2);
  assert.equal(asked, 7, 'three attempts each time that it is behind');
}
