//! Tests with the signatures of published examples, and tests of what is refused in which order.
//! The payloads of the examples are not claims, so the public API cannot read them.

use std::{fs, path::Path};

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::KeyErrorKind;
use super::{
    Algorithm, KeySet, SigningKey, VerifyingKey, VerifyingKeys, compact::Compact, key::base64url,
};
use crate::error::TokenError;

#[path = "../../tests/vectors/folder.rs"]
mod folder;
#[cfg(feature = "aws-lc-rs")]
mod ml_dsa;

const MAX: usize = 8192;

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// The payload, if the signature is valid.
fn open(keys: &VerifyingKeys, token: &str) -> Result<Vec<u8>, TokenError> {
    let jws = Compact::parse(token, MAX)?;
    keys.verified(&jws, |_| true).map(|opened| opened.payload)
}

fn only(key: VerifyingKey) -> VerifyingKeys {
    VerifyingKeys::new([key]).unwrap()
}

#[test]
fn rfc7515_appendix_a() {
    let Some(folder) = folder::published("rfc7515-7517") else {
        return;
    };
    let file = |name: &str| {
        read(folder.join(format!("rfc7515_{name}")))
            .trim()
            .to_owned()
    };
    for (name, algorithm) in [
        ("A.1", Algorithm::HS256),
        ("A.2", Algorithm::RS256),
        ("A.3", Algorithm::ES256),
        ("A.4", Algorithm::ES512),
    ] {
        let (jwk, token) = (file(&format!("{name}.jwk")), file(&format!("{name}.jwsc")));
        let key = SigningKey::from_jwk_as(algorithm, &jwk).unwrap();
        let payload = open(&only(key.verifying_key()), &token).unwrap();
        let signs_claims = payload.starts_with(br#"{"iss":"joe","#);
        assert!(signs_claims || payload == b"Payload", "{name}");

        let jws = Compact::parse(&token, MAX).unwrap();
        let signature = key.sign(jws.signing_input.as_bytes()).unwrap();
        // With ECDSA, a message has many valid signatures.
        assert_eq!(
            jws.with_signature(|theirs| theirs == signature).unwrap(),
            !algorithm.as_str().starts_with("ES"),
            "{name}"
        );
    }
    let rsa: Value = serde_json::from_str(&file("A.2.jwk")).unwrap();
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        let mut other = rsa.clone();
        other[name] = rsa[if name == "p" { "dp" } else { "p" }].clone();
        let error = SigningKey::from_jwk_as(Algorithm::RS256, &other.to_string()).unwrap_err();
        assert!(error.kind() == KeyErrorKind::Format, "{name}");
    }
    let keys = only(VerifyingKey::from_jwk(&file("A.3.jwk")).unwrap());
    assert_eq!(
        open(&keys, &file("A.5.jwsc")),
        Err(TokenError::Malformed),
        "none"
    );
    assert_eq!(
        open(&keys, &file("A.6.jwsg")),
        Err(TokenError::Malformed),
        "JSON"
    );
    assert_eq!(
        open(&keys, &file("A.7.jwsf")),
        Err(TokenError::Malformed),
        "JSON"
    );
}

#[test]
fn rfc7517_key_sets() {
    let Some(folder) = folder::published("rfc7515-7517") else {
        return;
    };
    let file = |name: &str| read(folder.join(name));
    for name in ["rfc7517_A.1.jwkset", "rfc7517_A.2.jwkset"] {
        let jwks = VerifyingKeys::from_jwks(&file(name)).unwrap().jwks();
        let set: Value = serde_json::from_str(&jwks).unwrap();
        let keys = set["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 1, "the other is for encryption");
        assert_eq!(keys[0]["kid"], "2011-04-29");
        assert_eq!(keys[0].get("d"), None);
    }
    let secrets = VerifyingKeys::from_jwks(&file("rfc7517_A.3.jwkset"));
    assert_eq!(secrets.unwrap_err().kind(), KeyErrorKind::EmptySet);

    let key = file("rfc7517_B.jwk");
    let error = VerifyingKey::from_jwk(&key).unwrap_err();
    assert_eq!(error.kind(), KeyErrorKind::Use, "no alg");
    assert_eq!(
        VerifyingKey::from_jwk_as(Algorithm::RS256, &key)
            .unwrap()
            .kid(),
        "1b94c"
    );
}

#[test]
fn rfc7520_and_rfc8037_signatures() {
    let [Some(cookbook), Some(edwards)] = ["rfc7520-cookbook", "rfc8037"].map(folder::published)
    else {
        return;
    };
    let examples = [
        cookbook.join("4_1.rsa_v15_signature.json"),
        cookbook.join("4_2.rsa-pss_signature.json"),
        cookbook.join("4_3.ecdsa_signature.json"),
        cookbook.join("4_4.hmac-sha2_integrity_protection.json"),
        cookbook.join("ed25519_jws.json"),
        edwards.join("a4_jws.json"),
    ];
    for path in examples {
        let example: Value = serde_json::from_str(&read(&path)).unwrap();
        let algorithm = example["input"]["alg"].as_str().unwrap().parse().unwrap();
        let jwk = example["input"]["key"].to_string();
        let key = SigningKey::from_jwk_as(algorithm, &jwk).unwrap();
        let token = example["output"]["compact"].as_str().unwrap();
        let payload = open(&only(key.verifying_key()), token).unwrap();
        assert_eq!(
            payload,
            example["input"]["payload"].as_str().unwrap().as_bytes()
        );
    }
    let detached = read(cookbook.join("4_5.signature_with_detached_content.json"));
    let detached: Value = serde_json::from_str(&detached).unwrap();
    let key = VerifyingKey::from_jwk(&detached["input"]["key"].to_string()).unwrap();
    let token = detached["output"]["compact"].as_str().unwrap();
    assert_eq!(open(&only(key), token), Err(TokenError::Malformed));

    let public = VerifyingKey::from_jwk(&read(cookbook.join("3_1.ec_public_key.json"))).unwrap();
    let private = SigningKey::from_jwk(&read(cookbook.join("3_2.ec_private_key.json"))).unwrap();
    assert_eq!(public.algorithm(), Algorithm::ES512);
    assert!(public.equals(&private.verifying_key()));
}

#[test]
fn wycheproof_json_web_crypto() {
    let Some(folder) = folder::published("wycheproof") else {
        return;
    };
    let file: Value =
        serde_json::from_str(&read(folder.join("json_web_crypto_test.json"))).unwrap();
    let (mut signatures, mut encryptions) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let key = group.get("public").unwrap_or(&group["private"]);
        for case in group["tests"].as_array().unwrap() {
            let Some(token) = case.get("jws") else {
                encryptions += 1;
                continue;
            };
            signatures += 1;
            let keys = match key.get("keys") {
                Some(_) => VerifyingKeys::from_jwks(&key.to_string()),
                None => VerifyingKey::from_jwk(&key.to_string()).map(only),
            };
            let token = token
                .as_str()
                .map_or_else(|| token.to_string(), str::to_owned);
            let accepted = keys.is_ok_and(|keys| open(&keys, &token).is_ok());
            assert_eq!(
                accepted,
                case["result"] == "valid",
                "{}: {}",
                case["tcId"],
                case["comment"]
            );
        }
    }
    println!("{signatures} signatures, {encryptions} encryptions left out");
    assert_eq!((signatures, encryptions), (49, 34));
}

#[test]
fn a_set_opens_its_own_type_only() {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let token = keys.sign("rt+jwt", b"anything").unwrap();
    let open = |typ, max| {
        let opened = keys
            .verifying()
            .open(&token, |header| header.is_type(typ), max);
        opened.map(|opened| opened.payload)
    };
    assert_eq!(open("rt+jwt", MAX).unwrap(), b"anything");
    assert_eq!(open("at+jwt", MAX), Err(TokenError::Type));
    assert_eq!(open("rt+jwt", token.len() - 1), Err(TokenError::TooLong));
}

/// A set keeps the header of one type for each key that signs.
#[test]
fn a_header_names_its_own_type_and_the_key_that_signs() {
    let [one, two] = [Algorithm::EdDSA, Algorithm::ES256].map(|algorithm| {
        let key = SigningKey::generate(algorithm).unwrap();
        (algorithm, key.kid().to_owned(), key)
    });
    let keys = KeySet::new(one.2.clone());
    for (algorithm, kid, key) in [&one, &two, &one] {
        keys.roll_over(key.clone()).unwrap();
        for typ in ["at+jwt", "rt+jwt", "at+jwt", "rt+jwt"] {
            let token = keys.sign(typ, b"{}").unwrap();
            let (header, _) = token.split_once('.').unwrap();
            let header = URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            let expected = json!({ "alg": algorithm.as_str(), "kid": kid, "typ": typ });
            assert_eq!(header, expected);
            assert!(open(&keys.verifying(), &token).is_ok(), "{typ}, {kid}");
        }
    }
}

#[test]
fn shared_keys_are_seen_whatever_they_are_called() {
    let secret = [7; 64];
    let set = |algorithm, kid: &str| {
        let key = VerifyingKey::from_secret(algorithm, secret).unwrap();
        only(key.with_kid(kid).unwrap())
    };
    let [one, two] = [set(Algorithm::HS256, "one"), set(Algorithm::HS512, "two")];
    assert!(one.shares_key_with(&two));
    let other = VerifyingKey::from_secret(Algorithm::HS256, [8; 64]).unwrap();
    assert!(!one.shares_key_with(&only(other)));
}

#[test]
fn hmac_sha256_is_that_of_rfc4231() {
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(
        hex(super::hmac_sha256(
            b"Jefe",
            &[b"what do ya want ", b"for nothing?"]
        )),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "§4.3, in two parts"
    );
    let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
    assert_eq!(
        hex(super::hmac_sha256(&[0xaa; 131], &[message])),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "§4.7"
    );
}

/// A token with this header and a valid signature.
fn signed(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = [header, payload]
        .map(|part| base64url(part.as_bytes()))
        .join(".");
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url(&signature))
}

#[test]
fn a_good_signature_does_not_save_a_bad_header() {
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let keys = only(key.verifying_key());
    let open = |header: &str| {
        keys.open(
            &signed(&key, header, "{}"),
            |header| header.is_type("at+jwt"),
            MAX,
        )
        .map(drop)
    };
    let with = |member: &str| open(&format!(r#"{{"alg":"EdDSA","typ":"at+jwt"{member}}}"#));

    assert_eq!(with(""), Ok(()));
    assert_eq!(with(r#","x":{"crit":[]},"cty":"JWT""#), Ok(()));
    for name in ["crit", "b64", "jwk", "jku", "x5u", "x5c"] {
        for value in ["null", "[]", "true", r#"["exp"]"#, r#""""#] {
            assert_eq!(
                with(&format!(r#","{name}":{value}"#)),
                Err(TokenError::Header),
                "{name}"
            );
        }
    }
    for member in [
        r#","alg":"EdDSA""#,
        r#","kid":1"#,
        r#","kid":null"#,
        r#","x":{"y":1,"y":1}"#,
    ] {
        assert_eq!(with(member), Err(TokenError::Malformed), "{member}");
    }
    for header in [
        r#"{"typ":"at+jwt"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["EdDSA"]}"#,
        "{}",
        "[]",
    ] {
        assert_eq!(open(header), Err(TokenError::Malformed), "{header}");
    }
    for alg in ["none", "eddsa", "ES256K", "ed25519", ""] {
        let header = format!(r#"{{"alg":"{alg}","typ":"at+jwt"}}"#);
        assert_eq!(open(&header), Err(TokenError::Algorithm), "{alg}");
    }
    assert_eq!(open(r#"{"alg":"Ed25519","typ":"at+jwt"}"#), Ok(()));
    for typ in [
        r#","typ":"JWT""#,
        r#","typ":"application/""#,
        r#","typ":"text/at+jwt""#,
        "",
    ] {
        assert_eq!(
            open(&format!(r#"{{"alg":"EdDSA"{typ}}}"#)),
            Err(TokenError::Type),
            "{typ}"
        );
    }
    assert_eq!(
        open(r#"{"alg":"EdDSA","typ":"Application/AT+jwt"}"#),
        Ok(())
    );
}

#[test]
fn a_token_has_one_spelling() {
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let keys = only(key.verifying_key());
    let token = signed(&key, r#"{"alg":"EdDSA"}"#, "{}");
    assert!(open(&keys, &token).is_ok());
    // 64 bytes leave four unused bits in the last character.
    let last = token.chars().last().unwrap();
    assert!("AQgw".contains(last));
    let mut respelled = token.clone();
    respelled.pop();
    respelled.push(char::from(last as u8 + 1));
    for other in [
        respelled,
        format!("{token}=="),
        format!("{token}\n"),
        format!(" {token}"),
    ] {
        assert_eq!(open(&keys, &other), Err(TokenError::Malformed), "{other:?}");
    }
}

/// Not even the signer can spell a payload in another way.
#[test]
fn a_signed_payload_has_one_spelling() {
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let keys = only(key.verifying_key());
    let spelled = |payload: &str| {
        let input = format!("{}.{payload}", base64url(br#"{"alg":"EdDSA"}"#));
        let signature = key.sign(input.as_bytes()).unwrap();
        open(&keys, &format!("{input}.{}", base64url(&signature)))
    };
    for length in 1..80 {
        let bytes = vec![0xa5; length];
        let text = base64url(&bytes);
        assert_eq!(spelled(&text).unwrap(), bytes);
        let respelled = |last| format!("{}{last}", &text[..text.len() - 1]);
        let mut others = vec![format!("{text}="), format!("{text}==")];
        others.extend(["+", "/", "=", " ", "\n", "é"].map(respelled));
        others.push(match length % 3 {
            0 => format!("{text}A"),
            // The last character's unused bits.
            1 => respelled("R"),
            _ => respelled("V"),
        });
        for other in others {
            assert_eq!(spelled(&other), Err(TokenError::Malformed), "{other}");
        }
    }
}
