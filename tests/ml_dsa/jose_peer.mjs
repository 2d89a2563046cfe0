// Reads what this crate has made, as one line of JSON, and answers with what it has made itself, by jose.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import { text } from 'node:stream/consumers'
import * as jose from 'jose'

const asked = JSON.parse(await text(process.stdin))
const ours = jose.createLocalJWKSet(JSON.parse(asked.jwks))

// The payload, or nothing where the signature is wrong.
async function verify(token) {
  try {
    const { payload } = await jose.compactVerify(token, ours)
    return new TextDecoder().decode(payload)
  } catch (error) {
    if (error instanceof jose.errors.JWSSignatureVerificationFailed) return null
    throw error
  }
}

async function sign(key, header, payload) {
  return new jose.CompactSign(new TextEncoder().encode(payload)).setProtectedHeader(header).sign(key)
}

const pem = (key, type) => key.export({ type, format: 'pem' })

async function peer({ alg, kid, pem: kept, payload, tokens }) {
  const header = { alg, kid: 'theirs', typ: 'at+jwt' }
  const imported = createPrivateKey(kept)
  const own = await jose.generateKeyPair(alg, { extractable: true })
  const privateJwk = await jose.exportJWK(own.privateKey)
  const publicJwk = await jose.exportJWK(own.publicKey)
  const key = createPrivateKey({ key: privateJwk, format: 'jwk' })
  return {
    verified: await Promise.all(tokens.map(verify)),
    thumbprint: await jose.calculateJwkThumbprint(await jose.exportJWK(createPublicKey(imported))),
    signed_with_ours: await sign(imported, { ...header, kid }, payload),
    private_jwk: JSON.stringify(privateJwk),
    public_jwk: JSON.stringify({ ...publicJwk, kid: 'theirs' }),
    private_pem: pem(key, 'pkcs8'),
    public_pem: pem(createPublicKey(key), 'spki'),
    own_thumbprint: await jose.calculateJwkThumbprint(publicJwk),
    token: await sign(own.privateKey, header, payload),
  }
}

process.stdout.write(JSON.stringify(await Promise.all(asked.cases.map(peer))))
