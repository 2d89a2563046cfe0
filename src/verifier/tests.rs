use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    claims::VerifiedToken,
    clock::{ManualClock, Timestamp},
    error::{ErrorCode, TokenError},
    issuer::ACCESS_TOKEN_TYPE,
    jws::{Algorithm, KeySet, SigningKey},
};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

#[test]
fn an_empty_issuer_is_explained_to_whoever_verifies() {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap()).verifying();
    let error = Verifier::new("", "audience", keys).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::EmptyIssuer);
    assert!(error.to_string().contains("`iss`"), "{error}");
}

struct Pair {
    keys: KeySet,
    verifier: Verifier,
}

fn pair() -> Pair {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let verifier = Verifier::new("issuer", "audience", keys.verifying())
        .unwrap()
        .clock(ManualClock::new(NOW));
    Pair { keys, verifier }
}

impl Pair {
    /// Verifies a valid token after changing its members. The value `absent` removes a member.
    fn verify(&self, changes: Value) -> Result<VerifiedToken, TokenError> {
        self.verifier.verify(&self.token(changes))
    }

    fn token(&self, changes: Value) -> String {
        let now = NOW.as_secs();
        let mut claims = json!({
            "iss": "issuer", "sub": "alice", "aud": "audience", "exp": now + 60, "iat": now,
            "jti": "1", "client_id": "app",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
            .as_object_mut()
            .unwrap()
            .retain(|_, value| *value != "absent");
        self.keys
            .sign(ACCESS_TOKEN_TYPE, claims.to_string().as_bytes())
            .unwrap()
    }

    fn leeway(mut self, seconds: u64) -> Self {
        self.verifier = self.verifier.leeway(Duration::from_secs(seconds)).unwrap();
        self
    }
}

#[track_caller]
fn refused(result: Result<VerifiedToken, TokenError>) -> TokenError {
    result.unwrap_err()
}

#[test]
fn names_are_not_empty() {
    let keys = || pair().keys.verifying();
    let kind = |made: Result<Verifier, ConfigError>| made.unwrap_err().kind();
    assert_eq!(
        kind(Verifier::new("", "b", keys())),
        ConfigErrorKind::EmptyIssuer
    );
    assert_eq!(
        kind(Verifier::new("a", "", keys())),
        ConfigErrorKind::EmptyAudience
    );
}

#[test]
fn a_token_ends_when_exp_and_the_leeway_have_come() {
    let now = NOW.as_secs();
    for (leeway, exp, expired) in [
        (0, now, true),
        (0, now + 1, false),
        (5, now - 5, true),
        (5, now - 4, false),
    ] {
        let result = pair().leeway(leeway).verify(json!({ "exp": exp }));
        assert_eq!(
            result.err(),
            expired.then_some(TokenError::Expired),
            "{leeway} {exp}"
        );
    }
    let half = pair()
        .leeway(0)
        .verify(json!({ "exp": now as f64 + 0.001 }));
    assert!(half.is_ok());
}

#[test]
fn the_future_is_refused_beyond_the_leeway() {
    let now = NOW.as_secs();
    for name in ["nbf", "iat"] {
        assert!(
            pair().verify(json!({ name: now + 5 })).is_ok(),
            "the default"
        );
        let error = refused(pair().verify(json!({ name: now + 6 })));
        assert_eq!(error, TokenError::NotYetValid, "{name}");
        assert!(pair().leeway(0).verify(json!({ name: now })).is_ok());
        assert!(pair().leeway(0).verify(json!({ name: now + 1 })).is_err());
    }
}

#[test]
fn the_leeway_has_a_limit() {
    let set = |seconds| pair().verifier.leeway(Duration::from_secs(seconds));
    assert!(set(300).is_ok());
    assert_eq!(set(301).unwrap_err().kind(), ConfigErrorKind::Lifetime);
}

#[test]
fn claims_are_there_and_of_their_type() {
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        assert_eq!(
            refused(pair().verify(json!({ name: "absent" }))),
            TokenError::Claims
        );
    }
    for changes in [
        json!({ "iss": ["issuer"] }),
        json!({ "sub": 7 }),
        json!({ "sub": "" }),
        json!({ "aud": [["audience"]] }),
        json!({ "exp": "soon" }),
        json!({ "nbf": null }),
        json!({ "iat": true }),
        json!({ "jti": 1 }),
        json!({ "jti": "" }),
        json!({ "client_id": "" }),
        json!({ "client_id": 1 }),
        json!({ "scope": ["read"] }),
        json!({ "scope": null }),
        json!({ "auth_time": "now" }),
    ] {
        assert_eq!(
            refused(pair().verify(changes.clone())),
            TokenError::Claims,
            "{changes}"
        );
    }
}

#[test]
fn claims_come_out_as_they_were_signed() {
    let token = pair()
        .verify(json!({
            "aud": ["other", "audience"], "scope": "read write", "sid": "s", "gen": 3,
            "auth_time": 7, "nbf": 8, "role": "admin",
        }))
        .unwrap();
    let claims = token.claims();
    assert!(claims.scope.contains("write"));
    assert_eq!(
        (claims.sid.as_deref(), claims.generation),
        (Some("s"), Some(3))
    );
    assert_eq!(claims.auth_time, Some(Timestamp::from_secs(7)));
    assert_eq!(claims.nbf, Some(Timestamp::from_secs(8)));
    let private: Map<String, Value> = token.claims_as().unwrap().private;
    assert_eq!(Value::from(private), json!({ "role": "admin" }));
}

#[test]
fn a_missing_client_id_can_be_allowed() {
    let mut pair = pair();
    pair.verifier = (pair.verifier)
        .profile(TokenProfile::rfc9068().danger_allow_missing_client_id())
        .unwrap();
    assert!(pair.verify(json!({ "client_id": "absent" })).is_ok());
    assert_eq!(
        refused(pair.verify(json!({ "client_id": 7 }))),
        TokenError::Claims
    );
}

#[test]
fn expired_is_told_last() {
    let with = |name: &str, value: Value| {
        let mut changes = json!({ "exp": 1 });
        changes[name] = value;
        refused(pair().verify(changes))
    };
    assert_eq!(with("iss", "other".into()), TokenError::Issuer);
    assert_eq!(with("aud", "other".into()), TokenError::Audience);
    assert_eq!(with("jti", 7.into()), TokenError::Claims);
    assert_eq!(with("x", 7.into()), TokenError::Expired);

    let [pair, stranger] = [pair(), pair()];
    let token = stranger.token(json!({ "exp": 1 }));
    assert_eq!(
        refused(pair.verifier.verify(&token)),
        TokenError::UnknownKey
    );
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(86));
    assert_eq!(
        refused(stranger.verifier.verify(&forged)),
        TokenError::Signature
    );
}

#[test]
fn length_is_limited_before_any_work() {
    let pair = pair();
    let token = pair.token(json!({}));
    let verifier = |bytes| pair.verifier.clone().max_token_bytes(bytes);
    assert!(verifier(token.len()).verify(&token).is_ok());
    let error = refused(verifier(token.len() - 1).verify(&token));
    assert_eq!(error, TokenError::TooLong);
    assert_eq!(ErrorCode::from(error), ErrorCode::InvalidRequest);
    let default = refused(
        pair.verifier
            .verify(&"A".repeat(DEFAULT_MAX_TOKEN_BYTES + 1)),
    );
    assert_eq!(default, TokenError::TooLong);
}

#[test]
fn twins_among_the_claims_are_refused() {
    let pair = pair();
    for twin in [r#","sub":"alice"}"#, r#","deep":{"a":1,"a":1}}"#] {
        let claims = format!(
            r#"{{"iss":"issuer","sub":"alice","aud":"audience","exp":{},"iat":0,"jti":"1","client_id":"app""#,
            NOW.as_secs() + 60
        );
        let sign = |text: String| pair.keys.sign(ACCESS_TOKEN_TYPE, text.as_bytes()).unwrap();
        assert!(pair.verifier.verify(&sign(format!("{claims}}}"))).is_ok());
        let error = refused(pair.verifier.verify(&sign(format!("{claims}{twin}"))));
        assert_eq!(error, TokenError::Malformed);
    }
}

/// How long it takes to find the issuer of a token among so many tenants.
fn search(tenants: usize) -> Duration {
    let (pair, template) = (pair(), "https://id.example/{tenantid}/v2.0");
    let tenants = (0..tenants).rev().map(|tenant| format!("t{tenant:05}"));
    let names: Vec<String> = tenants.collect();
    let keys = pair.keys.verifying();
    let issuer = TrustedIssuer::of_tenants(template, names.clone(), "audience", keys).unwrap();
    let verifier = Verifier::trusting([issuer.clone()]).unwrap();
    let round = || {
        let start = std::time::Instant::now();
        for tenant in names.iter().cycle().step_by(names.len() / 20 + 1).take(50) {
            let iss = template.replace("{tenantid}", tenant);
            let token = pair.token(json!({ "iss": iss }));
            let payload = token.split('.').nth(1).unwrap();
            let payload = URL_SAFE_NO_PAD.decode(payload).unwrap();
            assert_eq!(issuer.read(&payload, None).unwrap().claims.iss, iss);
            assert!(matches!(verifier.0.missing(&token), Ok(Missing::Unknown)));
        }
        start.elapsed()
    };
    (0..5).map(|_| round()).min().unwrap()
}

#[test]
fn many_tenants_make_no_request_slow() {
    let (few, many) = (search(3), search(50_000));
    assert!(many < few * 8, "{few:?} {many:?}");
}
