//! Sets as issuers publish them: what real ones were seen to have, and what nobody should.

use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, KeySet, SigningKey,
    error::TokenError,
    jws::{JwkSet, JwkSetReader, KeyErrorKind},
};

use crate::support::*;

/// oidc-provider, Authlib, lemonldap-ng and Microsoft Entra ID publish RSA keys so, canaille beside
/// an Ed25519 key.
#[test]
fn rsa_keys_without_alg_are_for_one_algorithm() {
    let (rsa256, ed) = (rsa(Algorithm::RS256), key(Algorithm::EdDSA, "ed"));
    let bare = without(jwk(&rsa256), &["alg"]);
    accepts(read(std::slice::from_ref(&bare)), &[&rsa256]);
    accepts(
        read(&[without(bare.clone(), &["use"]), jwk(&ed)]),
        &[&rsa256, &ed],
    );

    let text = set(&[bare]);
    let reader = JwkSetReader::new().rsa_algorithm(Algorithm::RS512);
    let trusted = reader.unwrap().read(&text).unwrap().into_keys().unwrap();
    accepted(&trusted, &token(&KeySet::new(rsa(Algorithm::RS512))));
    // RFC 8725 §3.1.
    let other = verify(&trusted, &token(&KeySet::new(rsa256)));
    assert_eq!(other, Err(TokenError::Algorithm));
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
        wrong_format(JwkSetReader::new().rsa_algorithm(algorithm));
    }
}

/// The algorithm of RSA keys changes nothing for those that name one, or need another.
#[test]
fn what_rsa_keys_are_for_is_no_ones_else() {
    let text = set(&[
        jwk(&rsa(Algorithm::PS256)),
        without(jwk(&key(Algorithm::ES384, "ec")), &["alg"]),
        json!({ "kty": "oct", "kid": "secret", "k": "A".repeat(86) }),
    ]);
    let reader = JwkSetReader::new().rsa_algorithm(Algorithm::RS512).unwrap();
    let read = reader.read(&text).unwrap();
    let algorithms: Vec<_> = read.keys().iter().map(|key| key.algorithm()).collect();
    assert_eq!(algorithms, [Algorithm::PS256, Algorithm::ES384]);
    assert_eq!(left_out(&read), [(2, Some("secret"), KeyErrorKind::Use)]);
}

/// Keys beside a good one, and the reason for which each is left out.
#[test]
fn odd_keys_are_left_out_and_reported() {
    use KeyErrorKind::{Format, UnsupportedAlgorithm, Use};
    let good = key(Algorithm::ES256, "good");
    let odd = jwk(&key(Algorithm::ES256, "odd"));
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let weak = format!("{}_w", "_".repeat(169));
    let with = |name, value: Value| changed(odd.clone(), name, value);
    let cases = [
        ("unknown kty", with("kty", json!("LWE")), Use, true),
        (
            "unknown kty without alg",
            without(with("kty", json!("LWE")), &["alg", "crv"]),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "no kty",
            without(without(odd.clone(), &["kty"]), &["alg"]),
            Format,
            true,
        ),
        ("use enc", with("use", json!("enc")), Use, true),
        ("use SIG", with("use", json!("SIG")), Use, true),
        ("use null", with("use", Value::Null), Use, true),
        ("key_ops []", with("key_ops", json!([])), Use, true),
        ("key_ops sign", with("key_ops", json!(["sign"])), Use, true),
        (
            "RSA-OAEP",
            with("alg", json!("RSA-OAEP")),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "RSA-OAEP-256",
            with("alg", json!("RSA-OAEP-256")),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "ECDH-ES",
            with("alg", json!("ECDH-ES")),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "ESP256",
            with("alg", json!("ESP256")),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "alg none",
            with("alg", json!("none")),
            UnsupportedAlgorithm,
            true,
        ),
        ("alg null", with("alg", Value::Null), Format, true),
        ("another alg", with("alg", json!("ES384")), Use, true),
        ("secp256k1", with("crv", json!("secp256k1")), Use, true),
        (
            "secp256k1 without alg",
            without(with("crv", json!("secp256k1")), &["alg"]),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "X25519",
            json!({ "kty": "OKP", "crv": "X25519", "kid": "odd", "x": x }),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "Ed448",
            json!({ "kty": "OKP", "crv": "Ed448", "kid": "odd", "x": x }),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "SLH-DSA",
            json!({ "kty": "AKP", "alg": "SLH-DSA-SHA2-128s", "kid": "odd", "pub": x }),
            UnsupportedAlgorithm,
            true,
        ),
        (
            "a secret",
            json!({ "kty": "oct", "alg": "HS256", "kid": "odd", "k": x }),
            Use,
            true,
        ),
        ("kid a number", with("kid", json!(7)), Format, false),
        ("kid empty", with("kid", json!("")), Format, false),
        (
            "kid too long",
            with("kid", json!("k".repeat(257))),
            Format,
            false,
        ),
        ("padded", with("x", json!(format!("{x}="))), Format, true),
        ("off the curve", with("x", json!(x)), Format, true),
        ("no y", without(odd.clone(), &["y"]), Format, true),
        (
            "two zero octets",
            json!({ "kty": "RSA", "kid": "odd", "n": x, "e": "AAABAAE" }),
            Format,
            true,
        ),
        ("issuer a list", with("issuer", json!(["a"])), Format, true),
        ("null", Value::Null, Format, false),
        ("a text", json!("a key"), Format, false),
        ("a list", json!([odd]), Format, false),
        ("an empty object", json!({}), Format, false),
    ];
    for (name, odd, kind, has_kid) in cases {
        for at in [0, 1] {
            let mut keys = vec![jwk(&good)];
            keys.insert(at, odd.clone());
            let read = read(&keys);
            let kid = has_kid.then_some("odd");
            assert_eq!(left_out(&read), [(at, kid, kind)], "{name}");
            assert_eq!(read.keys().len(), 1, "{name}");
            accepts(read, &[&good]);
        }
    }
    let weak = json!({ "kty": "RSA", "kid": "odd", "n": weak, "e": "AQAB" });
    let weak = read(&[jwk(&good), weak]);
    let kind = weak.skipped()[0].reason().kind();
    assert!(
        matches!(
            kind,
            KeyErrorKind::Weak {
                bits: 1024,
                minimum: 2048,
                ..
            }
        ),
        "{kind:?}"
    );
}

/// What is no JSON value of ours, but a key of the set.
#[test]
fn a_key_is_parsed_by_itself() {
    let good = key(Algorithm::ES256, "good");
    let text = jwk(&good).to_string();
    let twice = |member: &str| text.replacen('{', &format!("{{{member},"), 1);
    for odd in [
        twice(r#""kid":"good""#),
        twice(r#""x":"AAAA""#),
        twice(r#""x5c":["a"],"x5c":["b"]"#),
        r#"{"kty":"RSA","use":"enc","use":"enc"}"#.to_owned(),
        r#"{"kty":"RSA","exp":1e999}"#.to_owned(),
        format!("{}{}", "[".repeat(500), "]".repeat(500)),
    ] {
        let set = JwkSet::read(&format!(r#"{{"keys":[{odd},{text}]}}"#)).unwrap();
        assert_eq!(left_out(&set), [(0, None, KeyErrorKind::Format)], "{odd}");
        accepts(set, &[&good]);
    }
}

/// What others add to good keys.
#[test]
fn keys_with_more_than_is_needed_are_read() {
    let good = key(Algorithm::ES256, "good");
    let jwk = jwk(&good);
    for (name, value) in [
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("exp", json!(1)),
        ("nbf", json!(9_999_999_999_u64)),
        ("issuer", json!(ISS)),
        ("key_ops", json!(["verify"])),
        ("unheard-of", json!({ "a": [null] })),
    ] {
        let set = read(&[changed(jwk.clone(), name, value)]);
        assert!(set.skipped().is_empty(), "{name}");
        accepts(set, &[&good]);
    }
    accepts(read(&[without(jwk.clone(), &["alg", "use"])]), &[&good]);
    let unnamed = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let bare = without(self::jwk(&unnamed), &["kid", "use"]);
    accepts(read(&[bare]), &[&unnamed]);
    let three = with(RSA_PUBLIC, &[("e", json!("Aw"))]);
    assert_eq!(
        read(&[serde_json::from_str(&three).unwrap()]).keys().len(),
        1
    );
}

/// RFC 7518 §6.3.1.1 tells of libraries that write it.
#[test]
fn a_leading_zero_of_an_rsa_number_makes_no_other_key() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let rsa = rsa(Algorithm::RS256);
    let mut jwk = without(jwk(&rsa), &["kid"]);
    for name in ["n", "e"] {
        let octets = URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        jwk[name] = URL_SAFE_NO_PAD.encode([&[0], &*octets].concat()).into();
        let set = read(&[jwk.clone()]);
        assert_eq!(set.keys()[0].kid(), rsa.kid(), "the thumbprint");
        accepts(set, &[&rsa]);
    }
}
