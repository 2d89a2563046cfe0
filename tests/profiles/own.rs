//! Servers that people run themselves: as they answered when they were run, or by their documents.

use serde_json::{Value, json};

use crate::shape::{NOW, Shape, Token};

const EXP: i64 = NOW + 3600;
const API: &str = "https://api.example";

/// Those that follow RFC 9068.
pub(crate) fn strict() -> Vec<Shape> {
    vec![
        at_jwt("rfc9068", "https://id.example", json!({})),
        at_jwt("oidc-provider", "http://127.0.0.1:4101", json!({})),
        at_jwt("logto", "https://tenant.logto.app/oidc", json!({})),
        at_jwt(
            "better-auth",
            "http://127.0.0.1:4105/api/auth",
            json!({
                "aud": [API, "http://127.0.0.1:4105/api/auth/oauth2/userinfo"], "azp": "c", "sid": "s1",
            }),
        ),
        at_jwt("authlib", "http://127.0.0.1:4107", json!({})),
        at_jwt(
            "glewlwyd",
            "http://127.0.0.1:4110/api/oidc",
            json!({ "type": "access_token", "nbf": NOW }),
        ),
    ]
}

fn at_jwt(name: &'static str, issuer: &'static str, more: Value) -> Shape {
    let access = Token(
        Some("at+jwt"),
        json!({
            "iss": issuer, "sub": "alice", "aud": API, "exp": EXP, "iat": NOW, "jti": "j", "client_id": "c",
            "scope": "openid read",
        }),
    )
    .with(&more);
    let id = json!({
        "iss": issuer, "sub": "alice", "aud": "c", "exp": EXP, "iat": NOW, "nonce": "n", "at_hash": "h",
    });
    Shape {
        name,
        issuer,
        audience: API,
        read: json!({
            "sub": "alice", "client_id": "c", "scope": "openid read", "sid": access.1["sid"], "jti": "j",
            "aud": access.1["aud"], "roles": [],
        }),
        access,
        id: Some(Token(None, id.clone())),
        others: vec![
            Token(Some("logout+jwt"), id.clone()),
            Token(Some("secevent+jwt"), id.clone()),
            Token(Some("JWT"), id),
        ],
        marks: vec![],
    }
}

/// Those that do not.
pub(crate) fn others() -> Vec<Shape> {
    vec![
        keycloak(),
        zitadel(),
        hydra(),
        better_auth_session(),
        lemonldap_ng(),
        canaille(),
        oauth2_mock_server(),
    ]
}

fn keycloak() -> Shape {
    let issuer = "https://sso.example/realms/R";
    let kind = |typ: &str| {
        json!({
            "exp": EXP, "iat": NOW, "jti": "k1", "iss": issuer, "aud": API, "sub": "u1", "typ": typ, "azp": "spa",
            "sid": "s1", "scope": "openid",
        })
    };
    Shape {
        name: "keycloak",
        issuer,
        audience: API,
        access: Token(
            Some("JWT"),
            json!({
                "exp": EXP, "iat": NOW, "auth_time": NOW, "jti": "onrtac:9e4d", "iss": issuer, "aud": [API, "account"],
                "sub": "u1", "typ": "Bearer", "azp": "spa", "sid": "s1", "acr": "1", "allowed-origins": ["https://app.example"],
                "realm_access": { "roles": ["offline_access", "editor"] },
                "resource_access": { "my.api": { "roles": ["manage"] } }, "scope": "openid email",
            }),
        ),
        read: json!({
            "sub": "u1", "client_id": "spa", "scope": "openid email", "sid": "s1", "jti": "onrtac:9e4d",
            "aud": [API, "account"], "roles": ["offline_access", "editor"],
        }),
        id: Some(Token(Some("JWT"), kind("ID"))),
        others: vec![
            Token(Some("JWT"), kind("Refresh")),
            Token(Some("JWT"), kind("Offline")),
            Token(Some("JWT"), kind("Logout")),
            Token(Some("logout+jwt"), kind("Bearer")),
        ],
        marks: vec![
            json!({ "typ": "ID" }),
            json!({ "typ": "bearer" }),
            json!({ "typ": "absent" }),
        ],
    }
}

fn zitadel() -> Shape {
    let issuer = "https://instance.zitadel.cloud";
    let audience = json!(["client@project", "217"]);
    Shape {
        name: "zitadel",
        issuer,
        audience: "217",
        access: Token(
            Some("JWT"),
            json!({
                "iss": issuer, "sub": "2181", "aud": audience, "exp": EXP, "iat": NOW, "nbf": NOW,
                "client_id": "client@project", "jti": "V2_1",
                "urn:zitadel:iam:org:project:roles": { "admin": { "215": "org.example" } },
            }),
        ),
        read: json!({
            "sub": "2181", "client_id": "client@project", "scope": "", "sid": null, "jti": "V2_1", "aud": audience,
            "roles": ["admin"],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({
                "iss": issuer, "sub": "2181", "aud": audience, "exp": EXP, "iat": NOW, "auth_time": NOW, "amr": ["pwd"],
                "azp": "client@project", "client_id": "client@project", "sid": "V1_2",
            }),
        )),
        others: vec![],
        marks: vec![json!({ "jti": "absent" }), json!({ "nbf": "absent" })],
    }
}

fn hydra() -> Shape {
    let issuer = "https://hydra.example/";
    Shape {
        name: "hydra",
        issuer,
        audience: API,
        access: Token(
            Some("JWT"),
            json!({
                "aud": [API], "client_id": "c", "exp": EXP, "ext": { "x": 1 }, "iat": NOW, "iss": issuer, "jti": "h1",
                "nbf": NOW, "scp": ["offline", "read"], "sub": "alice",
            }),
        ),
        read: json!({
            "sub": "alice", "client_id": "c", "scope": "offline read", "sid": null, "jti": "h1", "aud": [API], "roles": [],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({
                "aud": ["c"], "auth_time": NOW, "exp": EXP, "iat": NOW, "iss": issuer, "jti": "h2", "rat": NOW,
                "sid": "s", "sub": "alice",
            }),
        )),
        others: vec![
            // An ID token into which the consent application has put a `client_id`.
            Token(
                Some("JWT"),
                json!({
                    "aud": [API], "client_id": "c", "exp": EXP, "iat": NOW, "iss": issuer, "rat": NOW, "sub": "alice",
                }),
            ),
        ],
        marks: vec![json!({ "client_id": "absent" }), json!({ "rat": NOW })],
    }
}

fn better_auth_session() -> Shape {
    let issuer = "http://127.0.0.1:4105";
    Shape {
        name: "better-auth-session",
        issuer,
        audience: issuer,
        access: Token(
            None,
            json!({
                "iat": NOW, "name": "Alice", "email": "alice@example.com", "emailVerified": false, "id": "u1", "sub": "u1",
                "exp": EXP, "iss": issuer, "aud": issuer,
            }),
        ),
        read: json!({
            "sub": "u1", "client_id": null, "scope": "", "sid": null, "jti": null, "aud": issuer, "roles": [],
        }),
        id: Some(Token(
            None,
            json!({
                "auth_time": NOW, "acr": "0", "iss": issuer, "sub": "u1", "aud": "c", "iat": NOW, "exp": EXP, "sid": "s1",
            }),
        )),
        others: vec![
            // An access token of the OAuth server that has the same keys.
            Token(
                Some("at+jwt"),
                json!({
                    "sub": "u1", "aud": issuer, "client_id": "c", "azp": "c", "scope": "openid", "iss": issuer,
                    "iat": NOW, "exp": EXP, "jti": "j",
                }),
            ),
        ],
        marks: vec![json!({ "id": "absent" }), json!({ "id": "" })],
    }
}

fn lemonldap_ng() -> Shape {
    let issuer = "http://auth.example/";
    Shape {
        name: "lemonldap-ng",
        issuer,
        audience: API,
        access: Token(
            Some("JWT"),
            json!({
                "iat": NOW, "client_id": "rpj", "exp": EXP, "aud": ["rpj", API], "sub": "dwho", "iss": issuer, "jti": "l1",
                "scope": "openid read offline_access",
            }),
        ),
        read: json!({
            "sub": "dwho", "client_id": "rpj", "scope": "openid read offline_access", "sid": null, "jti": "l1",
            "aud": ["rpj", API], "roles": [],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({
                "iss": issuer, "sub": "dwho", "aud": ["rpj", API], "azp": "rpj", "exp": EXP, "iat": NOW, "auth_time": NOW,
                "acr": "loa-2",
            }),
        )),
        others: vec![Token(
            Some("logout+JWT"),
            json!({ "iss": issuer, "sub": "dwho", "aud": ["rpj"], "iat": NOW, "jti": "l2", "events": {} }),
        )],
        marks: vec![json!({ "client_id": "absent" }), json!({ "jti": "absent" })],
    }
}

fn canaille() -> Shape {
    let issuer = "http://127.0.0.1:4109/";
    Shape {
        name: "danger-canaille",
        issuer,
        audience: "c",
        access: Token(
            Some("JWT"),
            json!({
                "iss": issuer, "aud": ["c"], "iat": NOW, "exp": EXP, "auth_time": NOW, "sub": "alice", "name": "Alice",
            }),
        ),
        read: json!({
            "sub": "alice", "client_id": null, "scope": "", "sid": null, "jti": null, "aud": ["c"], "roles": [],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({
                "iss": issuer, "aud": ["c"], "iat": NOW, "exp": EXP, "auth_time": NOW, "at_hash": "h", "sub": "alice",
            }),
        )),
        others: vec![],
        marks: vec![json!({ "at_hash": "h" }), json!({ "nonce": "n" })],
    }
}

fn oauth2_mock_server() -> Shape {
    let issuer = "http://localhost:8080";
    Shape {
        name: "danger-oauth2-mock-server",
        issuer,
        audience: "unused",
        access: Token(
            Some("JWT"),
            json!({
                "iss": issuer, "iat": NOW, "exp": EXP, "nbf": NOW - 10, "sub": "johndoe", "amr": ["pwd"], "scope": "dummy",
            }),
        ),
        read: json!({
            "sub": "johndoe", "client_id": null, "scope": "dummy", "sid": null, "jti": null, "aud": [], "roles": [],
        }),
        id: Some(Token(
            Some("JWT"),
            json!({
                "iss": issuer, "iat": NOW, "exp": EXP, "nbf": NOW - 10, "sub": "johndoe", "aud": "c",
            }),
        )),
        others: vec![],
        marks: vec![json!({ "scope": "absent" }), json!({ "scope": "" })],
    }
}
