"""An authorization server made with Authlib on Flask: JWTs (RFC 9068), or opaque tokens (mode "opaque").

It has no metadata: what it publishes is the application's own matter.
"""

import time
from secrets import token_hex

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, jsonify
from joserfc.jwk import KeySet, RSAKey

from script import API, MODE, listen, serve, started

listener, issuer = listen()
tokens = []


class Client(ClientMixin):
    def __init__(self, client_id, secret, methods):
        self.client_id, self.secret, self.methods = client_id, secret, methods

    def get_client_id(self):
        return self.client_id

    def check_client_secret(self, secret):
        return secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type):
        return grant_type in self.methods

    def get_allowed_scope(self, scope):
        return scope


class User:
    def get_user_id(self):
        return "alice"


class Token(TokenMixin):
    def __init__(self, client_id, access_token, refresh_token, expires_in, scope):
        self.client_id, self.scope = client_id, scope
        self.access_token, self.refresh_token = access_token, refresh_token
        self.issued_at, self.expires_in = int(time.time()), expires_in
        self.revoked = False

    def check_client(self, client):
        return client.client_id == self.client_id

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return self.expires_in

    def is_expired(self):
        return time.time() >= self.issued_at + self.expires_in

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return User()

    def get_client(self):
        return clients[self.client_id]


class RefreshTokenGrant(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, text):
        found = (token for token in tokens if token.refresh_token == text)
        return next((token for token in found if not token.revoked), None)

    def authenticate_user(self, refresh_token):
        return User()

    def revoke_old_credential(self, refresh_token):
        refresh_token.revoked = True


class Introspection(IntrospectionEndpoint):
    def query_token(self, text, hint):
        return next((token for token in tokens if token.access_token == text), None)

    def check_permission(self, token, client, request):
        return client.client_id == "api"

    def introspect_token(self, token):
        return {
            "active": not token.is_expired(),
            "client_id": token.client_id,
            "token_type": "Bearer",
            "sub": "alice",
            "scope": token.scope,
            "aud": API,
            "iss": issuer,
            "iat": token.issued_at,
            "exp": token.issued_at + token.expires_in,
        }


clients = {
    "app": Client("app", "app-secret", ["refresh_token"]),
    "api": Client("api", "api-secret", []),
}
# The newest one signs.
keys = []


def new_key():
    keys.insert(0, RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True))


class Jwts(JWTBearerTokenGenerator):
    def get_jwks(self):
        return KeySet(keys[:1])

    def get_audiences(self, client, user, scope):
        return API


def new_refresh_token(*_, **__):
    return token_hex()


def save(token, request):
    names = ("access_token", "refresh_token", "expires_in", "scope")
    tokens.append(Token(request.client.client_id, *(token.get(name) for name in names)))


app = Flask("authlib")
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = new_refresh_token
server = AuthorizationServer(app, query_client=clients.get, save_token=save)
server.register_grant(RefreshTokenGrant)
server.register_endpoint(Introspection)
if MODE != "opaque":
    server.register_token_generator("default", Jwts(issuer, refresh_token_generator=new_refresh_token))


@app.post("/token")
def token():
    return server.create_token_response()


@app.post("/introspect")
def introspect():
    return server.create_endpoint_response(Introspection.ENDPOINT_NAME)


@app.get("/jwks")
def jwks():
    return jsonify(KeySet(keys).as_dict(private=False))


new_key()
# A user who has logged in.
tokens.append(Token("app", "the first", "the first refresh token", 600, "read"))
serve(app, listener)
started(
    {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "audience": API,
        "token_endpoint": f"{issuer}/token",
        "introspection_endpoint": f"{issuer}/introspect",
        "client": ["app", "app-secret"],
        "resource_server": ["api", "api-secret"],
        "refresh_token": "the first refresh token",
    },
    new_key,
)
