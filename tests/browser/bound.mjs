// A server that binds sessions to keys, as rules of a wire: it checks proofs as RFC 9449 §4.3 has it,
// rotates at each refresh, and gives answers that the example servers never give.

import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';

const sha256 = (text) => createHash('sha256').update(text).digest('base64url');
const read = (part) => JSON.parse(Buffer.from(part, 'base64url'));
const json = (body, status = 200, headers = {}) => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
});

/** The claims and the thumbprint of the proof that came with the request, or nothing. */
export function proofOf({ rawHeaders }) {
  const proofs = rawHeaders.filter((_, index) => index % 2 && rawHeaders[index - 1].toLowerCase() === 'dpop');
  if (proofs.length !== 1) return null;
  const [header, claims, signature] = proofs[0].split('.');
  const { typ, alg, jwk } = read(header);
  const members = Object.keys(jwk).sort().join();
  if (typ !== 'dpop+jwt' || alg !== 'ES256' || members !== 'crv,kty,x,y') return null;
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  const isSigned = verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'));
  const { crv, kty, x, y } = jwk;
  return isSigned ? { ...read(claims), jkt: sha256(JSON.stringify({ crv, kty, x, y })) } : null;
}

export class BoundServer {
  /** The nonce that proofs need, for tokens and for the API, where they need one. */
  nonces = { auth: undefined, api: undefined };
  /** What is wrong with each proof, whatever it says. */
  complaint = null;
  /** How many of the next requests arrive twice: what is answered is the second one. */
  twice = 0;
  type = 'DPoP';
  #sessions = new Map();
  #seen = new Set();

  /** Answers in the place of the server behind that wire. */
  constructor(wire) {
    this.wire = wire;
    const routes = { '/auth/login': this.#login, '/auth/token': this.#refresh, '/auth/logout': this.#logout, '/me': this.#me };
    for (const [path, answer] of Object.entries(routes)) wire.route(path, (request) => answer.call(this, request));
  }

  /** What is wrong with the proof of that request. */
  #wrong(request, proof, place, access) {
    if (this.complaint) return this.complaint;
    if (this.twice > 0) {
      this.twice -= 1;
      this.#wrong(request, proof, place, access);
    }
    const htu = this.wire.url + request.path;
    const isFine =
      proof &&
      proof.htm === request.method &&
      proof.htu === htu &&
      Math.abs(proof.iat - Date.now() / 1000) < 60 &&
      proof.ath === (access && sha256(access)) &&
      !this.#seen.has(proof.jti);
    this.#seen.add(proof?.jti);
    if (!isFine) return 'invalid_dpop_proof';
    return this.nonces[place] && proof.nonce !== this.nonces[place] ? 'use_dpop_nonce' : null;
  }

  #nonce(place) {
    return this.nonces[place] ? { 'dpop-nonce': this.nonces[place] } : {};
  }

  #login(request) {
    const proof = proofOf(request);
    const error = request.headers.dpop && this.#wrong(request, proof, 'auth');
    if (error) return json({ error }, 400, this.#nonce('auth'));
    const jkt = this.type === 'DPoP' ? proof?.jkt : undefined;
    const session = { sid: randomUUID(), gen: 0, jkt };
    this.#sessions.set(session.sid, session);
    return this.#tokens(session);
  }

  #tokens(session) {
    const { sid, gen, jkt } = session;
    session.refresh = `${sid}.${randomUUID()}`;
    const claims = { sub: 'alice', sid, gen, cnf: jkt && { jkt } };
    session.access = `e.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${randomUUID()}`;
    const answer = { access_token: session.access, token_type: jkt ? 'DPoP' : 'Bearer', expires_in: 600 };
    return json(answer, 200, { 'set-cookie': `refresh=${session.refresh}; Path=/auth; HttpOnly; SameSite=Strict` });
  }

  #refresh(request) {
    const presented = /refresh=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
    if (!presented) return json({ error: 'invalid_request', reason: 'no_token' }, 400);
    const session = this.#sessions.get(presented.split('.')[0]);
    if (session?.refresh !== presented) return json({ error: 'invalid_grant' }, 400);
    const proof = proofOf(request);
    const error = (session.jkt || request.headers.dpop) && this.#wrong(request, proof, 'auth');
    if (error) return json({ error }, 400, this.#nonce('auth'));
    if (session.jkt && proof.jkt !== session.jkt) return json({ error: 'invalid_grant' }, 400);
    session.gen += 1;
    return this.#tokens(session);
  }

  /** The session of the access token, or the refusal. */
  #allowed(request) {
    const [scheme, access] = (request.headers.authorization ?? '').split(' ');
    const session = [...this.#sessions.values()].find((session) => session.access === access);
    const refused = (error) => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="api", DPoP algs="ES256", error="${error}"`, ...this.#nonce('api') },
    });
    if (!session || scheme !== (session.jkt ? 'DPoP' : 'Bearer')) return { refusal: refused('invalid_token') };
    const proof = proofOf(request);
    const error = session.jkt && this.#wrong(request, proof, 'api', access);
    if (error) return { refusal: refused(error) };
    return session.jkt && proof.jkt !== session.jkt ? { refusal: refused('invalid_token') } : { session };
  }

  #me(request) {
    const { session, refusal } = this.#allowed(request);
    return refusal ?? json({ sid: session.sid });
  }

  #logout(request) {
    const { session, refusal } = this.#allowed(request);
    if (refusal) return refusal;
    this.#sessions.delete(session.sid);
    return { status: 204 };
  }
}
