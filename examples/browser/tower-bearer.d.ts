/**
 * Makes the client of one session. A page makes one, and closes it if it ever needs another.
 *
 * Throws a `TypeError` for an option that does not exist or cannot be used.
 */
export function createClient(options?: Options): Client;

export interface Options {
  /** Where the refresh token is. `cookie`, the default: in an HttpOnly cookie, out of reach of every
   * script. `body`, for servers that cannot set one: in this page's memory, and in that of the
   * other tabs; gone once the last of them is closed or reloaded. */
  mode?: 'cookie' | 'body';
  /** Takes the user's credentials as JSON and answers with tokens (default `/auth/login`). */
  loginUrl?: string;
  /** The token endpoint (default `/auth/token`). */
  tokenUrl?: string;
  /** Ends the session of the access token that it is called with (default `/auth/logout`). */
  logoutUrl?: string;
  /** Ends all sessions of the user (default `/auth/logout-all`). */
  logoutEverywhereUrl?: string;
  /** Whose requests get the access token (default: the page's own origin). For an API elsewhere,
   * name its origin, as `https://api.example`, and have it expose `WWW-Authenticate` (CORS). */
  origins?: string[];
  /** Clients of one name and origin share the session between their tabs (default `default`). */
  name?: string;
  /**
   * Binds each new session to a key that no script can read (RFC 9449, DPoP; default `false`). Without
   * this browser a copied token is worth nothing then. The server has to check the proofs: at the
   * login, at the token endpoint and at the API.
   *
   * The key is made at the login, kept in IndexedDB for all tabs and for a reload, and deleted when one
   * of them signs out. It needs a secure context (HTTPS or localhost) and IndexedDB. Where they are
   * missing calls reject with `no_key`, and where the server binds nothing the login does, with
   * `malformed`. With `'optional'` sessions go without a key there. In either case a session that began
   * without one goes on without.
   *
   * For an API of another origin have it allow the header `DPoP`, and expose `DPoP-Nonce`,
   * `WWW-Authenticate` and `Date` (CORS): by the last one a wrong clock is corrected.
   */
  dpop?: boolean | 'optional';
  /** Milliseconds that one answer of the token endpoint may take (default 10 000). */
  timeout?: number;
  /** Milliseconds that an access token lives whose answer does not say (default 300 000). */
  defaultLifetime?: number;
  /** What sends the requests (default `fetch`). It sees tokens: log none. */
  fetch?: (request: Request) => Promise<Response>;
}

export interface Client {
  /** How things stand. */
  readonly state: State;

  /**
   * `fetch`, with the access token for the configured origins. A token that has run out is refreshed
   * before; a request that is refused with 401 `invalid_token` is sent once more with a new one,
   * unless its body is a stream. A request with an `Authorization` of its own is sent as it is.
   *
   * Where the session is bound to a key, a proof goes along, for this method and address: an API should
   * not redirect then. A GET, HEAD or OPTIONS that is refused for its proof is sent once more with a new
   * one, as the network may have sent it twice. Where the browser has bound the session to the device,
   * there is no token, and the request goes with the browser's cookies (`credentials: 'include'`).
   *
   * Rejects with an {@link AuthError} where no token is to be had; nothing was done then. Answers
   * of the API, errors included, are the API's own.
   */
  authFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /**
   * Signs in, all tabs with it. `credentials` go to `loginUrl` as JSON, whatever they are.
   *
   * Rejects with an {@link AuthError}: `refused` where the server answers wrong credentials with
   * `{"error": …}`, `status` where it says nothing; `malformed` where the refresh token is not where
   * `mode` has it.
   */
  login(credentials: unknown): Promise<Claims>;

  /**
   * Signs in with the session that the browser still has: for the start of a page. `true` where it
   * has one, `false` where somebody has to log in. Rejects where that cannot be found out, the
   * server being out of reach; a visible page then goes on trying, and `onChange` tells.
   *
   * No script can see whether there is a cookie, so the server is asked. Where there is none it
   * answers 400, which browsers show in the console; nothing is wrong then. A page that comes back
   * from the back/forward cache resumes by itself.
   */
  resume(): Promise<boolean>;

  /**
   * Signs out: all tabs at once, then the server. Rejects where the server could not be told; the
   * cookie is still good then, and a reload would find the user signed in, unless the session was bound
   * to a key, which is deleted at once. Call it again.
   */
  logout(): Promise<void>;

  /** Like {@link logout}, and ends all other sessions of the user too. */
  logoutEverywhere(): Promise<void>;

  /** Calls back each time that the page is signed out, with the reason. Returns what undoes it. */
  onSignedOut(callback: (reason: Reason) => void): () => void;

  /** Calls back whenever the state has changed. Returns what undoes it. */
  onChange(callback: (state: State) => void): () => void;

  /** Lets go of everything. The session goes on. */
  close(): void;
}

/**
 * Why there is no session: `logged_out` here or in another tab; `session_ended` by the server: ended
 * from elsewhere, run out, or its refresh token was seen in two hands; `no_session`: nobody has
 * logged in with this browser, or the cookie is gone; `other_user`: a refresh brought the token of
 * somebody else, who has not logged in on any of these tabs. Then another host of the site may have
 * planted its cookie. Have the user log in again, which replaces it.
 */
export type Reason = 'logged_out' | 'session_ended' | 'no_session' | 'other_user';

export interface State {
  /** `starting` until it is known whether the browser has a session: at first, and each time that
   * the page goes into the browser's back/forward cache. Show nothing of the user then. */
  readonly status: 'starting' | 'signed_in' | 'signed_out';
  /** Why it is `signed_out`. */
  readonly reason: Reason | null;
  /** What the access token says, unverified: good to greet somebody, not to decide anything. */
  readonly claims: Claims | null;
  /**
   * What the session is bound to, without which its tokens are worth nothing: a `key`, with the option
   * `dpop`, or the `device`, where the browser has bound it by itself (Device Bound Session
   * Credentials) and refreshes it. With the latter the page has no token. `expiresIn` is `null` then,
   * and `claims` are those of the last token: after a reload there was none, so ask the API.
   */
  readonly boundTo: 'key' | 'device' | null;
  /** Milliseconds that the access token still lives. */
  readonly expiresIn: number | null;
  /** Why the last refresh has failed, while it has. The session is kept. */
  readonly trouble: AuthError | null;
}

export interface Claims {
  readonly sub?: string;
  readonly sid?: string;
  readonly gen?: number;
  readonly scope?: string;
  readonly [claim: string]: unknown;
}

/**
 * | kind | means |
 * | --- | --- |
 * | `signed_out` | there is no session; `reason` tells why |
 * | `unreachable` | no answer: offline, no such server, or the connection broke |
 * | `timeout` | no answer in time |
 * | `unavailable` | 408, 429 or 5xx; `retryAfter` as the server asks |
 * | `refused` | an OAuth error; `code` tells which |
 * | `malformed` | 200, but no token answer: HTML, an empty or broken body, wrong types |
 * | `redirected` | the endpoint answered with a redirect, which is not followed |
 * | `status` | any other status |
 * | `no_key` | with `dpop`: this page can have no key, or not that of the session; the message says what to do |
 * | `other_user` | somebody else has signed in meanwhile; the request was not sent as them |
 *
 * Only `signed_out` is final. After any other the session is kept and the next call tries again.
 * `invalid_request` signs out only where the server says `"reason": "no_token"` beside it.
 */
export type ErrorKind =
  | 'signed_out'
  | 'unreachable'
  | 'timeout'
  | 'unavailable'
  | 'refused'
  | 'malformed'
  | 'redirected'
  | 'status'
  | 'no_key'
  | 'other_user';

export class AuthError extends Error {
  private constructor();
  readonly kind: ErrorKind;
  readonly reason: Reason | null;
  /** The HTTP status, if there was an answer. */
  readonly status: number | null;
  /** The OAuth error code, as `invalid_client`. */
  readonly code: string | null;
  /** Milliseconds that the server asks to wait; five minutes at most. The client waits for so long and a
   * random part of up to a half of it, or for its own back-off, if that is longer. */
  readonly retryAfter: number | null;
}
