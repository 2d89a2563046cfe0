// Refreshes: ahead of time, after a refusal, and one at a time.

import assert from 'node:assert/strict';
import { hide, until } from '../world.mjs';

export async function silent(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  await tab.reaches(2);
  assert.deepEqual([...new Set(visitor.answers)], [200], 'no request was refused');
  await tab.isIn();
}

export async function on_demand(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  await tab.expired();
  assert.equal(visitor.refreshes.length, 0, 'a hidden page asks for nothing');
  assert.deepEqual(await tab.ask(100), Array(100).fill(200));
  assert.equal(visitor.refreshes.length, 1);
}

/** Both find the token dead at the same instant, again and again. */
export async function two_tabs(world) {
  const visitor = await world.visitor({ script: hide });
  const tabs = [await visitor.bare(), await visitor.bare()];
  await tabs[0].login();
  await tabs[1].is('signed_in');
  for (let round = 1; round <= 3; round += 1) {
    for (const tab of tabs) await tab.expired();
    const answers = await Promise.all(tabs.map((tab) => tab.ask(10)));
    assert.deepEqual(answers.flat(), Array(20).fill(200));
    assert.equal(visitor.refreshes.length, round, 'exactly one refresh on the wire');
    for (const tab of tabs) await tab.reaches(round);
  }
}

/** As people use it: three pages, each with timers of its own. */
export async function three_pages(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.signedIn(), await visitor.tab(), await visitor.tab()];
  for (const tab of tabs) await tab.isIn();
  for (const tab of tabs) await tab.reaches(5);
  const good = visitor.refreshes.filter(({ answered }) => answered?.status === 200);
  const rotating = good.filter(({ answered }) => answered.headers['set-cookie']);
  assert.equal(rotating.length, good.length, 'each one rotates: none comes twice within a generation');
}

/** What the API refuses is sent once more, body and all. */
export async function refused(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const seen = [];
  visitor.wire.route('/api', ({ headers, body }) => {
    seen.push([headers.authorization, body]);
    const challenge = { 'www-authenticate': 'Bearer realm="api", error="invalid_token"' };
    return seen.length === 1 ? { status: 401, headers: challenge } : { status: 200 };
  });
  const send = () =>
    tab.run(async () => (await client.authFetch('/api', { method: 'POST', body: 'a body' })).status);
  assert.equal(await send(), 200);
  assert.deepEqual(seen.map(([, body]) => body), ['a body', 'a body']);
  assert.notEqual(seen[0][0], seen[1][0], 'with another token');
  assert.equal(visitor.refreshes.length, 1);
  // Whoever refuses each and every token makes nobody refresh in a loop.
  seen.length = 0;
  assert.equal(await send(), 401);
  assert.equal(visitor.refreshes.length, 1);
}

/** Several that are refused together share the refresh that mends them. */
export async function refused_together(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  // An option that is undefined is one that is not given.
  await tab.run(() => (client.close(), start({ timeout: undefined, origins: undefined })));
  await tab.login();
  const seen = [];
  visitor.wire.route('/api', ({ headers: { authorization } }) => {
    seen.push(authorization);
    const headers = { 'www-authenticate': 'Bearer realm="api", error="invalid_token"' };
    return authorization === seen[0] ? { status: 401, headers } : { status: 200 };
  });
  const statuses = await tab.run(async () => {
    const one = async () => (await client.authFetch('/api')).status;
    return Promise.all(Array.from({ length: 5 }, one));
  });
  assert.deepEqual(statuses, Array(5).fill(200));
  assert.equal(visitor.refreshes.length, 1);
}

/** A stream cannot be sent twice, and a 401 for another reason is none of the client's business. */
export async function not_repeated(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  const refuse = (path, status, challenge) =>
    visitor.wire.route(path, () => ({ status, headers: { 'www-authenticate': challenge } }));
  refuse('/stream', 401, 'Bearer error="invalid_token"');
  refuse('/other', 401, 'Another realm="api"');
  refuse('/forbidden', 403, 'Bearer error="insufficient_scope"');
  const statuses = await tab.run(async () => {
    const body = new Response('a body').body;
    const stream = { method: 'POST', body, duplex: 'half' };
    // Streams need HTTP/2: what matters is that there is one attempt.
    await client.authFetch('/stream', stream).catch(() => {});
    return [(await client.authFetch('/other')).status, (await client.authFetch('/forbidden')).status];
  });
  assert.deepEqual(statuses, [401, 403]);
  assert(visitor.wire.to('/stream').length <= 1);
  const counts = ['/other', '/forbidden', '/auth/token'].map((path) => visitor.wire.to(path).length);
  assert.deepEqual(counts, [1, 1, 0]);
}

/** The token goes to the configured origins only, whatever they redirect to. */
export async function origins(world) {
  const seen = [];
  const listener = (name) => (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'authorization');
    if (request.method === 'OPTIONS') return response.end();
    seen.push([name, request.headers.authorization?.slice(0, 10)]);
    const to = new URL(request.url, 'http://unused').searchParams.get('to');
    if (to) response.writeHead(302, { location: to });
    response.end('{}');
  };
  const [api, other] = [await world.elsewhere(listener('api')), await world.elsewhere(listener('other'))];
  const visitor = await world.visitor();
  const tab = await visitor.bare({ origins: [api] });
  await tab.login();
  await tab.run(
    async ({ api, other }) => {
      await client.authFetch(`${api}/`);
      await client.authFetch(`${other}/`);
      await client.authFetch(`${api}/?to=${other}/`);
      await client.authFetch(`${api}/`, { headers: { authorization: 'Basic mine' } });
    },
    { api, other },
  );
  assert.deepEqual(seen, [
    ['api', 'Bearer eyJ'],
    ['other', undefined],
    ['api', 'Bearer eyJ'],
    ['other', undefined],
    ['api', 'Basic mine'],
  ]);
}

export async function abandoned(world) {
  const visitor = await world.visitor({ script: hide });
  const tab = await visitor.bare();
  await tab.login();
  await tab.expired();
  const release = visitor.wire.hold('/auth/token');
  const waiting = tab.ask();
  const name = await tab.run(() =>
    client.authFetch('/me', { signal: AbortSignal.timeout(50) }).catch((error) => error.name),
  );
  assert.equal(name, 'TimeoutError');
  release();
  assert.deepEqual(await waiting, [200], 'who stops waiting cancels nothing');
  assert.equal(visitor.refreshes.length, 1);
  await until('signed in', async () => (await tab.state()).status === 'signed_in');
}
