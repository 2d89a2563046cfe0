// Verifies tokens with a library that reads a JWKS, at the library's defaults.
//
//   node reader.mjs READER JWKS_URL ISSUER AUDIENCE
//
// Each line of the input is a token. Each line of the output is `ok`, or what the library says of it.

import { createInterface } from "node:readline";

const [reader, url, issuer, audience] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
const algorithms = ["ES256"];

const readers = {
  async jose() {
    const { createRemoteJWKSet, jwtVerify } = await import("jose");
    const keys = createRemoteJWKSet(new URL(url));
    return (token) => jwtVerify(token, keys, { issuer, audience, typ: "at+jwt" });
  },

  async "express-oauth2-jwt-bearer"() {
    const { auth } = await import("express-oauth2-jwt-bearer");
    const middleware = auth({ issuer, audience, jwksUri: url, tokenSigningAlg: "ES256", strict: true });
    // What Express makes of a request.
    const request = (token) => {
      const headers = { authorization: `Bearer ${token}`, host: "api.example" };
      const get = (name) => headers[name.toLowerCase()];
      return { method: "GET", protocol: "https", originalUrl: "/", query: {}, headers, get, is: () => false };
    };
    return (token) =>
      new Promise((resolve, reject) => {
        middleware(request(token), {}, (error) => (error ? reject(error) : resolve()));
      });
  },

  async "jwks-rsa"() {
    const { default: jwksClient } = await import("jwks-rsa");
    const { default: jsonwebtoken } = await import("jsonwebtoken");
    const client = jwksClient({ jwksUri: url });
    const key = (header, callback) =>
      client.getSigningKey(header.kid, (error, found) => callback(error, found?.getPublicKey()));
    return (token) =>
      new Promise((resolve, reject) => {
        const rules = { issuer, audience, algorithms };
        jsonwebtoken.verify(token, key, rules, (error) => (error ? reject(error) : resolve()));
      });
  },

  async "get-jwks"() {
    const { default: buildGetJwks } = await import("get-jwks");
    const { createVerifier } = await import("fast-jwt");
    const jwks = buildGetJwks({ jwksPath: pathname });
    const key = ({ header: { kid, alg } }) => jwks.getPublicKey({ kid, alg, domain: origin });
    return createVerifier({ key, algorithms, allowedIss: issuer, allowedAud: audience });
  },
};

const verify = await readers[reader]();
for await (const token of createInterface({ input: process.stdin })) {
  try {
    await verify(token);
    console.log("ok");
  } catch (error) {
    console.log(String(error.message).replaceAll("\n", " "));
  }
}
