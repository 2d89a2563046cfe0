// Sessions bound to a key, and servers that answer proofs in odd ways.

import assert from 'node:assert/strict';
import { BoundServer, proofOf } from '../bound.mjs';
import { ALICE, hide, until } from '../world.mjs';

const YEARS = 10 * 365 * 24 * 3600 * 1000;

async function visitor(world, options) {
  const somebody = await world.visitor({ script: hide, ...options });
  return { somebody, server: new BoundServer(somebody.wire) };
}

/** How a page does that its clock is off by so much. */
const clockIsOff = (off) => {
  const real = Date.now;
  Date.now = () => real() + off;
};

/** Each request proves the key, for its own address, and every proof is another. */
export async function proves(world) {
  const { somebody } = await visitor(world);
  const tab = await somebody.bare({ dpop: true });
  const login = () => tab.login();
  await login();
  assert.equal(await tab.boundTo(), 'key');
  const status = () => tab.run(async () => (await client.authFetch('/me?query=1#fragment', { method: 'PUT' })).status);
  assert.equal(await status(), 200);
  await tab.aged();
  assert.equal(await status(), 200);
  assert.equal(await tab.logout(), 'done');
  const { requests, url } = somebody.wire;
  const proved = requests.filter(({ headers }) => headers.dpop).map((request) => [request, proofOf(request)]);
  const paths = ['/auth/login', '/me', '/auth/token', '/me', '/auth/logout'];
  assert.deepEqual(proved.map(([{ path }]) => path), paths);
  for (const [{ path }, { htu }] of proved) assert.equal(htu, url + path);
  assert.equal(new Set(proved.map(([, { jkt }]) => jkt)).size, 1, 'one key');
  assert.equal(new Set(proved.map(([, { jti }]) => jti)).size, 5);
  await login();
  const [first, second] = somebody.wire.to('/auth/login').map((request) => proofOf(request).jkt);
  assert.notEqual(first, second, 'a session has a key of its own');
}

/** The token endpoint and the API ask for nonces of their own, once; then they are there at once. */
export async function nonces(world) {
  const { somebody, server } = await visitor(world);
  server.nonces = { auth: 'for-tokens', api: 'for-the-api' };
  const tab = await somebody.bare({ dpop: true });
  await tab.login();
  const send = () =>
    tab.run(async () => (await client.authFetch('/me', { method: 'POST', body: 'a body' })).status);
  assert.deepEqual([await send(), await send()], [200, 200]);
  await tab.aged();
  assert.equal(await send(), 200);
  const sent = (path) => somebody.wire.to(path).map((request) => proofOf(request).nonce);
  assert.deepEqual(sent('/auth/login'), [undefined, 'for-tokens']);
  assert.deepEqual(sent('/me'), [undefined, ...Array(3).fill('for-the-api')]);
  assert.deepEqual(sent('/auth/token'), ['for-tokens']);
  assert.deepEqual(somebody.wire.to('/me').map(({ body }) => body), Array(4).fill('a body'));
  // The next one is told in an answer that is well.
  somebody.wire.route('/me', () => ({ status: 200, headers: { 'dpop-nonce': 'new' } }));
  assert.deepEqual([await send(), await send()], [200, 200]);
  assert.equal(sent('/me').at(-1), 'new');
}

/** Who asks for another nonce each time is asked twice, and nobody is signed out. */
export async function nonces_without_end(world) {
  const { somebody, server } = await visitor(world);
  const tab = await somebody.bare({ dpop: true });
  await tab.login();
  server.nonces = { auth: 'one', api: 'two' };
  server.complaint = 'use_dpop_nonce';
  assert.deepEqual(await tab.ask(), [401]);
  assert.equal(somebody.wire.to('/me').length, 2);
  await tab.aged();
  assert.deepEqual(await tab.ask(), ['refused']);
  assert.equal(somebody.refreshes.length, 2);
  server.complaint = null;
  await tab.run(() => void dispatchEvent(new Event('online')));
  assert.deepEqual(await tab.ask(), [200]);
  assert.deepEqual(await tab.reasons(), []);
}

/** Whatever year it is there, proofs go by the server's clock once it has told. */
export async function wrong_clock(world) {
  for (const off of [-YEARS, YEARS]) {
    const { somebody } = await visitor(world, {
      script: `(off) => { (${hide})(); (${clockIsOff})(off); }`,
      argument: off,
    });
    const tab = await somebody.bare({ dpop: true });
    await tab.login();
    assert.deepEqual(await tab.ask(3), [200, 200, 200]);
    const counts = ['/auth/login', '/me'].map((path) => somebody.wire.to(path).length);
    assert.deepEqual(counts, [2, 3], 'one proof was refused');
  }
}

/** A clock is set while the page is open. */
export async function clock_is_set(world) {
  const { somebody } = await visitor(world);
  const tab = await somebody.bare({ dpop: true });
  await tab.login();
  await tab.run(clockIsOff, -YEARS);
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(somebody.wire.to('/me').length, 2);
}

/** A proof that is refused for no reason ends nothing, and nobody asks in a loop. */
export async function refused(world) {
  const { somebody, server } = await visitor(world);
  const tab = await somebody.bare({ dpop: true });
  await tab.login();
  server.complaint = 'invalid_dpop_proof';
  assert.deepEqual(await tab.ask(), [401]);
  assert.equal(somebody.wire.to('/me').length, 2);
  await tab.aged();
  assert.deepEqual(await tab.ask(5), Array(5).fill('refused'));
  assert.equal(somebody.refreshes.length, 2);
  assert.deepEqual(await tab.reasons(), []);
  const code = await tab.run(() => client.state.trouble.code);
  assert.equal(code, 'invalid_dpop_proof');
  server.complaint = null;
  await tab.run(() => void dispatchEvent(new Event('online')));
  assert.deepEqual(await tab.ask(), [200]);
}

/** The network sends a request twice, and the page sees the answer to the second one: its proof was used.
 * It is asked once more, with another proof, where it does no harm to do it twice. */
export async function sent_twice(world) {
  const { somebody, server } = await visitor(world);
  const tab = await somebody.bare({ dpop: true });
  await tab.login();
  const count = (path) => somebody.wire.to(path).length;
  const ask = (method) => tab.run(async (method) => (await client.authFetch('/me', { method })).status, method);
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    const before = count('/me');
    server.twice = 1;
    assert.equal(await ask(method), 200, method);
    assert.equal(count('/me') - before, 2, method);
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const before = count('/me');
    server.twice = 1;
    assert.equal(await ask(method), 401, method);
    assert.equal(count('/me') - before, 1, method);
  }
  await tab.aged();
  server.twice = 1;
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(somebody.refreshes.length, 2);
  const jtis = somebody.wire.to('/auth/token').map((request) => proofOf(request).jti);
  assert.notEqual(jtis[0], jtis[1]);
  // A session that the first of two logins has begun is nobody's.
  server.twice = 1;
  assert.match(await tab.tryLogin(), /^refused: /);
  assert.equal(count('/auth/login'), 2);
  assert.deepEqual(await tab.reasons(), []);
}

/** A server that binds nothing: an error where the page needs it, and a session without a key else. */
export async function not_bound(world) {
  const { somebody, server } = await visitor(world);
  server.type = 'Bearer';
  const tab = await somebody.bare({ dpop: true });
  assert.match(await tab.tryLogin(), /^malformed: .* is not bound, as dpop: true wants it/);
  await tab.run(() => (client.close(), start({ dpop: 'optional' })));
  assert.equal(await tab.tryLogin(), 'done');
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(await tab.boundTo(), null);
  // A session that began without a key goes on without one, for who wants one too.
  await tab.run(() => (client.close(), start({ dpop: true })));
  assert.equal(await tab.resume(), true);
  assert.deepEqual(await tab.ask(), [200]);
  assert.match(somebody.wire.to('/me').at(-1).headers.authorization, /^Bearer /);
  assert.deepEqual(await tab.keys(), []);
}

/** Where a browser keeps no keys: a clear word, and a session without one where that is allowed. */
export async function no_key(world) {
  const breaks = {
    subtle: () => Object.defineProperty(crypto, 'subtle', { value: undefined }),
    database: () => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }),
    storage: () => (IDBObjectStore.prototype.put = () => { throw new DOMException('no', 'DataCloneError'); }),
  };
  for (const [what, script] of Object.entries(breaks)) {
    const somebody = await world.visitor({ script });
    const server = new BoundServer(somebody.wire);
    const tab = await somebody.bare({ dpop: true });
    assert.match(await tab.tryLogin(), /^no_key: .* Serve it over HTTPS or from localhost/, what);
    assert.equal(somebody.wire.to('/auth/login').length, 0, 'nothing was sent');
    await tab.run(() => (client.close(), start({ dpop: 'optional' })));
    assert.equal(await tab.tryLogin(), 'done', what);
    assert.deepEqual(await tab.ask(), [200], what);
    assert.equal(somebody.wire.to('/me').at(-1).headers.dpop, undefined);
    assert.equal(server.wire, somebody.wire);
  }
}

/** An API of another origin, which has to expose what proofs need. */
export async function another_origin(world) {
  const seen = [];
  const api = await world.elsewhere((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'authorization, dpop');
    response.setHeader('access-control-expose-headers', 'WWW-Authenticate, DPoP-Nonce');
    if (request.method === 'OPTIONS') return response.end();
    const { nonce, htu } = proofOf(request);
    seen.push([nonce, htu]);
    response.setHeader('dpop-nonce', 'of-the-api');
    if (!nonce) response.setHeader('www-authenticate', 'DPoP algs="ES256", error="use_dpop_nonce"');
    response.writeHead(nonce ? 200 : 401).end('{}');
  });
  const { somebody } = await visitor(world);
  const tab = await somebody.bare({ dpop: true, origins: [api] });
  await tab.login();
  const status = await tab.run(async (api) => (await client.authFetch(`${api}/a?b`)).status, api);
  assert.equal(status, 200);
  assert.deepEqual(seen, [[undefined, `${api}/a`], ['of-the-api', `${api}/a`]]);
}

/** Two tabs log in at once: one key is left, and both have it. */
export async function two_logins(world) {
  const { somebody } = await visitor(world);
  const tabs = [await somebody.bare({ dpop: true }), await somebody.bare({ dpop: true })];
  await Promise.all(tabs.map((tab) => tab.login(ALICE)));
  const [{ jkt }, ...more] = await tabs[0].keys();
  assert.deepEqual(more, []);
  for (const tab of tabs) {
    await until('it has the key', async () => (await tab.state()).claims.cnf.jkt === jkt);
    assert.deepEqual(await tab.ask(), [200]);
  }
  await tabs[0].aged();
  assert.deepEqual(await tabs[0].ask(), [200]);
}

/** The data of the site are deleted while it is open: who has the key keeps it again. */
export async function key_is_deleted(world) {
  const { somebody } = await visitor(world);
  const tabs = [await somebody.bare({ dpop: true }), await somebody.bare({ dpop: true })];
  await tabs[0].login();
  await tabs[1].is('signed_in');
  const [{ jkt }] = await tabs[0].keys();
  await tabs[0].forgetKeys();
  await tabs[0].aged();
  assert.deepEqual(await tabs[0].ask(), [200]);
  assert.deepEqual((await tabs[1].keys()).map((key) => key.jkt), [jkt]);
  await tabs[1].reaches(1);
  assert.deepEqual(await tabs[1].ask(), [200]);
}
