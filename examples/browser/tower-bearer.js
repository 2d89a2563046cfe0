// @ts-check
/**
 * Keeps a page signed in: short-lived access tokens in memory, a refresh token that rotates in an
 * HttpOnly cookie. `tower-bearer.d.ts` beside this file describes what it exports.
 *
 * ```js
 * import { createClient } from './tower-bearer.js';
 *
 * const client = createClient();
 * client.onSignedOut((reason) => showLogin(reason));
 * if (await client.resume()) await client.authFetch('/me');
 * ```
 *
 * 1. The access token is in memory only, and goes only to the configured origins. Browsers drop the
 *    header where a redirect leads to another origin.
 * 2. While the page is visible the token is refreshed ahead of its end, where 80 % of its life are
 *    over, less a random tenth. A hidden page asks for nothing until it needs something.
 * 3. Its age goes by the steady clock. The wall clock can make it older, which tells that the machine
 *    has slept, never younger: a wrong one costs a refresh at most.
 * 4. One refresh at a time, in the page and, under a Web Lock, among its tabs. Its token is handed
 *    to the others over a BroadcastChannel, and who has waited for the lock takes that one.
 * 5. A refresh whose answer is lost, or is no token answer, is repeated, as the server redelivers. After that, who needs a
 *    token gets the failure until a back-off is over or the browser is online again. It doubles with each
 *    failure up to a minute, has a random part, and is never shorter than the server's `Retry-After`.
 * 6. A token is never replaced by one of the same session and an earlier generation.
 * 7. Only four things sign out: a logout, the server's `invalid_grant`, its word that it got no
 *    token (`invalid_request` with `"reason": "no_token"`), and a refresh that brings another user's
 *    token, as it does where the cookie was planted. Of any other answer the session survives.
 * 8. A page in the back/forward cache has no token and no lock. Back from there it knows nobody until
 *    another tab or the server has told who is signed in.
 * 9. With `dpop` each login makes a key that no script can read, and each request proves that it has it
 *    (RFC 9449). The tabs share it in IndexedDB until one signs out. What is the matter with a proof
 *    signs nobody out. A session that began without a key stays without one.
 * 10. Where the browser has bound the session to the device by itself (Device Bound Session Credentials),
 *    it renews the cookies too. Then the page refreshes nothing and sends no token.
 *
 * Web Locks and, in old browsers, BroadcastChannel exist in secure contexts only (HTTPS, localhost).
 * Without the lock two tabs may refresh at once, which the server takes for what it is within its
 * reuse window. Without the channel each tab refreshes for itself, and sees a logout in another
 * one with its next request that is refused.
 */

/** @typedef {import('./tower-bearer.d.ts').Options} Options */
/** @typedef {import('./tower-bearer.d.ts').Reason} Reason */
/** @typedef {import('./tower-bearer.d.ts').State} State */
/** @typedef {import('./tower-bearer.d.ts').Claims} Claims */
/** @typedef {import('./tower-bearer.d.ts').ErrorKind} ErrorKind */
/** @typedef {import('./tower-bearer.d.ts').AuthError} AuthErrorType */
/** @typedef {import('./tower-bearer.d.ts').Client} ClientType */
/** @typedef {{ steady: number, wall: number }} Moment */
/**
 * `jkt` is the thumbprint of the key that the tokens are bound to, if they are.
 * @typedef {{ access: string, refresh: string | null, lifetime: number, jkt: string | null }} Tokens
 */
/** @typedef {{ jkt: string, jwk: JsonWebKey, secret: CryptoKey }} ProofKey */
/** @typedef {Tokens & { age: number, sent: number }} Handed */
/** @typedef {{ kind: ErrorKind, message: string, status: number | null, code: string | null }} Told */
/**
 * @typedef {{ kind: 'login' | 'token', tokens: Handed }
 *   | { kind: 'ended', sid: string | undefined, reason: Reason }
 *   | { kind: 'failed', error: Told, wait: number }
 *   | { kind: 'device_bound', sid: string | undefined }
 *   | { kind: 'ask' }} Message
 */

const SECOND = 1000;

/** The share of a token's life after which it is refreshed, and the random part that is taken off. */
const REFRESH_AT = 0.8;
const JITTER = 0.1;

/** How often a refresh asks where none has failed before, and the longest `Retry-After` that it sits out. */
const ATTEMPTS = 3;
const PATIENCE = 5 * SECOND;

/** What may be over with the next attempt. WebKit takes an answer that was broken off for a whole one,
 * which is malformed then.
 * @type {ErrorKind[]} */
const PASSING = ['unreachable', 'timeout', 'unavailable', 'malformed'];

/** The pause after a refresh that has failed: the first, the longest, the longest on request. */
const FIRST_PAUSE = SECOND;
const LONGEST_PAUSE = 60 * SECOND;
const LONGEST_RETRY_AFTER = 300 * SECOND;

/** A server that refuses whatever token it gets makes nobody refresh in a loop. */
const BETWEEN_REFUSALS = 10 * SECOND;

/** How often a visible page looks whether it has slept. */
const TICK = 20 * SECOND;

/** How long a tab waits for the lock, and then for what the tab before has to tell. */
const LOCK_PATIENCE = 15 * SECOND;
const NEWS_PATIENCE = SECOND;

/** How long a new tab waits for the tokens of the others, where they are nowhere else. */
const ASK_PATIENCE = 300;

/** How long the lock is kept after the work, so that the news are there before the next one is in. */
const LINGER = 50;

const LONGEST_ANSWER = 64 * 1024;

/** The `reason` that the token endpoint gives for `invalid_request` where it got no token at all. A
 * token that it could not read, or a body that was cut off, ends nothing. */
const NO_TOKEN = 'no_token';

/** Its `reason` for 403 `access_denied` where the browser refreshes the session by itself. */
const DEVICE_BOUND = 'device_bound';

/** Where the keys are, one for each name of a client, and how long that may take to answer. */
const DATABASE = 'tower-bearer';
const KEYS = 'keys';
const KEY_PATIENCE = 10 * SECOND;

/** What may be sent again when it may have been done already. */
const HARMLESS = ['GET', 'HEAD', 'OPTIONS'];

/** A clock that is less wrong than that is not why a proof was refused: a `Date` has whole seconds, and
 * travels. */
const CLOCK_SLACK = 5 * SECOND;

const NO_KEY =
  'dpop: there is no key, as this page has no SubtleCrypto or no IndexedDB. Serve it over HTTPS or from ' +
  'localhost, and have the browser keep the data of this site, as some do not in private windows. With ' +
  'dpop: "optional" such a page does without.';

/** All that is wrong with a cookie looks the same from here: the login works, the refresh does not. */
const COOKIE_IS_GONE =
  'tower-bearer: signed out, as the token endpoint has received no refresh cookie. Was it removed? ' +
  'Is this page on HTTPS or localhost? Does the cookie’s Path lead to tokenUrl? Was the cookie given ' +
  'to the endpoint? RUST_LOG=tower_bearer=debug tells more on the server.';

/** @implements {AuthErrorType} */
export class AuthError extends Error {
  name = 'AuthError';

  /**
   * @param {ErrorKind} kind
   * @param {string} message
   * @param {{ reason?: Reason, status?: number | null, code?: string | null,
   *   retryAfter?: number | null, cause?: unknown }} [more]
   */
  constructor(kind, message, more = {}) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined);
    this.kind = kind;
    this.reason = more.reason ?? null;
    this.status = more.status ?? null;
    this.code = more.code ?? null;
    this.retryAfter = more.retryAfter ?? null;
  }
}

/** @param {Reason} reason */
const signedOut = (reason) => new AuthError('signed_out', `signed out: ${reason}`, { reason });

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const ignore = () => {};

/** @returns {Moment} */
const now = () => ({ steady: performance.now(), wall: Date.now() });

/** Milliseconds since then. The steady clock may stand still while the machine sleeps.
 * @param {Moment} then */
const since = (then) => Math.max(performance.now() - then.steady, Date.now() - then.wall);

/** What a JWT says; nothing where it is none. @param {string} token @returns {Claims} */
function claimsOf(token) {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
    const claims = JSON.parse(text);
    return claims !== null && typeof claims === 'object' ? claims : {};
  } catch {
    return {};
  }
}

/** An access token, what came with it, and how old it is. */
class Held {
  /** @param {Tokens} tokens @param {Moment} asked when the token was asked for
   * @param {ProofKey | null | Promise<ProofKey | null>} key that the tokens are bound to */
  constructor(tokens, asked, key) {
    this.tokens = tokens;
    this.asked = asked;
    this.key = key;
    this.claims = claimsOf(tokens.access);
    this.refreshAt = tokens.lifetime * (REFRESH_AT - JITTER * Math.random());
  }

  /** From another tab, whose steady clock started at another time.
   * @param {Handed} tokens @param {Promise<ProofKey | null>} key */
  static handed({ age, sent, ...tokens }, key) {
    const old = age + Math.max(0, Date.now() - sent);
    const { steady, wall } = now();
    return new Held(tokens, { steady: steady - old, wall: wall - old }, key);
  }

  /** @returns {Handed} */
  toHand() {
    return { ...this.tokens, age: since(this.asked), sent: Date.now() };
  }

  get left() {
    return this.tokens.lifetime - since(this.asked);
  }

  /** Whether it will still be good when it arrives. */
  get isUsable() {
    return this.left > Math.min(SECOND, this.tokens.lifetime / 10);
  }

  get dueIn() {
    return this.refreshAt - since(this.asked);
  }

  /** @param {Held} other */
  isOlderThan({ claims }) {
    const { sid, gen } = this.claims;
    return sid !== undefined && sid === claims.sid && Number(gen) < Number(claims.gen);
  }

  /** Whether both say whose they are, and it is not the same user. @param {Held | null} other */
  isOfAnotherThan(other) {
    const [own, theirs] = [this.claims.sub, other?.claims.sub];
    return own !== undefined && theirs !== undefined && own !== theirs;
  }
}

/** The other tabs: at most one of them all is at work, and what it finds out it tells the rest. */
class Tabs {
  /** How often another tab has told something. */
  count = 0;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #news = new EventTarget();
  /** Ends when the page is left for another. */
  #stay = new AbortController();
  #returned = new EventTarget();
  #name;
  #heed;

  /** @param {string} name @param {(message: Message) => void} heed */
  constructor(name, heed) {
    this.#name = name;
    this.#heed = heed;
    this.open();
  }

  open() {
    if (this.#channel || !('BroadcastChannel' in globalThis)) return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => {
      this.count += 1;
      this.#heed(data);
      this.#news.dispatchEvent(new Event('news'));
    };
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
  }

  /** Nobody waits for a page that may never be back. */
  leave() {
    this.close();
    this.#stay.abort();
  }

  back() {
    this.open();
    if (!this.#stay.signal.aborted) return;
    this.#stay = new AbortController();
    this.#returned.dispatchEvent(new Event('back'));
  }

  /** @param {Message} message */
  tell(message) {
    this.#channel?.postMessage(message);
  }

  /** Until another tab has told something, for so long at most. @param {number} patience */
  async news(patience) {
    const told = new Promise((resolve) => {
      this.#news.addEventListener('news', resolve, { once: true });
    });
    if (this.#channel) await Promise.race([told, sleep(patience)]);
  }

  async #isBack() {
    if (!this.#stay.signal.aborted) return;
    await new Promise((resolve) => {
      this.#returned.addEventListener('back', resolve, { once: true });
    });
  }

  /**
   * Does the work while no other tab does any. `waited` tells whether one did. Where the page is left
   * the lock is given up, and asked for again after that if the work has not begun.
   * @template T
   * @param {(waited: boolean) => Promise<T>} work
   * @returns {Promise<T>}
   */
  alone(work) {
    const { locks } = navigator;
    if (!locks) return work(false);
    return new Promise((resolve) => {
      /** @type {Promise<T> | undefined} */
      let done;
      /** @param {boolean} waited */
      const start = (waited) => resolve((done ??= work(waited)));
      /** @param {boolean} waited @returns {(lock: Lock | null) => Promise<boolean>} */
      const inside = (waited) => async (lock) => {
        if (!lock) return false;
        start(waited);
        await Promise.race([done?.catch(ignore).then(() => sleep(LINGER)), left(this.#stay.signal)]);
        return true;
      };
      const enter = async () => {
        await this.#isBack();
        if (await locks.request(this.#name, { ifAvailable: true }, inside(false))) return;
        const stay = this.#stay.signal;
        try {
          await locks.request(this.#name, { signal: sooner(stay, LOCK_PATIENCE) }, inside(true));
        } catch (cause) {
          if (done || !stay.aborted) throw cause;
          await enter();
        }
      };
      // A tab that hangs must not sign the others out: the server bears two at once.
      enter().catch(() => start(true));
    });
  }
}

/** Once the signal is aborted. @param {AbortSignal} signal @returns {Promise<unknown>} */
const left = (signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', resolve, { once: true });
  });

/** Aborted with that signal, or after so many milliseconds. @param {AbortSignal} signal
 * @param {number} patience */
function sooner(signal, patience) {
  const either = new AbortController();
  const abort = () => either.abort();
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  setTimeout(abort, patience);
  return either.signal;
}

/** @param {Response} response */
function retryAfter({ headers }) {
  const text = headers.get('retry-after')?.trim();
  if (!text) return null;
  const date = Date.parse(headers.get('date') ?? '') || Date.now();
  const wait = /^\d+$/.test(text) ? Number(text) * SECOND : Date.parse(text) - date;
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), LONGEST_RETRY_AFTER);
}

/**
 * Its own pause, less a random part of up to a half. What the server has told is waited out, and then a
 * random part of up to a half of the longer of both, so that those who were told the same do not come
 * together.
 * @param {number} own @param {number | null} told
 */
function pauseOf(own, told) {
  const half = Math.max(own, told ?? 0) / 2;
  return Math.max(half, told ?? 0) + half * Math.random();
}

/** @param {string} text @returns {Record<string, unknown> | null} */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** As some servers write them: missing, null or in a string. @param {unknown} value */
function secondsOf(value) {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'string' && /^\d+$/.test(value)) return Number(value);
  return typeof value === 'number' && Number.isFinite(value) ? Math.floor(value) : NaN;
}

/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text);

/** @param {ArrayBuffer | Uint8Array<ArrayBuffer>} bytes */
function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} text */
const sha256 = async (text) => base64url(await crypto.subtle.digest('SHA-256', utf8(text)));

/** A key that no script can read, this one included. @returns {Promise<ProofKey>} */
async function makeKey() {
  const kind = { name: 'ECDSA', namedCurve: 'P-256' };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(kind, false, ['sign']);
  const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  // These members, in this order: they are what the thumbprint is made of (RFC 7638 §3.2).
  const jwk = { crv, kty, x, y };
  return { jkt: await sha256(JSON.stringify(jwk)), jwk, secret: privateKey };
}

/** @returns {Promise<IDBDatabase>} */
const openKeys = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => void request.result.createObjectStore(KEYS);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    setTimeout(() => reject(new Error('IndexedDB does not answer')), KEY_PATIENCE);
  });

/** The key that the tabs share, in IndexedDB. It is opened for one piece of work at a time, as a page
 * with an open database may be kept out of the back/forward cache. */
class KeyStore {
  #name;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /** @returns {Promise<ProofKey | null>} */
  async read() {
    return (await this.#do('readonly', (keys) => keys.get(this.#name))) ?? null;
  }

  /** @param {ProofKey} key */
  async write(key) {
    await this.#do('readwrite', (keys) => keys.put(key, this.#name));
  }

  /** Fails where the key could not be written. @param {ProofKey} key */
  async check(key) {
    const unused = [this.#name, 'new'];
    await this.#do('readwrite', (keys) => {
      keys.put(key, unused);
      return keys.delete(unused);
    });
  }

  /** That key only: there may be one of a later login. @param {string} jkt */
  async remove(jkt) {
    await this.#do('readwrite', (keys) => {
      const found = keys.get(this.#name);
      found.onsuccess = () => found.result?.jkt === jkt && keys.delete(this.#name);
      return found;
    });
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(keys: IDBObjectStore) => IDBRequest<T>} work
   * @returns {Promise<T>}
   */
  async #do(mode, work) {
    const database = await openKeys();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(KEYS, mode);
        const request = work(transaction.objectStore(KEYS));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  }
}

/** Proves with each request that it comes from where the key is (RFC 9449). */
class Prover {
  #options;
  #store;
  /** @type {string | undefined} the thumbprint of the key that was last seen in the store */
  #kept;
  /** @type {Map<string, string>} what the servers want to see in the next proof */
  #nonces = new Map();
  /** @type {Map<string, number>} how far this machine's clock is behind that of each origin */
  #behind = new Map();

  /** @param {Required<Options>} options */
  constructor(options) {
    this.#options = options;
    this.#store = new KeyStore(options.name);
  }

  /** A key for the next session, if it can be kept. */
  forLogin() {
    return this.#unlessImpossible(async () => {
      const key = await makeKey();
      await this.#store.check(key);
      return key;
    });
  }

  /** A key that no session is bound to. */
  another() {
    return this.#unlessImpossible(makeKey);
  }

  stored() {
    return this.#unlessImpossible(async () => {
      const key = await this.#store.read();
      this.#kept = key?.jkt;
      return key;
    });
  }

  /** For the other tabs, and for this one when it is loaded again. Where that fails it is good for as long
   * as this tab is open. @param {ProofKey | null} key */
  async keep(key) {
    if (!key || key.jkt === this.#kept) return;
    const write = this.#store.write(key).then(() => (this.#kept = key.jkt));
    await write.catch(ignore);
  }

  /** Its session is over. @param {string} [jkt] */
  async forget(jkt = this.#kept) {
    if (jkt === this.#kept) this.#kept = undefined;
    if (jkt) await this.#store.remove(jkt).catch(ignore);
  }

  /** Nothing without `dpop`, or where it is optional and the browser has no keys.
   * @template T @param {() => Promise<T>} work */
  async #unlessImpossible(work) {
    const { dpop } = this.#options;
    if (!dpop) return null;
    try {
      return await work();
    } catch (cause) {
      if (dpop === 'optional') return null;
      throw new AuthError('no_key', NO_KEY, { cause });
    }
  }

  /**
   * Sends it with the token, if any, and with a proof where there is a key. What is refused for its proof
   * has done nothing, so it may go once more with the nonce that the server wants, and once more by the
   * server's clock. But where the network has sent it twice, only the second one was refused, as its
   * proof was used: it goes once more with another proof if it does no harm to do it twice.
   * @param {Request} request
   * @param {{ key: ProofKey | null, tokens?: Tokens, isRepeatable?: boolean, isHarmless?: boolean }} how
   */
  async send(request, { key, tokens, isRepeatable = true, isHarmless = HARMLESS.includes(request.method) }) {
    const { fetch } = this.#options;
    const isBound = Boolean(tokens?.jkt);
    const access = tokens?.access;
    if (isBound && !key) throw new AuthError('no_key', NO_KEY);
    if (access) request.headers.set('authorization', `${isBound ? 'DPoP' : 'Bearer'} ${access}`);
    if (!key || (access && !isBound)) return fetch(request);
    const mended = new Set();
    for (let next = request; ; ) {
      const again = isRepeatable ? next.clone() : null;
      next.headers.set('dpop', await this.#proof(next, key, access));
      const response = await fetch(next);
      const mend = await this.#mend(next, response, { access, isHarmless });
      if (!again || !mend || mended.has(mend)) return response;
      mended.add(mend);
      next = again;
    }
  }

  /** @param {Request} request @param {ProofKey} key @param {string} [access] */
  async #proof(request, key, access) {
    const { origin, pathname } = new URL(request.url);
    const behind = this.#behind.get(origin) ?? 0;
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk };
    const claims = {
      jti: crypto.randomUUID(),
      htm: request.method,
      htu: origin + pathname,
      iat: Math.floor((Date.now() + behind) / SECOND),
      ath: access && (await sha256(access)),
      nonce: this.#nonces.get(placeOf(request, access)),
    };
    const signed = [header, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join('.');
    const how = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = await crypto.subtle.sign(how, key.secret, utf8(signed));
    return `${signed}.${base64url(signature)}`;
  }

  /** What will be better about the next proof, where this one was refused.
   * @param {Request} request @param {Response} response
   * @param {{ access: string | undefined, isHarmless: boolean }} how */
  async #mend(request, response, { access, isHarmless }) {
    const nonce = response.headers.get('dpop-nonce');
    if (nonce) this.#nonces.set(placeOf(request, access), nonce);
    const error = await proofError(response, access);
    if (error === 'use_dpop_nonce' && nonce) return 'nonce';
    if (error !== 'invalid_dpop_proof') return null;
    if (this.#setClock(request, response)) return 'clock';
    return isHarmless ? 'used' : null;
  }

  /** Whether the server has told another time than proofs have gone by.
   * @param {Request} request @param {Response} response */
  #setClock({ url }, { headers }) {
    const { origin } = new URL(url);
    const behind = Date.parse(headers.get('date') ?? '') - Date.now();
    const isWrong = Math.abs(behind - (this.#behind.get(origin) ?? 0)) >= CLOCK_SLACK;
    if (isWrong) this.#behind.set(origin, behind);
    return isWrong;
  }
}

/** An API's nonces are not those of the token endpoint, even at the same origin (RFC 9449 §9).
 * @param {Request} request @param {string} [access] */
const placeOf = ({ url }, access) => `${access ? 'api' : 'auth'} ${new URL(url).origin}`;

/** The error of an API is in its challenge (RFC 9449 §7.1), that of a token endpoint in its body (§5).
 * @param {Response} response @param {string} [access] */
async function proofError(response, access) {
  const { status, headers } = response;
  if (status !== 400 && status !== 401) return null;
  const challenge = headers.get('www-authenticate') ?? '';
  if (access) return /\bDPoP\b.*?\berror="?(\w+)/is.exec(challenge)?.[1] ?? null;
  // Who reads the answer itself will see what is wrong with it.
  return parsed(await response.clone().text().catch(() => ''))?.error ?? null;
}

/** What speaks to the server about tokens. */
class Endpoint {
  #options;
  #prover;

  /** @param {Required<Options>} options @param {Prover} prover */
  constructor(options, prover) {
    this.#options = options;
    this.#prover = prover;
  }

  /** @param {unknown} credentials @param {ProofKey | null} key @returns {Promise<Tokens>} */
  async login(credentials, key) {
    const { loginUrl: url, dpop } = this.#options;
    const tokens = this.#tokens(await this.#post(url, credentials, key), key);
    const wrong =
      dpop === true && !tokens.jkt
        ? 'the session is not bound, as dpop: true wants it. Does the login check the proof?'
        : this.#misplaced(tokens);
    if (wrong) throw new AuthError('malformed', `${url}: ${wrong}`);
    return tokens;
  }

  /** A session that would be over with its first access token is none to begin with.
   * @param {Tokens} tokens */
  #misplaced({ refresh }) {
    if (this.#options.mode === 'cookie') {
      return refresh && 'a refresh_token in the body, which mode: "cookie" has in a cookie';
    }
    return !refresh && 'no refresh_token in the body, where mode: "body" needs it';
  }

  /** @param {string | null} token @param {ProofKey | null} key @returns {Promise<Tokens>} */
  async refresh(token, key) {
    const inCookie = this.#options.mode === 'cookie';
    if (!inCookie && token === null) throw signedOut('no_session');
    try {
      const body = inCookie ? {} : { refresh_token: token };
      return this.#tokens(await this.#post(this.#options.tokenUrl, body, key), key);
    } catch (cause) {
      if (!(cause instanceof AuthError)) throw cause;
      const { code, cause: said } = cause;
      if (code === 'invalid_grant') throw signedOut('session_ended');
      if (code === 'invalid_request' && said === NO_TOKEN) throw signedOut('no_session');
      throw cause;
    }
  }

  /** Whether the server has said that the browser refreshes the session by itself. @param {unknown} error */
  isLeftToBrowser(error) {
    const isSaid = error instanceof AuthError && error.status === 403 && error.cause === DEVICE_BOUND;
    return isSaid && this.#options.mode === 'cookie';
  }

  /** Without tokens a cookie says whose session it is.
   * @param {string} url @param {Tokens} [tokens] @param {ProofKey | null} [key] */
  async leave(url, tokens, key = null) {
    await this.#post(url, {}, key, tokens);
  }

  /**
   * @param {string} url
   * @param {unknown} body
   * @param {ProofKey | null} key
   * @param {Tokens} [tokens]
   */
  async #post(url, body, key, tokens) {
    const { mode, timeout, tokenUrl } = this.#options;
    const signal = AbortSignal.timeout(timeout);
    const request = new Request(url, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(body),
      credentials: mode === 'cookie' ? 'include' : 'same-origin',
      cache: 'no-store',
      redirect: 'manual',
      keepalive: true,
      signal,
    });
    try {
      // A refresh that was done already is redelivered.
      const isHarmless = url === tokenUrl;
      const response = await this.#prover.send(request, { key, tokens, isHarmless });
      return { url, ...this.#checked(url, response, await response.text()) };
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      if (signal.aborted) throw new AuthError('timeout', `${url}: no answer in time`, { cause });
      throw new AuthError('unreachable', `${url}: no answer`, { cause });
    }
  }

  /** The answer, unless it is an error.
   * @param {string} url @param {Response} response @param {string} text */
  #checked(url, response, text) {
    const { status, type } = response;
    if (type === 'opaqueredirect') throw new AuthError('redirected', `${url}: redirected`);
    if (status >= 500 || status === 408 || status === 429) {
      const more = { status, retryAfter: retryAfter(response) };
      throw new AuthError('unavailable', `${url}: status ${status}`, more);
    }
    if (response.ok) return { response, text };
    const { error, error_description: why, reason: cause } = parsed(text) ?? {};
    if (typeof error !== 'string') {
      throw new AuthError('status', `${url}: status ${status}`, { status });
    }
    const more = { status, code: error, cause };
    throw new AuthError('refused', `${url}: ${error}: ${why ?? status}`, more);
  }

  /** Reads an answer as RFC 6749 §5.1 and RFC 9449 §5 have it.
   * @param {{ url: string, response: Response, text: string }} answer
   * @param {ProofKey | null} key that was proved when it was asked for */
  #tokens({ url, response, text }, key) {
    const { status } = response;
    const malformed = (/** @type {string} */ what) =>
      new AuthError('malformed', `${url}: not a token answer: ${what}`, { status });
    const type = response.headers.get('content-type') ?? '';
    if (!/^application\/json\s*(;|$)/i.test(type)) throw malformed(`its type is "${type}"`);
    if (text.length > LONGEST_ANSWER) throw malformed('too long');
    const { access_token: access, token_type, expires_in, refresh_token } = parsed(text) ?? {};
    if (typeof access !== 'string' || !/^[\w.~+/-]+=*$/.test(access)) {
      throw malformed('access_token');
    }
    const scheme = typeof token_type === 'string' ? token_type.toLowerCase() : '';
    if (scheme !== 'bearer' && !(scheme === 'dpop' && key)) throw malformed('token_type');
    if (refresh_token !== undefined && typeof refresh_token !== 'string') {
      throw malformed('refresh_token');
    }
    const seconds = secondsOf(expires_in);
    if (Number.isNaN(seconds)) throw malformed('expires_in');
    const lifetime = seconds > 0 ? seconds * SECOND : this.#options.defaultLifetime;
    const jkt = scheme === 'dpop' && key ? key.jkt : null;
    return { access, refresh: refresh_token || null, lifetime, jkt };
  }
}

/** Whether the API says that the token is the fault (RFC 6750 §3.1). @param {Response} response */
function refusesToken({ status, headers }) {
  const challenge = headers.get('www-authenticate') ?? '';
  return status === 401 && /\b(Bearer|DPoP)\b.*\berror="?invalid_token\b/is.test(challenge);
}

/** Waits no longer than the caller wants to. @template T @param {Promise<T>} work
 * @param {AbortSignal} signal @returns {Promise<T>} */
function unlessAborted(work, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** @implements {ClientType} */
class Client {
  /** @type {State['status']} */
  #status = 'starting';
  /** @type {Reason | null} */
  #reason = null;
  /** @type {Held | null} */
  #held = null;
  /** @type {Held | null} what it held when it was left for another page: not to go by any more */
  #before = null;
  /** Whether the browser refreshes the session, and its requests go without a token. */
  #isDeviceBound = false;
  /** Counts logins, logouts and leaves: what a refresh brings after one is for nobody. */
  #epoch = 0;
  /** @type {string | undefined} the session that ended last; nobody may bring it back */
  #ended;
  /** @type {Held | null} the session that was left, until the server has heard of it */
  #left = null;
  /** @type {Promise<void> | undefined} until the key of the session that ended is deleted */
  #forgetting;

  /** @type {Promise<Held | null> | null} the refresh that is under way */
  #flight = null;
  /** @type {{ error: AuthError, from: Moment, wait: number } | null} */
  #pause = null;
  #failures = 0;
  /** @type {Moment | null} when a refused token last caused a refresh */
  #refused = null;

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #listening = new AbortController();
  #events = new EventTarget();
  #options;
  #prover;
  #endpoint;
  #tabs;

  /** @param {Required<Options>} options */
  constructor(options) {
    this.#options = options;
    this.#prover = new Prover(options);
    this.#endpoint = new Endpoint(options, this.#prover);
    this.#tabs = new Tabs(`tower-bearer/1/${options.name}`, (message) => this.#heed(message));
    this.#listen();
  }

  get state() {
    const known = this.#isDeviceBound ? this.#before : this.#held;
    return {
      status: this.#status,
      reason: this.#reason,
      claims: known?.claims ?? null,
      boundTo: this.#boundTo,
      expiresIn: this.#held && Math.max(this.#held.left, 0),
      trouble: this.#pause?.error ?? null,
    };
  }

  /** @returns {State['boundTo']} */
  get #boundTo() {
    if (this.#isDeviceBound) return 'device';
    return this.#held?.tokens.jkt ? 'key' : null;
  }

  /** @param {RequestInfo | URL} input @param {RequestInit} [init] */
  async authFetch(input, init) {
    const { fetch } = this.#options;
    const request = new Request(input, init);
    if (!this.#isOurs(request)) return fetch(request);
    const again = init?.body instanceof ReadableStream ? null : request.clone();
    const user = this.#known?.claims.sub;
    const held = await unlessAborted(this.#token(), request.signal);
    if (!held) return this.#fetchByCookie(request);
    if (user !== undefined && user !== held.claims.sub) {
      throw new AuthError('other_user', 'somebody else has signed in');
    }
    const response = await this.#fetchWith(held, request, again !== null);
    if (!again || !refusesToken(response)) return response;
    const next = await unlessAborted(this.#instead(held), request.signal);
    if (!next || next.claims.sub !== held.claims.sub) return response;
    return this.#fetchWith(next, again, true);
  }

  /** @param {Held} held @param {Request} request @param {boolean} isRepeatable */
  async #fetchWith({ tokens, key }, request, isRepeatable) {
    return this.#prover.send(request, { key: await key, tokens, isRepeatable });
  }

  /** The browser has put the token into a cookie. Only the token endpoint says whether a refusal is the
   * end. @param {Request} request */
  async #fetchByCookie(request) {
    const response = await this.#options.fetch(new Request(request, { credentials: 'include' }));
    if (response.status === 401) await unlessAborted(this.#instead(null), request.signal);
    return response;
  }

  /** @param {unknown} credentials */
  login(credentials) {
    return this.#tabs.alone(async () => {
      const asked = now();
      const key = await this.#prover.forLogin();
      const tokens = await this.#endpoint.login(credentials, key);
      if (tokens.jkt) await this.#prover.keep(key);
      const held = new Held(tokens, asked, key);
      this.#signIn(held);
      this.#tabs.tell({ kind: 'login', tokens: held.toHand() });
      return held.claims;
    });
  }

  async resume() {
    // What is under way was for the session that has ended.
    if (this.#status === 'signed_out') await this.#flight?.catch(ignore);
    if (this.#status === 'signed_out') {
      this.#status = 'starting';
      this.#ended = undefined;
    }
    try {
      await this.#token();
      return true;
    } catch (error) {
      if (error instanceof AuthError && error.kind === 'signed_out') return false;
      throw error;
    }
  }

  logout() {
    return this.#leave(this.#options.logoutUrl);
  }

  logoutEverywhere() {
    return this.#leave(this.#options.logoutEverywhereUrl);
  }

  /** @param {(reason: Reason) => void} callback */
  onSignedOut(callback) {
    return this.#on('signed_out', () => this.#reason && callback(this.#reason));
  }

  /** @param {(state: State) => void} callback */
  onChange(callback) {
    return this.#on('change', () => callback(this.state));
  }

  close() {
    this.#listening.abort();
    this.#tabs.close();
    clearTimeout(this.#timer);
  }

  /** @param {string} event @param {() => void} callback */
  #on(event, callback) {
    this.#events.addEventListener(event, callback);
    return () => this.#events.removeEventListener(event, callback);
  }

  /** @param {Request} request */
  #isOurs({ url, headers }) {
    return this.#options.origins.includes(new URL(url).origin) && !headers.has('authorization');
  }

  get #known() {
    return this.#held ?? this.#before;
  }

  /** A token to go by, or nothing where the browser sees to it. */
  async #token() {
    const held = this.#held;
    if (this.#isDeviceBound) return null;
    if (!held?.isUsable) return this.#refresh();
    if (held.dueIn <= 0) this.#refresh().catch(ignore);
    return held;
  }

  /** Another token than the refused one, if there is one to be had. @param {Held | null} refused */
  async #instead(refused) {
    if (this.#held !== refused && this.#held?.isUsable) return this.#held;
    if (this.#flight) return this.#flight;
    if (this.#refused && since(this.#refused) < BETWEEN_REFUSALS) return null;
    this.#refused = now();
    return this.#refresh();
  }

  /** One refresh for all who ask for one. Nobody who stops waiting cancels it.
   * @returns {Promise<Held | null>} */
  async #refresh() {
    if (this.#status === 'signed_out') throw this.#signedOut();
    if (this.#flight) return this.#flight;
    const flight = this.#fly().finally(() => {
      if (this.#flight === flight) this.#flight = null;
    });
    this.#flight = flight;
    return flight;
  }

  async #fly() {
    const before = this.#held;
    const wasDeviceBound = this.#isDeviceBound;
    const { count } = this.#tabs;
    this.#mayRefresh();
    return this.#tabs.alone(async (waited) => {
      const isNews = () => this.#held !== before || this.#tabs.count !== count;
      if (waited && !isNews()) await this.#tabs.news(NEWS_PATIENCE);
      const isElsewhere = this.#options.mode === 'body' || this.#before;
      if (isElsewhere && !this.#held && !this.#isDeviceBound) await this.#ask();
      if (this.#held && this.#held !== before && this.#held.isUsable) return this.#held;
      if (this.#isDeviceBound && !wasDeviceBound) return null;
      this.#mayRefresh();
      return this.#exchange();
    });
  }

  /** For the tokens that the other tabs have, and for what a page has missed that was away. */
  async #ask() {
    this.#tabs.tell({ kind: 'ask' });
    await this.#tabs.news(ASK_PATIENCE);
  }

  #mayRefresh() {
    if (this.#status === 'signed_out') throw this.#signedOut();
    if (this.#pause && this.#pauseLeft > 0) throw this.#pause.error;
  }

  get #pauseLeft() {
    return this.#pause ? this.#pause.wait - since(this.#pause.from) : 0;
  }

  /** The server may have rotated and its answer be lost: it is asked again with the same token. After a
   * refresh that has failed the next one does that, so that a server in trouble gets no more than a request
   * for each pause. */
  async #exchange() {
    const epoch = this.#epoch;
    // Back on the network there is no wait any more, and what failed before says nothing.
    const attempts = this.#pause?.wait ? 1 : ATTEMPTS;
    for (let attempt = 1; ; attempt += 1) {
      const asked = now();
      try {
        const before = this.#held;
        const key = await this.#key(this.#known);
        const tokens = await this.#endpoint.refresh(this.#known?.tokens.refresh ?? null, key);
        if (epoch === this.#epoch && tokens.jkt) await this.#prover.keep(key);
        if (epoch === this.#epoch) this.#land(new Held(tokens, asked, key), before);
        return this.#current();
      } catch (cause) {
        if (epoch !== this.#epoch) return this.#current();
        if (!(cause instanceof AuthError)) throw cause;
        if (this.#endpoint.isLeftToBrowser(cause)) return this.#isDeviceBoundNow();
        const isToldLonger = (cause.retryAfter ?? 0) > PATIENCE;
        const isPassing = PASSING.includes(cause.kind);
        if (!isPassing || attempt === attempts || isToldLonger) throw this.#fail(cause);
        await sleep(pauseOf(2 ** attempt * 200, cause.retryAfter));
        if (epoch !== this.#epoch) return this.#current();
      }
    }
  }

  /**
   * The key of the session that is to be refreshed. With a cookie that is the stored one, as another tab may
   * have logged in unheard. Where it is lost, another one has the server say that the session is over.
   * @param {Held | null} known
   */
  async #key(known) {
    const own = (await known?.key) ?? null;
    if (this.#options.mode === 'body') return known?.tokens.jkt ? (own ?? this.#prover.another()) : null;
    try {
      return (await this.#prover.stored()) ?? own ?? (await this.#prover.another());
    } catch (cause) {
      if (!own) throw cause;
      return own;
    }
  }

  /** @param {Held} next @param {Held | null} before */
  #land(next, before) {
    next.tokens.refresh ??= this.#known?.tokens.refresh ?? null;
    if (next.isOfAnotherThan(this.#known)) return this.#isSwapped(next);
    const isTaken = this.#take(next);
    if (isTaken) this.#tabs.tell({ kind: 'token', tokens: next.toHand() });
    // A newer one may have come from another tab meanwhile.
    const isNone = !isTaken && this.#held === before;
    if (isNone || !this.#held?.isUsable) throw new AuthError('malformed', 'a token that is of no use');
  }

  /** What a login, a logout or a leave has left, in the midst of a refresh. */
  async #current() {
    return this.#held ?? (this.#isDeviceBound ? null : this.#refresh());
  }

  /** The server has said that this page is not to refresh. */
  #isDeviceBoundNow() {
    this.#leaveToBrowser();
    this.#tabs.tell({ kind: 'device_bound', sid: this.#known?.claims.sid });
    return null;
  }

  #leaveToBrowser() {
    this.#before = this.#known;
    this.#held = null;
    this.#isDeviceBound = true;
    this.#isWell();
  }

  /** Without a login the user stays the same: the cookie was planted, or its server errs. What it
   * brought is for nobody, in no tab. But a page that is back from the browser's cache may have
   * missed a login, so it speaks for itself only. @param {Held} other */
  #isSwapped({ claims: { sid } }) {
    const isBack = !this.#held;
    if (!isBack) this.#tabs.tell({ kind: 'ended', sid, reason: 'other_user' });
    this.#end('other_user', isBack);
  }

  #signedOut() {
    return signedOut(this.#reason ?? 'no_session');
  }

  /** Everybody gets this failure until the pause is over. @param {AuthError} error */
  #fail(error) {
    if (error.kind === 'signed_out') {
      // When the browser's own refresh meets a session that is over, the server removes the cookies.
      if (error.reason === 'no_session' && this.#isDeviceBound) error = signedOut('session_ended');
      if (error.reason === 'no_session' && this.#held) console.warn(COOKIE_IS_GONE);
      // A stored key of nobody whom this page knows is that of the session that is over.
      if (!this.#known) this.#prover.forget();
      this.#end(error.reason ?? 'session_ended');
      return error;
    }
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures, LONGEST_PAUSE);
    const wait = pauseOf(pause, error.retryAfter);
    const { kind, message, status, code } = error;
    this.#tabs.tell({ kind: 'failed', error: { kind, message, status, code }, wait });
    this.#pauseFor(wait, error);
    return error;
  }

  /** @param {number} wait @param {AuthError} error */
  #pauseFor(wait, error) {
    this.#failures += 1;
    this.#pause = { error, from: now(), wait };
    this.#changed();
  }

  /** @param {Held} held */
  #signIn(held) {
    this.#epoch += 1;
    this.#ended = this.#known?.claims.sid ?? this.#ended;
    this.#held = null;
    this.#before = null;
    this.#refused = null;
    this.#take(held);
  }

  /** Goes by that token from now on, unless it is an older one. @param {Held} held */
  #take(held) {
    if (this.#known && held.isOlderThan(this.#known)) return false;
    this.#held = held;
    this.#before = null;
    this.#isDeviceBound = false;
    this.#isWell();
    return true;
  }

  #isWell() {
    this.#status = 'signed_in';
    this.#reason = null;
    this.#pause = null;
    this.#failures = 0;
    this.#changed();
  }

  /** @param {Reason} reason @param {boolean} [isTold] whether another tab has told of it */
  #end(reason, isTold = false) {
    const sid = this.#known?.claims.sid;
    if (!isTold) this.#tabs.tell({ kind: 'ended', sid, reason });
    if (!isTold && this.#known) this.#forgetting = this.#forgetKey(this.#known);
    if (this.#status === 'signed_out') return;
    this.#epoch += 1;
    this.#ended = sid ?? this.#ended;
    this.#held = null;
    this.#before = null;
    this.#isDeviceBound = false;
    this.#status = 'signed_out';
    this.#reason = reason;
    this.#pause = null;
    this.#changed();
    this.#events.dispatchEvent(new Event('signed_out'));
  }

  /** Once it has been read, as a logout needs it still. @param {Held} known */
  async #forgetKey({ key, tokens }) {
    await key;
    await this.#prover.forget(tokens.jkt ?? undefined);
  }

  /** The page is left and may come back as it is, to somebody else's eyes: it forgets who is in. */
  #forget() {
    if (this.#status === 'signed_out') return;
    this.#epoch += 1;
    this.#flight = null;
    this.#before = this.#known;
    this.#held = null;
    this.#isDeviceBound = false;
    this.#status = 'starting';
    this.#changed();
  }

  /** Signed out here at once; the server hears of it as soon as no refresh is under way.
   * @param {string} url */
  async #leave(url) {
    this.#left = this.#known ?? this.#left;
    this.#end('logged_out');
    const told = this.#tabs.alone(async () => {
      const held = this.#left;
      try {
        if (held?.isUsable && (await this.#leaveWith(url, held))) return;
        await this.#leaveAnew(url, held);
      } catch (cause) {
        // There is nothing left to end.
        if (!(cause instanceof AuthError) || cause.kind !== 'signed_out') throw cause;
      }
      if (this.#left === held) this.#left = null;
      // It was of nobody whom this page knew, and was needed until now.
      if (!held) await this.#prover.forget();
    });
    await Promise.all([told, this.#forgetting]);
  }

  /** With a token that is asked for, or with the browser's cookie where the page gets none.
   * @param {string} url @param {Held | null} held */
  async #leaveAnew(url, held) {
    const key = await this.#key(held);
    try {
      const tokens = await this.#endpoint.refresh(held?.tokens.refresh ?? null, key);
      // Somebody else has signed in meanwhile: that is not for this user to end.
      if (held && held.claims.sub !== claimsOf(tokens.access).sub) return;
      await this.#endpoint.leave(url, tokens, key);
    } catch (cause) {
      if (!this.#endpoint.isLeftToBrowser(cause)) throw cause;
      await this.#endpoint.leave(url);
    }
  }

  /** Whether the server took the token for it: it may have run out, or its session be over.
   * @param {string} url @param {Held} held */
  async #leaveWith(url, { tokens, key }) {
    try {
      await this.#endpoint.leave(url, tokens, await key);
      return true;
    } catch (cause) {
      if (cause instanceof AuthError && cause.status === 401) return false;
      throw cause;
    }
  }

  /** What another tab has told. @param {Message} message */
  #heed(message) {
    switch (message.kind) {
      case 'login': {
        const held = this.#handed(message.tokens);
        const { sid } = held.claims;
        if (sid === undefined || sid !== this.#ended) this.#signIn(held);
        break;
      }
      case 'token':
        this.#heedToken(this.#handed(message.tokens));
        break;
      case 'ended':
        if (!this.#known || this.#known.claims.sid === message.sid) this.#end(message.reason, true);
        break;
      case 'failed': {
        const { kind, message: text, ...more } = message.error;
        const error = new AuthError(kind, text, more);
        if (this.#status !== 'signed_out') this.#pauseFor(message.wait, error);
        break;
      }
      case 'device_bound':
        this.#heedDeviceBound(message.sid);
        break;
      case 'ask': {
        const sid = this.#known?.claims.sid;
        if (this.#held) this.#tabs.tell({ kind: 'token', tokens: this.#held.toHand() });
        else if (this.#isDeviceBound) this.#tabs.tell({ kind: 'device_bound', sid });
      }
    }
  }

  /** @param {Handed} tokens */
  #handed(tokens) {
    return Held.handed(tokens, this.#keyOf(tokens.jkt).catch(() => null));
  }

  /** @param {string | null} jkt */
  async #keyOf(jkt) {
    if (!jkt) return null;
    const known = await this.#known?.key;
    const key = known?.jkt === jkt ? known : await this.#prover.stored();
    return key?.jkt === jkt ? key : null;
  }

  /** @param {string | undefined} sid */
  #heedDeviceBound(sid) {
    const own = this.#known?.claims.sid;
    const isAnother = sid !== undefined && (sid === this.#ended || (own !== undefined && own !== sid));
    if (this.#status !== 'signed_out' && !isAnother) this.#leaveToBrowser();
  }

  /** From a refresh in another tab. @param {Held} held */
  #heedToken(held) {
    const { sid } = held.claims;
    const isLate = sid !== undefined && sid === this.#ended;
    if (this.#status === 'signed_out' || isLate) return;
    if (held.isOfAnotherThan(this.#held)) this.#isSwapped(held);
    else this.#take(held);
  }

  #changed() {
    this.#arm();
    this.#events.dispatchEvent(new Event('change'));
  }

  /** A page that could not find out whether it is signed in goes on trying. */
  get #dueIn() {
    if (this.#held) return this.#held.dueIn;
    return this.#status === 'starting' && this.#failures > 0 ? 0 : Infinity;
  }

  /** Keeps a visible page's token fresh, and looks now and then whether the machine has slept. */
  #arm() {
    clearTimeout(this.#timer);
    if (this.#listening.signal.aborted) return;
    const wait = Math.max(this.#dueIn, this.#pauseLeft, 0);
    const { aborted: isClosed } = this.#listening.signal;
    if (isClosed || wait === Infinity || document.visibilityState === 'hidden') return;
    this.#timer = setTimeout(() => this.#wake(), Math.min(wait, TICK));
  }

  #wake() {
    const isDue = Math.max(this.#dueIn, this.#pauseLeft) <= 0;
    if (isDue && document.visibilityState !== 'hidden') this.#refresh().catch(ignore);
    else this.#arm();
  }

  #listen() {
    const until = { signal: this.#listening.signal };
    const wake = () => this.#wake();
    document.addEventListener('visibilitychange', wake, until);
    document.addEventListener('resume', wake, until);
    const online = () => {
      if (this.#pause) this.#pause.wait = 0;
      this.#wake();
    };
    addEventListener('online', online, until);
    // An open channel would keep the page out of the back/forward cache, and a lock that it takes
    // there keeps all others waiting.
    const away = (/** @type {PageTransitionEvent} */ { persisted }) => {
      this.#tabs.leave();
      if (persisted) this.#forget();
    };
    const back = (/** @type {PageTransitionEvent} */ { persisted }) => {
      this.#tabs.back();
      if (persisted) this.resume().catch(ignore);
    };
    addEventListener('pagehide', away, until);
    addEventListener('pageshow', back, until);
  }
}

/** @returns {Required<Options>} */
const defaults = () => ({
  mode: 'cookie',
  loginUrl: '/auth/login',
  tokenUrl: '/auth/token',
  logoutUrl: '/auth/logout',
  logoutEverywhereUrl: '/auth/logout-all',
  origins: [location.origin],
  name: 'default',
  timeout: 10 * SECOND,
  defaultLifetime: 300 * SECOND,
  dpop: false,
  fetch: (request) => fetch(request),
});

/** What is misspelt would be left out without a word, or be the other mode.
 * @param {Options} options */
function completed(options) {
  const known = defaults();
  const wrong = (/** @type {string} */ what) => new TypeError(`createClient: ${what}`);
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name)) throw wrong(`there is no option "${name}"`);
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const all = { ...known, ...Object.fromEntries(given) };
  if (all.mode !== 'cookie' && all.mode !== 'body') throw wrong('mode is "cookie" or "body"');
  if (![true, false, 'optional'].includes(all.dpop)) throw wrong('dpop is true, false or "optional"');
  if (!Array.isArray(all.origins)) throw wrong('origins is a list');
  for (const text of all.origins) {
    if (originOf(text) !== text) throw wrong(`an origin is as "https://api.example", not "${text}"`);
  }
  return all;
}

/** @param {string} text */
function originOf(text) {
  try {
    return new URL(text).origin;
  } catch {
    return null;
  }
}

/** @param {Options} [options] @returns {ClientType} */
export function createClient(options = {}) {
  return new Client(completed(options));
}
