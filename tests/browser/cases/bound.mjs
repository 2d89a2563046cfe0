// Sessions bound to a key of the browser, with the refresh token in a cookie and in the body, against
// the example servers. Their clocks are right: what passes is the time of the tokens only.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { proofOf } from '../bound.mjs';
import { hide, until } from '../world.mjs';

const YEARS = 10 * 365 * 24 * 3600 * 1000;
const BODY = ['/auth/login', '/auth/token', '/auth/logout', '/auth/logout-all', '/me'];

/** Somebody with a browser that has the refresh token there. */
async function visitor(world, mode, options) {
  const somebody = await world.visitor({ script: hide, ...options });
  if (mode === 'body') for (const path of BODY) somebody.wire.route(path, () => world.quickstart);
  return somebody;
}

/** The work with the refresh token in a cookie, and in the body. */
async function both(work) {
  for (const mode of ['cookie', 'body']) await work(mode, { mode, dpop: true });
}

/** So many tabs that share a session, the first of them has logged in. */
async function tabs(somebody, count, options) {
  const all = [];
  for (let number = 1; number <= count; number += 1) all.push(await somebody.bare(options));
  await all[0].login();
  for (const tab of all) await tab.is('signed_in');
  return all;
}

/** Three tabs find their token at its end at once: one refresh, by one key. */
export async function three_tabs(world) {
  await both(async (mode, options) => {
    const somebody = await visitor(world, mode);
    const all = await tabs(somebody, 3, options);
    for (const round of [1, 2, 3]) {
      for (const tab of all) await tab.aged();
      const answers = await Promise.all(all.map((tab) => tab.ask(5)));
      assert.deepEqual(answers.flat(), Array(15).fill(200));
      assert.equal(somebody.refreshes.length, round, 'exactly one refresh on the wire');
      for (const tab of all) await tab.reaches(round);
    }
    const [{ jkt }, ...more] = await all[2].keys();
    assert.deepEqual(more, []);
    const proofs = somebody.wire.requests.filter(({ headers }) => headers.dpop).map(proofOf);
    assert.deepEqual([...new Set(proofs.map((proof) => proof.jkt))], [jkt]);
    assert.equal(new Set(proofs.map(({ jti }) => jti)).size, proofs.length);
    for (const tab of all) assert.equal((await tab.state()).claims.cnf.jkt, jkt);
  });
}

/** What a page asks that has the tokens, and a key of its own if any: the status. */
async function ask({ path, scheme, token, body, hasKey }) {
  const headers = { 'content-type': 'application/json' };
  if (token) headers.authorization = `${scheme} ${token}`;
  if (hasKey) {
    const text = (value) => new TextEncoder().encode(value);
    const encode = (bytes) =>
      btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const kind = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const { publicKey, privateKey } = await crypto.subtle.generateKey(kind, false, ['sign']);
    const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
    const claims = { jti: crypto.randomUUID(), htm: 'POST', htu: location.origin + path, iat: Math.floor(Date.now() / 1000) };
    if (token) claims.ath = encode(await crypto.subtle.digest('SHA-256', text(token)));
    const parts = [{ typ: 'dpop+jwt', alg: 'ES256', jwk: { crv, kty, x, y } }, claims];
    const signed = parts.map((part) => encode(text(JSON.stringify(part)))).join('.');
    headers.dpop = `${signed}.${encode(await crypto.subtle.sign(kind, privateKey, text(signed)))}`;
  }
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
  return [response.status, (await response.text()).includes('access_token')];
}

/** As a program asks that is no browser: the status, and the error in the challenge. */
async function get(url, headers) {
  const [response] = await once(request(url, { headers }).end(), 'response');
  response.resume();
  return [response.statusCode, /error="(\w+)"/.exec(response.headers['www-authenticate'])?.[1]];
}

/** Tokens that were copied into another browser are worth nothing there, and their owner goes on. */
export async function copies(world) {
  await both(async (mode, options) => {
    const somebody = await visitor(world, mode);
    const [tab] = await tabs(somebody, 1, options);
    assert.deepEqual(await tab.ask(), [200]);
    const { headers } = somebody.wire.to('/me')[0];
    const token = headers.authorization.replace(/^DPoP /, '');
    const login = JSON.parse(somebody.wire.to('/auth/login')[0].answered.body);
    const cookie = mode === 'cookie' ? await somebody.cookie() : null;

    const thief = await visitor(world, mode);
    if (cookie) {
      // Whatever the thief's browser sends along, the copied cookie is there.
      thief.wire.route('/auth/token', ({ rawHeaders }) => {
        rawHeaders.push('Cookie', `${cookie.name}=${cookie.value}`);
      });
    }
    const other = await thief.bare({ ...options, name: 'thief' });
    const body = cookie ? {} : { refresh_token: login.refresh_token };
    for (const hasKey of [false, true]) {
      assert.deepEqual(await other.run(ask, { path: '/auth/token', body, hasKey }), [400, false]);
      for (const scheme of ['Bearer', 'DPoP']) {
        const [status] = await other.run(ask, { path: '/auth/logout', token, scheme, body: {}, hasKey });
        assert.equal(status, 401, `${scheme}, with a key: ${hasKey}`);
      }
    }
    // The module itself, in the thief's browser: once with its own key, once without.
    if (cookie) {
      assert.equal(await other.resume(), false);
      await other.isOut('session_ended');
      await other.run((options) => (client.close(), start({ ...options, dpop: false })), options);
      assert.deepEqual(await other.ask(), ['refused']);
    }
    // A proof that went over the wire is good once.
    const { authorization, dpop, host } = headers;
    const replayed = await get(`${mode === 'body' ? world.quickstart : world.url}/me`, { authorization, dpop, host });
    assert.deepEqual(replayed, [401, 'invalid_dpop_proof']);

    assert.deepEqual(await tab.ask(), [200]);
    await tab.aged();
    assert.deepEqual(await tab.ask(), [200]);
    assert.deepEqual(await tab.reasons(), []);
  });
}

/** The server has rotated, nobody has heard of it, and it brings the same again: twice. */
export async function lost_answer(world) {
  await both(async (mode, options) => {
    const somebody = await visitor(world, mode);
    const all = await tabs(somebody, 2, options);
    somebody.wire.lose('/auth/token', 2, mode === 'body' ? world.quickstart : undefined);
    for (const tab of all) await tab.aged();
    const answers = await Promise.all(all.map((tab) => tab.ask(3)));
    assert.deepEqual(answers.flat(), Array(6).fill(200));
    assert.equal(somebody.refreshes.length, 3, 'two are lost, the third arrives');
    for (const tab of all) {
      await tab.reaches(1);
      assert.deepEqual(await tab.reasons(), []);
    }
  });
}

/** The key is there again after a reload. */
export async function reload(world) {
  await both(async (mode, options) => {
    const somebody = await visitor(world, mode);
    const [tab] = await tabs(somebody, 2, options);
    const before = await tab.keys();
    await tab.reload(options);
    assert.equal(await tab.resume(), true);
    assert.equal(await tab.boundTo(), 'key');
    assert.deepEqual(await tab.ask(), [200]);
    await tab.aged();
    assert.deepEqual(await tab.ask(), [200]);
    assert.deepEqual(await tab.keys(), before);
    if (mode === 'body') return;
    // Whoever signs out before the page has asked who is in needs the key for it.
    await tab.reload(options);
    await somebody.goOnline(false);
    assert.equal(await tab.logout(), 'unreachable');
    await somebody.goOnline(true);
    assert.equal(await tab.logout(), 'done');
    assert.equal(somebody.wire.to('/auth/logout').at(-1).answered.status, 204);
    assert.deepEqual(await tab.keys(), []);
  });
}

/** Back from the browser's cache the key is there too, whatever the other tabs have done meanwhile. */
export async function back(world) {
  await both(async (mode, options) => {
    const somebody = await visitor(world, mode);
    const [tab, other] = await tabs(somebody, 2, options);
    await tab.leave();
    for (const generation of [1, 2]) {
      await other.aged();
      assert.deepEqual(await other.ask(), [200]);
      await other.reaches(generation);
    }
    await tab.back();
    await tab.is('signed_in');
    assert.deepEqual(await tab.ask(), [200]);
    assert.equal(await tab.boundTo(), 'key');
  });
}

/** Whoever signs out deletes the key, and all tabs are out; the next session has another. */
export async function logout(world) {
  await both(async (mode, options) => {
    const somebody = await visitor(world, mode);
    const all = await tabs(somebody, 3, options);
    const [{ jkt }] = await all[0].keys();
    assert.equal(await all[1].logout(), 'done');
    for (const tab of all) await tab.isOut('logged_out');
    assert.deepEqual(await all[0].keys(), []);
    assert.equal(await somebody.cookie(), undefined);
    assert.equal(somebody.wire.to('/auth/logout').at(-1).answered.status, 204);
    await all[2].login();
    assert.notEqual((await all[2].keys())[0].jkt, jkt);
    for (const tab of all) {
      await tab.is('signed_in');
      assert.deepEqual(await tab.ask(), [200]);
    }
  });
}

/** The key is deleted at once. The server hears of the logout when it can, by the key in memory. */
export async function logout_offline(world) {
  await both(async (mode, options) => {
    const somebody = await visitor(world, mode);
    const [tab, other] = await tabs(somebody, 2, options);
    await somebody.goOnline(false);
    await tab.aged();
    assert.equal(await tab.logout(), 'unreachable');
    for (const one of [tab, other]) await one.is('signed_out');
    await until('the key is gone', async () => (await other.keys()).length === 0);
    await somebody.goOnline(true);
    assert.equal(await tab.logout(), 'done');
    assert.equal(somebody.wire.to('/auth/logout').at(-1).answered.status, 204);
  });
}

/** A session that was ended from elsewhere takes its key with it. */
export async function ended(world) {
  await both(async (mode, options) => {
    const [somebody, elsewhere] = [await visitor(world, mode), await visitor(world, mode)];
    const [tab, next] = await tabs(somebody, 2, options);
    const [other] = await tabs(elsewhere, 1, options);
    await other.run(() => client.logoutEverywhere());
    await tab.aged();
    assert.deepEqual(await tab.ask(), ['signed_out']);
    for (const one of [tab, next]) await one.isOut('session_ended');
    for (const one of [tab, other]) await until('the key is gone', async () => (await one.keys()).length === 0);
    if (mode === 'body') return;
    // A page that is loaded afterwards finds a key of a session that is over.
    const late = await elsewhere.bare(options);
    await late.login();
    await late.reload(options);
    await elsewhere.session.forgetCookies();
    assert.equal(await late.resume(), false);
    await until('the key is gone', async () => (await late.keys()).length === 0);
  });
}

/** No script gets the key out of the browser. */
export async function not_extractable(world) {
  const somebody = await visitor(world, 'cookie');
  const [tab] = await tabs(somebody, 1, { dpop: true });
  assert.deepEqual((await tab.keys()).map(({ isExtractable }) => isExtractable), [false]);
  const errors = await tab.run(async () => {
    const opening = indexedDB.open('tower-bearer', 1);
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const asked = opening.result.transaction('keys').objectStore('keys').getAll();
    await new Promise((resolve) => (asked.onsuccess = resolve));
    opening.result.close();
    const [{ secret, jwk }] = asked.result;
    const one = (format) => crypto.subtle.exportKey(format, secret).then(() => 'out', (error) => error.name);
    return [await one('jwk'), await one('pkcs8'), Object.keys(jwk).join(), JSON.stringify(secret)];
  });
  assert.deepEqual(errors, ['InvalidAccessError', 'InvalidAccessError', 'crv,kty,x,y', '{}']);
}

/** Whatever year it is there: proofs go by the server's time. */
export async function wrong_clock(world) {
  const script = `(off) => {
    (${hide})();
    const real = Date.now;
    Date.now = () => real() + off;
  }`;
  for (const argument of [-YEARS, YEARS]) {
    await both(async (mode, options) => {
      const somebody = await visitor(world, mode, { script, argument });
      const [tab] = await tabs(somebody, 1, options);
      assert.deepEqual(await tab.ask(3), [200, 200, 200]);
      await tab.aged();
      assert.deepEqual(await tab.ask(), [200]);
      const counts = ['/auth/login', '/me', '/auth/token'].map((path) => somebody.wire.to(path).length);
      assert.deepEqual(counts, [2, 4, 1], 'one proof was refused');
    });
  }
}

/** A session that began without a key goes on without one; one with a key needs a page that has it. */
export async function as_it_began(world) {
  const somebody = await visitor(world, 'cookie');
  const [tab] = await tabs(somebody, 1, {});
  await tab.reload({ dpop: true });
  assert.equal(await tab.resume(), true);
  assert.deepEqual(await tab.ask(), [200]);
  assert.equal(await tab.boundTo(), null);
  await tab.logout();
  assert.equal(somebody.wire.to('/auth/logout').at(-1).answered.status, 204);
  await tab.login();
  assert.equal(await tab.boundTo(), 'key');
  await tab.reload({});
  assert.equal(await tab.run(() => client.resume().catch(({ code }) => code)), 'invalid_dpop_proof');
  assert.deepEqual(await tab.reasons(), []);
  await tab.reload({ dpop: true });
  assert.equal(await tab.resume(), true);
  assert.deepEqual(await tab.ask(), [200]);
}
