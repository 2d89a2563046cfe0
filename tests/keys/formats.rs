//! What is read as a key, and what is refused.

use serde_json::{Value, json};
use tower_bearer::{Algorithm, KeySet, SigningKey, VerifyingKey, VerifyingKeys, jws::KeyErrorKind};

use crate::support::*;

/// What `openssl genpkey`, `rsa -traditional` and `ecparam -genkey` write, made for these tests.
const OPENSSL: [(Algorithm, &str, &str); 9] = [
    (
        Algorithm::RS256,
        include_str!("rsa_pkcs8.pem"),
        include_str!("rsa_pkcs8.pub.pem"),
    ),
    (
        Algorithm::PS256,
        include_str!("rsa_pkcs1.pem"),
        include_str!("rsa_pkcs1.pub.pem"),
    ),
    (
        Algorithm::ES256,
        include_str!("p256_sec1.pem"),
        include_str!("p256_sec1.pub.pem"),
    ),
    (
        Algorithm::ES384,
        include_str!("p384_sec1.pem"),
        include_str!("p384_sec1.pub.pem"),
    ),
    (
        Algorithm::ES256,
        include_str!("p256_pkcs8.pem"),
        include_str!("p256_pkcs8.pub.pem"),
    ),
    (
        Algorithm::EdDSA,
        include_str!("ed25519_pkcs8.pem"),
        include_str!("ed25519_pkcs8.pub.pem"),
    ),
    (
        Algorithm::Ed25519,
        include_str!("ed25519_pkcs8.pem"),
        include_str!("ed25519_pkcs8.pub.pem"),
    ),
    (
        Algorithm::ES512,
        include_str!("p521_sec1.pem"),
        include_str!("p521_sec1.pub.pem"),
    ),
    (
        Algorithm::ES512,
        include_str!("p521_pkcs8.pem"),
        include_str!("p521_pkcs8.pub.pem"),
    ),
];

#[test]
fn kid_defaults_to_the_thumbprint() {
    let rsa = VerifyingKey::from_jwk(RSA_PUBLIC).unwrap();
    assert_eq!(
        rsa.kid(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "RFC 7638 §3.1"
    );
    let ed = SigningKey::from_jwk(ED_PRIVATE).unwrap();
    assert_eq!(
        ed.kid(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "RFC 8037 A.3"
    );
    assert_eq!(ed.verifying_key().kid(), ed.kid());

    let named = VerifyingKey::from_jwk(&with(RSA_PUBLIC, &[("kid", "mine".into())])).unwrap();
    assert_eq!(named.kid(), "mine");
    wrong_format(VerifyingKey::from_jwk(&with(
        RSA_PUBLIC,
        &[("kid", 7.into())],
    )));
    wrong_format(rsa.clone().with_kid(""));
    wrong_format(rsa.with_kid("k".repeat(257)));
}

#[test]
fn secrets_are_as_long_as_the_hash() {
    for (algorithm, bytes) in [
        (Algorithm::HS256, 32),
        (Algorithm::HS384, 48),
        (Algorithm::HS512, 64),
    ] {
        let secret = vec![7; bytes];
        assert!(SigningKey::from_secret(algorithm, &secret).is_ok());
        for weak in [
            refused(SigningKey::from_secret(algorithm, &secret[1..])),
            refused(VerifyingKey::from_secret(algorithm, &secret[1..])),
        ] {
            assert!(matches!(
                weak,
                KeyErrorKind::Weak { bits, minimum, .. }
                    if bits == bytes * 8 - 8 && minimum == bytes * 8
            ));
        }
    }
    wrong_format(SigningKey::from_secret(Algorithm::RS256, [7; 64]));
    wrong_format(VerifyingKey::from_secret(Algorithm::EdDSA, [7; 64]));
}

#[test]
fn base64_secrets_are_read_in_every_alphabet() {
    let secret = [0xfb; 32];
    let direct = SigningKey::from_secret(Algorithm::HS256, secret).unwrap();
    for text in [
        "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=",
        "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s",
        "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s=",
        " -_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s\n",
    ] {
        let key = SigningKey::from_base64_secret(Algorithm::HS256, text).unwrap();
        assert_eq!(key.kid(), direct.kid());
    }
    wrong_format(SigningKey::from_base64_secret(
        Algorithm::HS256,
        "not base64!",
    ));
}

#[test]
fn a_jwk_is_used_only_for_what_it_is_meant_for() {
    for (name, value) in [
        ("use", Value::from("enc")),
        ("use", Value::Null),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!("sign verify")),
        ("alg", json!("ES256")),
        ("crv", json!("P-256")),
    ] {
        wrong_use(SigningKey::from_jwk(&with(
            ED_PRIVATE,
            &[("alg", json!("EdDSA")), (name, value.clone())],
        )));
        wrong_use(VerifyingKey::from_jwk(&with(
            ED_PRIVATE,
            &[("alg", json!("EdDSA")), (name, value)],
        )));
    }
    let signs = with(
        ED_PRIVATE,
        &[("key_ops", json!(["sign"])), ("use", "sig".into())],
    );
    assert!(SigningKey::from_jwk(&signs).is_ok());
    wrong_use(VerifyingKey::from_jwk(&signs));
    let verifies = with(ED_PRIVATE, &[("key_ops", json!(["verify"]))]);
    assert!(VerifyingKey::from_jwk(&verifies).is_ok());
    wrong_use(SigningKey::from_jwk(&verifies));
}

#[test]
fn rsa_and_oct_need_their_algorithm() {
    let rsa = RSA_PUBLIC.replace(r#","alg":"RS256""#, "");
    wrong_use(VerifyingKey::from_jwk(&rsa));
    let key = VerifyingKey::from_jwk_as(Algorithm::PS512, &rsa).unwrap();
    assert_eq!(key.algorithm(), Algorithm::PS512);
    wrong_use(VerifyingKey::from_jwk_as(Algorithm::PS512, RSA_PUBLIC));
    wrong_use(VerifyingKey::from_jwk_as(Algorithm::HS256, &rsa));

    let oct = json!({ "kty": "oct", "k": "A".repeat(86) }).to_string();
    wrong_use(SigningKey::from_jwk(&oct));
    assert!(SigningKey::from_jwk_as(Algorithm::HS512, &oct).is_ok());
    wrong_use(SigningKey::from_jwk_as(Algorithm::RS256, &oct));
}

#[test]
fn what_is_not_supported_says_so() {
    for (name, value) in [
        ("crv", "X25519"),
        ("crv", "Ed448"),
        ("kty", "LWE"),
        ("alg", "ES256K"),
    ] {
        let kind = refused(VerifyingKey::from_jwk(&with(
            ED_PRIVATE,
            &[(name, value.into())],
        )));
        assert!(kind == KeyErrorKind::UnsupportedAlgorithm, "{kind:?}");
    }
}

#[test]
fn malformed_jwks_are_refused() {
    for text in ["", "null", "[]", "{}", r#"{"kty":"OKP","kty":"OKP"}"#] {
        wrong_format(VerifyingKey::from_jwk(text));
    }
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    for other in [
        json!(format!("{x}=")),
        json!(&x[1..]),
        json!(""),
        json!(7),
        Value::Null,
    ] {
        wrong_format(VerifyingKey::from_jwk(&with(ED_PRIVATE, &[("x", other)])));
    }
    wrong_format(SigningKey::from_jwk(&with(
        ED_PRIVATE,
        &[("d", Value::Null)],
    )));
}

#[test]
fn off_the_curve_is_refused() {
    let x = json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    let off = with(EC_PRIVATE, &[("y", x)]);
    wrong_format(VerifyingKey::from_jwk(&off));
    wrong_format(SigningKey::from_jwk(&off));
    wrong_format(VerifyingKey::from_jwk(&with(
        EC_PRIVATE,
        &[("y", json!("AAAA"))],
    )));
}

#[test]
fn a_private_key_of_another_public_one_is_refused() {
    let d = json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    for jwk in [EC_PRIVATE, ED_PRIVATE] {
        assert!(SigningKey::from_jwk(jwk).is_ok());
        wrong_format(SigningKey::from_jwk(&with(jwk, &[("d", d.clone())])));
    }
}

#[test]
fn bad_rsa_numbers_are_refused() {
    let n: Value = serde_json::from_str::<Value>(RSA_PUBLIC).unwrap()["n"].clone();
    let n = n.as_str().unwrap();
    for e in ["AQ", "Ag", "AAABAAE", "AQAAAAE", ""] {
        wrong_format(VerifyingKey::from_jwk(&with(
            RSA_PUBLIC,
            &[("e", e.into())],
        )));
    }
    let even = format!("{}A", &n[..n.len() - 1]);
    wrong_format(VerifyingKey::from_jwk(&with(
        RSA_PUBLIC,
        &[("n", even.into())],
    )));
    let short = json!(format!("{}w", &n[..n.len() / 2]));
    let kind = refused(VerifyingKey::from_jwk(&with(RSA_PUBLIC, &[("n", short)])));
    assert!(
        matches!(kind, KeyErrorKind::Weak { minimum: 2048, .. }),
        "{kind:?}"
    );
    let long = json!(format!("{}B", n.repeat(5)));
    wrong_format(VerifyingKey::from_jwk(&with(RSA_PUBLIC, &[("n", long)])));
}

#[test]
fn pem_and_der_take_keys_only() {
    let ec = SigningKey::generate(Algorithm::ES256)
        .unwrap()
        .export_private()
        .unwrap();
    let text = ec.expose();
    let der = pem_body(text);
    let direct = SigningKey::from_pem(Algorithm::ES256, text.as_bytes()).unwrap();
    assert_eq!(
        SigningKey::from_der(Algorithm::ES256, &der).unwrap().kid(),
        direct.kid()
    );

    for algorithm in ALL
        .into_iter()
        .filter(|algorithm| *algorithm != Algorithm::ES256)
    {
        wrong_format(SigningKey::from_pem(algorithm, text.as_bytes()));
        wrong_format(SigningKey::from_der(algorithm, &der));
        wrong_format(VerifyingKey::from_pem(algorithm, text.as_bytes()));
    }
    for label in [
        "PUBLIC KEY",
        "CERTIFICATE",
        "ENCRYPTED PRIVATE KEY",
        "RSA PRIVATE KEY",
    ] {
        let other = text.replace("PRIVATE KEY", label);
        wrong_format(SigningKey::from_pem(Algorithm::ES256, other.as_bytes()));
    }
    wrong_format(SigningKey::from_pem(
        Algorithm::ES256,
        text.repeat(2).as_bytes(),
    ));
    wrong_format(SigningKey::from_pem(Algorithm::ES256, b""));
    wrong_format(SigningKey::from_der(
        Algorithm::ES256,
        &der[..der.len() - 1],
    ));
    wrong_format(VerifyingKey::from_der(Algorithm::ES256, &der));
}

#[test]
fn openssl_files_are_read() {
    for (algorithm, private, public) in OPENSSL {
        let signing = SigningKey::from_pem(algorithm, private.as_bytes()).unwrap();
        let verifying = VerifyingKey::from_pem(algorithm, public.as_bytes()).unwrap();
        assert_eq!(signing.kid(), verifying.kid(), "{algorithm}");
        let der = VerifyingKey::from_der(algorithm, pem_body(public)).unwrap();
        assert_eq!(der.kid(), verifying.kid());
        let keys = KeySet::new(signing);
        accepted(&VerifyingKeys::new([verifying]).unwrap(), &token(&keys));
    }
}

#[test]
fn algorithms_have_their_names() {
    for algorithm in ALL {
        assert_eq!(
            algorithm.to_string().parse::<Algorithm>().unwrap(),
            algorithm
        );
        for other in [algorithm.as_str().to_lowercase(), format!("{algorithm} ")] {
            let error = other.parse::<Algorithm>().unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::UnsupportedAlgorithm);
            assert!(error.to_string().contains(&format!("{other:?}")), "{error}");
        }
    }
}
