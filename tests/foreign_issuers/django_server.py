"""django-oauth-toolkit: opaque tokens, which it tells about by introspection (RFC 7662)."""

import sys
from datetime import timedelta
from types import ModuleType

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.utils import timezone

from script import API, listen, serve, started

listener, origin = listen()
settings.configure(
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="urls",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "oauth2_provider",
    ],
    # The threads of the server share it.
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:db?mode=memory&cache=shared",
        }
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    USE_TZ=True,
    OAUTH2_PROVIDER={
        "SCOPES": {"read": "reading", "introspection": "asking about tokens"},
        "ROTATE_REFRESH_TOKEN": True,
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402

urls = sys.modules["urls"] = ModuleType("urls")
urls.urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
call_command("migrate", verbosity=0)

alice = User.objects.create_user("alice")
fields = {
    "client_type": Application.CLIENT_CONFIDENTIAL,
    "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
    "redirect_uris": "https://app.example/callback",
}
app = Application.objects.create(client_id="app", client_secret="app-secret", **fields)
Application.objects.create(client_id="api", client_secret="api-secret", **fields)
# What a login in a browser leaves.
access = AccessToken.objects.create(
    user=alice,
    application=app,
    token="the first",
    scope="read",
    expires=timezone.now() + timedelta(hours=1),
)
RefreshToken.objects.create(
    user=alice, application=app, token="the first refresh token", access_token=access
)
serve(get_wsgi_application(), listener)
started(
    {
        "issuer": f"{origin}/o",
        "audience": API,
        "token_endpoint": f"{origin}/o/token/",
        "introspection_endpoint": f"{origin}/o/introspect/",
        "client": ["app", "app-secret"],
        "resource_server": ["api", "api-secret"],
        "refresh_token": "the first refresh token",
    }
)
