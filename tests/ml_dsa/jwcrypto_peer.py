"""Reads what this crate has made, as one line of JSON, and answers with what it has made itself, by jwcrypto."""

import json
import sys

from jwcrypto import jwk, jws


def sign(key, header, payload):
    token = jws.JWS(payload.encode())
    token.add_signature(key, alg=header["alg"], protected=json.dumps(header))
    return token.serialize(compact=True)


def verify(keys, token):
    """The payload, or nothing where the signature is wrong."""
    opened = jws.JWS()
    opened.deserialize(token)
    kid = json.loads(opened.objects["protected"])["kid"]
    try:
        opened.verify(keys.get_key(kid))
    except jws.InvalidJWSSignature:
        return None
    return opened.payload.decode()


def peer(case, keys):
    alg = case["alg"]
    header = {"alg": alg, "kid": "theirs", "typ": "at+jwt"}
    imported = jwk.JWK.from_pem(case["pem"].encode())
    own = jwk.JWK.generate(kty="AKP", alg=alg)
    public = json.loads(own.export_public())
    return {
        "verified": [verify(keys, token) for token in case["tokens"]],
        "thumbprint": imported.thumbprint(),
        "signed_with_ours": sign(imported, header | {"kid": case["kid"]}, case["payload"]),
        "private_jwk": own.export_private(),
        "public_jwk": json.dumps(public | {"kid": "theirs"}),
        "private_pem": own.export_to_pem(private_key=True, password=None).decode(),
        "public_pem": own.export_to_pem().decode(),
        "own_thumbprint": own.thumbprint(),
        "token": sign(own, header, case["payload"]),
    }


asked = json.load(sys.stdin)
ours = jwk.JWKSet.from_json(asked["jwks"])
json.dump([peer(case, ours) for case in asked["cases"]], sys.stdout)
