//! Providers that are a service, by the documents that the profiles name.

use serde_json::json;

use crate::shape::{NOW, Shape, Token};

const EXP: i64 = NOW + 3600;

pub(crate) const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";

pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        entra(),
        entra_v1(),
        auth0(),
        auth0_rfc9068(),
        okta(),
        cognito(),
        firebase(),
        supabase(),
        clerk(),
        workos(),
    ]
}

fn entra() -> Shape {
    let issuer = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0";
    Shape {
        name: "entra",
        issuer,
        audience: API,
        access: Token(
            Some("JWT"),
            json!({
                "aud": API, "iss": issuer, "iat": NOW, "nbf": NOW, "exp": EXP, "aio": "x", "azp": "spa", "azpacr": "0",
                "name": "Alice", "oid": "690222be", "rh": "y", "scp": "Files.Read Files.Write",
                "roles": ["Editor"], "sub": "HKZpfaHyWadeOouYlitjrI", "tid": TENANT, "uti": "fqiBqXLPj0eQa82S", "ver": "2.0",
            }),
        ),
        read: json!({
            "sub": "HKZpfaHyWadeOouYlitjrI", "client_id": "spa", "scope": "Files.Read Files.Write", "sid": null,
            "jti": "fqiBqXLPj0eQa82S", "aud": API, "roles": ["Editor"],
        }),
        // Of an API that signs its users in by the same registration.
        id: Some(Token(
            Some("JWT"),
            json!({
                "aud": API, "iss": issuer, "iat": NOW, "nbf": NOW, "exp": EXP, "aio": "x", "name": "Alice",
                "oid": "690222be", "preferred_username": "alice@example.com", "rh": "y", "roles": ["Editor"],
                "sub": "HKZpfaHyWadeOouYlitjrI", "tid": TENANT, "uti": "other", "ver": "2.0",
            }),
        )),
        others: vec![],
        marks: vec![
            json!({ "ver": "1.0" }),
            json!({ "ver": 2.0 }),
            json!({ "azpacr": "absent" }),
            json!({ "azpacr": null }),
        ],
    }
}

fn entra_v1() -> Shape {
    let issuer = "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/";
    Shape {
        name: "entra-v1",
        issuer,
        audience: "api://files",
        access: Token(
            Some("JWT"),
            json!({
                "aud": "api://files", "iss": issuer, "iat": NOW, "nbf": NOW, "exp": EXP, "acr": "1", "aio": "x",
                "amr": ["pwd"], "appid": "daemon", "appidacr": "1", "idp": issuer, "oid": "690222be", "rh": "y",
                "scp": "user_impersonation", "sub": "AAAA", "tid": TENANT, "uti": "fqiB", "ver": "1.0",
            }),
        ),
        read: json!({
            "sub": "AAAA", "client_id": "daemon", "scope": "user_impersonation", "sid": null,
            "jti": "fqiB", "aud": "api://files", "roles": [],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({
                "aud": "daemon", "iss": issuer, "iat": NOW, "nbf": NOW, "exp": EXP, "amr": ["pwd"], "oid": "690222be",
                "sub": "AAAA", "tid": TENANT, "unique_name": "alice", "uti": "fqiC", "ver": "1.0",
            }),
        )),
        others: vec![],
        marks: vec![
            json!({ "ver": "2.0" }),
            json!({ "appidacr": "absent" }),
            json!({ "appidacr": "" }),
        ],
    }
}

const AUTH0: &str = "https://tenant.eu.auth0.com/";
const HEALTH: &str = "https://example.com/health-api";

fn auth0_id() -> Token {
    Token(
        Some("JWT"),
        json!({
            "iss": AUTH0, "sub": "auth0|123456", "aud": "my_client_id", "iat": NOW, "exp": EXP,
            "sid": "s1", "name": "Alice",
        }),
    )
}

fn auth0() -> Shape {
    let audience = json!([HEALTH, "https://tenant.eu.auth0.com/userinfo"]);
    Shape {
        name: "auth0",
        issuer: AUTH0,
        audience: HEALTH,
        access: Token(
            Some("JWT"),
            json!({
                "iss": AUTH0, "sub": "auth0|123456", "aud": audience, "azp": "my_client_id", "exp": EXP, "iat": NOW,
                "scope": "openid read:patients", "permissions": ["read:patients", "write:patients"],
            }),
        ),
        read: json!({
            "sub": "auth0|123456", "client_id": "my_client_id", "scope": "openid read:patients", "sid": null,
            "jti": null, "aud": audience, "roles": ["read:patients", "write:patients"],
        }),
        id: Some(auth0_id()),
        others: vec![],
        marks: vec![json!({ "azp": "absent" }), json!({ "azp": "" })],
    }
}

fn auth0_rfc9068() -> Shape {
    Shape {
        name: "auth0-rfc9068",
        issuer: AUTH0,
        audience: HEALTH,
        access: Token(
            Some("at+jwt"),
            json!({
                "iss": AUTH0, "sub": "auth0|123456", "aud": HEALTH, "client_id": "my_client_id", "exp": EXP, "iat": NOW,
                "jti": "73WakrfVbNJBaAmhQtEeDv", "scope": "read:patients", "permissions": ["read:patients"],
            }),
        ),
        read: json!({
            "sub": "auth0|123456", "client_id": "my_client_id", "scope": "read:patients", "sid": null,
            "jti": "73WakrfVbNJBaAmhQtEeDv", "aud": HEALTH, "roles": ["read:patients"],
        }),
        id: Some(auth0_id()),
        others: vec![],
        marks: vec![],
    }
}

fn okta() -> Shape {
    let issuer = "https://dev.okta.com/oauth2/default";
    Shape {
        name: "okta",
        issuer,
        audience: "api://default",
        access: Token(
            None,
            json!({
                "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": issuer,
                "aud": "api://default", "iat": NOW, "exp": EXP, "cid": "nmdP1fcyvdVO11AL7ECm",
                "uid": "00ulthapbErVUwVJy4x6", "scp": ["openid", "email"], "sub": "alice@example.com", "groups": ["Everyone"],
            }),
        ),
        read: json!({
            "sub": "alice@example.com", "client_id": "nmdP1fcyvdVO11AL7ECm", "scope": "openid email", "sid": null,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "aud": "api://default", "roles": ["Everyone"],
        }),
        id: Some(Token(
            None,
            json!({
                "ver": 1, "jti": "ID.4eAWJOCMB3SX8XewDfVR", "iss": issuer, "aud": "nmdP1fcyvdVO11AL7ECm",
                "iat": NOW, "exp": EXP, "sub": "00ulthapbErVUwVJy4x6", "amr": ["pwd"], "idp": "00o1", "auth_time": NOW,
            }),
        )),
        others: vec![],
        marks: vec![json!({ "cid": "absent" }), json!({ "cid": null })],
    }
}

fn cognito() -> Shape {
    let issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example";
    Shape {
        name: "cognito",
        issuer,
        audience: "1example23456789",
        access: Token(
            None,
            json!({
                "sub": "aaaaaaaa-bbbb", "cognito:groups": ["testgroup"], "iss": issuer, "version": 2,
                "client_id": "1example23456789", "origin_jti": "o", "event_id": "e", "token_use": "access",
                "scope": "phone openid", "auth_time": NOW, "exp": EXP, "iat": NOW, "jti": "j", "username": "alice",
            }),
        ),
        read: json!({
            "sub": "aaaaaaaa-bbbb", "client_id": "1example23456789", "scope": "phone openid", "sid": null,
            "jti": "j", "aud": "1example23456789", "roles": ["testgroup"],
        }),
        id: Some(Token(
            None,
            json!({
                "sub": "aaaaaaaa-bbbb", "cognito:groups": ["testgroup"], "iss": issuer, "aud": "1example23456789",
                "token_use": "id", "auth_time": NOW, "exp": EXP, "iat": NOW, "jti": "j2", "cognito:username": "alice",
            }),
        )),
        others: vec![],
        marks: vec![
            json!({ "token_use": "id" }),
            json!({ "token_use": ["access"] }),
            json!({ "token_use": "absent" }),
        ],
    }
}

fn firebase() -> Shape {
    let issuer = "https://securetoken.google.com/my-project";
    Shape {
        name: "firebase",
        issuer,
        audience: "my-project",
        access: Token(
            Some("JWT"),
            json!({
                "iss": issuer, "aud": "my-project", "auth_time": NOW, "user_id": "u1", "sub": "u1", "iat": NOW, "exp": EXP,
                "email": "alice@example.com", "email_verified": true,
                "firebase": { "identities": { "email": ["alice@example.com"] }, "sign_in_provider": "password" },
            }),
        ),
        read: json!({
            "sub": "u1", "client_id": null, "scope": "", "sid": null, "jti": null, "aud": "my-project", "roles": [],
        }),
        // What the API gets is the ID token.
        id: None,
        others: vec![
            // A session cookie.
            Token(
                Some("JWT"),
                json!({
                    "iss": "https://session.firebase.google.com/my-project", "aud": "my-project", "sub": "u1",
                    "iat": NOW, "exp": EXP, "firebase": { "sign_in_provider": "password" },
                }),
            ),
            // A custom token.
            Token(
                Some("JWT"),
                json!({
                    "iss": "me@my-project.iam.gserviceaccount.com", "sub": "me@my-project.iam.gserviceaccount.com",
                    "aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
                    "iat": NOW, "exp": EXP, "uid": "u1",
                }),
            ),
        ],
        marks: vec![json!({ "firebase": "absent" }), json!({ "firebase": {} })],
    }
}

fn supabase() -> Shape {
    let issuer = "https://project.supabase.co/auth/v1";
    Shape {
        name: "supabase",
        issuer,
        audience: "authenticated",
        access: Token(
            Some("JWT"),
            json!({
                "iss": issuer, "aud": "authenticated", "exp": EXP, "iat": NOW, "sub": "123e4567", "role": "authenticated",
                "aal": "aal1", "session_id": "sess-1", "email": "a@example.com", "phone": "", "is_anonymous": false,
                "amr": [{ "method": "password", "timestamp": NOW }], "app_metadata": { "provider": "email" },
            }),
        ),
        read: json!({
            "sub": "123e4567", "client_id": null, "scope": "", "sid": "sess-1", "jti": null,
            "aud": "authenticated", "roles": ["authenticated"],
        }),
        // Of Supabase's own OAuth server.
        id: Some(Token(
            Some("JWT"),
            json!({ "iss": issuer, "aud": "client-1", "exp": EXP, "iat": NOW, "sub": "123e4567", "auth_time": NOW }),
        )),
        others: vec![
            // The key `anon`.
            Token(
                Some("JWT"),
                json!({ "iss": "supabase", "ref": "project", "role": "anon", "iat": NOW, "exp": EXP }),
            ),
        ],
        marks: vec![
            json!({ "session_id": "absent" }),
            json!({ "session_id": "" }),
        ],
    }
}

fn clerk() -> Shape {
    let issuer = "https://clerk.app.example";
    Shape {
        name: "clerk",
        issuer,
        audience: "https://app.example",
        access: Token(
            Some("JWT"),
            json!({
                "azp": "https://app.example", "exp": EXP, "fva": [7, -1], "iat": NOW, "iss": issuer, "jti": "1234",
                "nbf": NOW - 10, "sid": "sess_123", "sub": "user_123", "v": 2, "pla": "u:free", "sts": "active",
                "o": { "id": "org_123", "slg": "org", "rol": "admin", "per": "read,manage" },
            }),
        ),
        read: json!({
            "sub": "user_123", "client_id": null, "scope": "", "sid": "sess_123", "jti": "1234",
            "aud": "https://app.example", "roles": ["admin"],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({ "iss": issuer, "aud": "client-1", "sub": "user_123", "iat": NOW, "exp": EXP, "jti": "9" }),
        )),
        others: vec![
            // Of a JWT template.
            Token(
                Some("JWT"),
                json!({
                    "azp": "https://app.example", "exp": EXP, "iat": NOW, "iss": issuer, "jti": "5", "nbf": NOW,
                    "sub": "user_123",
                }),
            ),
        ],
        marks: vec![
            json!({ "sid": "absent" }),
            json!({ "sts": "pending" }),
            json!({ "sts": null }),
        ],
    }
}

fn workos() -> Shape {
    let issuer = "https://api.workos.com";
    Shape {
        name: "danger-workos",
        issuer,
        audience: "unused",
        access: Token(
            None,
            json!({
                "iss": issuer, "sub": "user_01", "act": { "sub": "admin@foocorp.com" }, "org_id": "org_01", "role": "member",
                "roles": ["member"], "permissions": ["posts:read", "posts:write"], "entitlements": ["audit-logs"],
                "sid": "session_01", "jti": "01HQ", "exp": EXP, "iat": NOW,
            }),
        ),
        read: json!({
            "sub": "user_01", "client_id": null, "scope": "posts:read posts:write", "sid": "session_01", "jti": "01HQ",
            "aud": [], "roles": ["member", "member"],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({ "iss": issuer, "aud": "client_1", "sub": "user_01", "iat": NOW, "exp": EXP, "nonce": "n" }),
        )),
        others: vec![],
        marks: vec![json!({ "sid": "absent" }), json!({ "sid": null })],
    }
}
