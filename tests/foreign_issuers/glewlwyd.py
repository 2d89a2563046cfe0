"""glewlwyd, from Debian's package: JWTs whose audience is the scope. Its data are in a temporary folder."""

import gzip
import http.cookiejar
import json
import sqlite3
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from joserfc.jwk import RSAKey

from script import listen, started

listener, origin = listen()
port = listener.getsockname()[1]
listener.close()
api = f"{origin}/api"
folder = tempfile.TemporaryDirectory()
database = Path(folder.name, "db")
tables = "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"
sqlite3.connect(database).executescript(gzip.open(tables, "rt").read())
config = Path(folder.name, "conf")
config.write_text(f"""
port={port}
bind_address="127.0.0.1"
external_url="{origin}"
api_prefix="api"
log_mode="console"
log_level="ERROR"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{ type="sqlite3" path="{database}" }}
""")
process = subprocess.Popen(
    ["glewlwyd", f"--config-file={config}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
)

jar = http.cookiejar.CookieJar()
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))


def ask(method, path, body=None):
    request = urllib.request.Request(f"{api}/{path}", method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    return opener.open(request).read()


def log_in():
    for _ in range(600):
        try:
            return ask("POST", "auth/", {"username": "admin", "password": "password"})
        except urllib.error.URLError:
            time.sleep(0.1)
    raise TimeoutError("glewlwyd did not start")


# The first of them signs.
keys = []


def plugin():
    key = RSAKey.generate_key(2048, {"alg": "RS256"}, auto_kid=True)
    keys.insert(0, key.as_dict(private=True))
    return {
        "module": "oidc",
        "name": "oidc",
        "display_name": "oidc",
        "parameters": {
            "iss": f"{api}/oidc",
            "jwks-private": json.dumps({"keys": keys}),
            "jwks-show": True,
            "access-token-duration": 3600,
            "refresh-token-duration": 36000,
            "code-duration": 600,
            "refresh-token-rolling": True,
            "allow-non-oidc": True,
            "auth-type-code-enabled": True,
            "auth-type-password-enabled": True,
            "auth-type-refresh-enabled": True,
            "scope": [],
            "additional-parameters": [],
            "claims": [],
        },
    }


def rotate():
    ask("PUT", "mod/plugin/oidc", plugin())
    ask("PUT", "mod/plugin/oidc/reset")


def end():
    process.kill()
    process.wait()
    folder.cleanup()


log_in()
ask("POST", "scope", {"name": "read", "display_name": "read", "password_required": True})
ask("POST", "user", {"username": "alice", "password": "wonderland", "scope": ["read"], "enabled": True})
client = {
    "client_id": "app",
    "name": "app",
    "enabled": True,
    "confidential": True,
    "client_secret": "app-secret",
    "password": "app-secret",
    "authorization_type": ["password", "refresh_token"],
    "token_endpoint_auth_method": ["client_secret_basic"],
    "redirect_uri": ["https://app.example/callback"],
    "scope": ["read"],
}
ask("POST", "client", client)
ask("POST", "mod/plugin", plugin())
passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
passwords.add_password(None, api, "app", "app-secret", is_authenticated=True)
login = {"grant_type": "password", "username": "alice", "password": "wonderland", "scope": "read"}
answer = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords)).open(
    f"{api}/oidc/token", urlencode(login).encode()
)
started(
    {
        "issuer": f"{api}/oidc",
        "audience": "read",
        "token_endpoint": f"{api}/oidc/token",
        "client": ["app", "app-secret"],
        "refresh_token": json.load(answer)["refresh_token"],
    },
    rotate,
    end,
)
