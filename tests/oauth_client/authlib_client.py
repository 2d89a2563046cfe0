"""An unmodified OAuth 2.0 client, Authlib, against a running example server.

usage: authlib_client.py URL ACCESS_TTL SECRET

It logs in, calls a protected route, lets the access token expire, refreshes by itself, is
revoked, and is told `invalid_grant`. A resource server with SECRET asks about its tokens meanwhile.
Any surprise is an exception.
"""

import os
import sys
import time

# The server of the test is on the loopback interface, without TLS.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

url, access_ttl, secret = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def log_in():
    user = {"username": "alice", "password": "wonderland"}
    answer = requests.post(f"{url}/auth/login", json=user, timeout=10)
    answer.raise_for_status()
    return answer.json()


def client(token, **options):
    return OAuth2Session(
        client_id="authlib",
        token=token,
        token_endpoint=f"{url}/auth/token",
        revocation_endpoint=f"{url}/auth/revoke",
        token_endpoint_auth_method="none",
        revocation_endpoint_auth_method="none",
        update_token=lambda token, refresh_token=None, access_token=None: updates.append(token),
        leeway=0,
        **options,
    )


def me(session):
    answer = session.get(f"{url}/me", timeout=10)
    answer.raise_for_status()
    return answer.json()


def introspected(token):
    """What the server tells the resource server, by each way to authenticate."""
    answers = []
    for method in ["client_secret_basic", "client_secret_post"]:
        resource_server = OAuth2Session(
            client_id="resource-server",
            client_secret=secret,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
        )
        answer = resource_server.introspect_token(f"{url}/auth/introspect", token=token)
        answer.raise_for_status()
        answers.append(answer.json())
    expect(answers[0] == answers[1], "the same by either way")
    return answers[0]


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


updates = []
first = log_in()
first["expires_at"] = time.time() + first["expires_in"]
session = client(first)

claims = me(session)
expect(claims["sub"] == "alice", "the user who logged in")
expect(not updates, "no refresh before it is due")
told = introspected(first["access_token"])
expect(told["active"] is True and told["sub"] == "alice", "a live access token")
expect(told["sid"] == claims["sid"] and "gen" not in told, "its session, not its generation")
inactive = {"active": False}
expect(introspected(first["refresh_token"]) == inactive, "a refresh token is nobody else's business")

time.sleep(access_ttl + 1)
stale = {"Authorization": f"Bearer {first['access_token']}"}
answer = requests.get(f"{url}/me", headers=stale, timeout=10)
expect(answer.status_code == 401, "the access token has expired")
expect(introspected(first["access_token"]) == inactive, "and is inactive")
expect(me(session)["sid"] == claims["sid"], "the same session, by a new access token")
expect(len(updates) == 1, "one refresh, by itself")
expect(updates[0]["refresh_token"] != first["refresh_token"], "the refresh token rotates")
expect(session.token["access_token"] != first["access_token"], "a new access token")

narrowed = session.refresh_token(f"{url}/auth/token", scope="read")
expect(narrowed["token_type"] == "Bearer", "a refresh that was asked for")

latest = session.token["access_token"]
expect(introspected(latest)["active"] is True, "the last access token")
revoked = session.revoke_token(
    f"{url}/auth/revoke",
    token=session.token["refresh_token"],
    token_type_hint="refresh_token",
)
expect(revoked.status_code == 200, "revoked")
expect(introspected(latest) == inactive, "the access token of a revoked session")
try:
    session.refresh_token(f"{url}/auth/token")
except OAuthError as error:
    expect(error.error == "invalid_grant", f"invalid_grant, not {error.error}")
else:
    raise AssertionError("a revoked session was refreshed")

print("authlib: logged in, refreshed by itself, introspected, revoked, invalid_grant")
