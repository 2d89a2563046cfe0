#!/usr/bin/env bash
# django-oauth-toolkit 3.4.1: an introspection tells whose a token is by `username` alone. There is no
# `sub`, no `iss`, no `aud` and no `iat`.
#
# Expected: `sub`, as in the example of RFC 7662 section 2.2. All of these are optional, though, and an API that
# takes a token without `sub` for one of the client itself (RFC 9068 section 2.2) mixes up all users.
# Seen on 2026-11-29:
#   {"active": true, "client_id": "app", "exp": "a number", "scope": "read", "username": "alice"}
# Rests on it: examples/resource_server/config.rs
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install -q Django==5.2.19 django-oauth-toolkit==3.4.1
cat >finding.py <<'PYTHON'
import base64
import json
import sys
from datetime import timedelta
from types import ModuleType

import django
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

settings.configure(
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="urls",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path
from oauth2_provider.models import AccessToken, Application

sys.modules["urls"] = urls = ModuleType("urls")
urls.urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
call_command("migrate", verbosity=0)
app, api = (
    Application.objects.create(
        client_id=name,
        client_secret="secret",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://app.example/callback",
    )
    for name in ("app", "api")
)
AccessToken.objects.create(
    user=User.objects.create_user("alice"),
    application=app,
    token="token",
    scope="read",
    expires=timezone.now() + timedelta(hours=1),
)
basic = base64.b64encode(b"api:secret").decode()
answer = Client(headers={"authorization": f"Basic {basic}"}).post("/o/introspect/", {"token": "token"})
told = answer.json()
told["exp"] = "a number" if isinstance(told["exp"], int) else told["exp"]
print(json.dumps(told, sort_keys=True))
PYTHON

seen=$(venv/bin/python finding.py)
echo "$seen"
expected='{"active": true, "client_id": "app", "exp": "a number", "scope": "read", "username": "alice"}'
[ "$seen" = "$expected" ] || {
  echo "it is different now"
  exit 1
}
