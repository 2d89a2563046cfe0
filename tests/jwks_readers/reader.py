"""Verifies tokens with PyJWT and its PyJWKClient, at their defaults.

    python reader.py JWKS_URL ISSUER AUDIENCE

Each line of the input is a token. Each line of the output is `ok`, or what the library says of it.
"""

import sys

import jwt

url, issuer, audience = sys.argv[1:]
client = jwt.PyJWKClient(url)
for line in sys.stdin:
    token = line.strip()
    try:
        key = client.get_signing_key_from_jwt(token)
        jwt.decode(token, key, algorithms=["ES256"], issuer=issuer, audience=audience)
        print("ok", flush=True)
    except jwt.PyJWTError as error:
        print(repr(error), flush=True)
