"""canaille: tokens that look like ID tokens, signed as RS512 with keys that name no algorithm."""

import datetime
import logging

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import RSAKey

from script import listen, serve, started

logging.disable()
listener, origin = listen()


def new_key():
    return RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)


app = create_app(
    {
        "SECRET_KEY": "for tests only",
        "SERVER_NAME": origin.removeprefix("http://"),
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory"},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [new_key()], "INACTIVE_JWKS": []},
    }
)
settings = app.config["CANAILLE_OIDC"]


def rotate():
    settings["INACTIVE_JWKS"].extend(settings["ACTIVE_JWKS"])
    settings["ACTIVE_JWKS"] = [new_key()]


with app.app_context(), Backend.instance.session():
    alice = models.User(user_name="alice", family_name="Liddell", emails=["alice@example.com"])
    Backend.instance.save(alice)
    client = models.Client(
        client_id="app",
        client_name="app",
        client_secret="app-secret",
        grant_types=["authorization_code", "refresh_token"],
        redirect_uris=["https://app.example/callback"],
        response_types=["code"],
        token_endpoint_auth_method="client_secret_basic",
        scope=["openid", "profile"],
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)
    # What a login in a browser leaves.
    token = models.Token(
        token_id="1",
        client=client,
        subject=alice,
        audience=[client],
        type="Bearer",
        access_token="the first",
        refresh_token="the first refresh token",
        scope=["openid", "profile"],
        issue_date=datetime.datetime.now(datetime.UTC),
        lifetime=3600,
    )
    Backend.instance.save(token)

serve(app, listener)
started(
    {
        "issuer": origin,
        "audience": "app",
        "token_endpoint": f"{origin}/oauth/token",
        "client": ["app", "app-secret"],
        "refresh_token": "the first refresh token",
    },
    rotate,
)
