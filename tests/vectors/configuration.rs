//! The cases of `attacks.jsonl` that are decided before any token: keys and sets.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_bearer::{Algorithm, SigningKey, VerifyingKey, VerifyingKeys, jws::KeyError};

use crate::material::World;

/// RFC 8037 appendix A.1.
const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// Accepted, or refused when the configuration is made.
pub(crate) fn run(world: &World, config: &Value) -> Result<(), Option<u16>> {
    let outcome = if let Some(length) = config.get("secret_len") {
        let algorithm: Algorithm = config["alg"].as_str().unwrap().parse().unwrap();
        secret(
            algorithm,
            usize::try_from(length.as_u64().unwrap()).unwrap(),
        )
    } else if let Some(case) = config.get("wycheproof") {
        published_key(world, case.as_str().unwrap())
    } else if config.get("algs").is_some() {
        VerifyingKeys::new([]).map(drop)
    } else if config.get("check").is_some() {
        shows_nothing_private(world);
        return Err(None);
    } else if config.get("jwks").is_some() {
        private_set()
    } else {
        panic!("unknown configuration {config}")
    };
    outcome.map_err(|_| None)
}

fn secret(algorithm: Algorithm, length: usize) -> Result<(), KeyError> {
    let secret = vec![7; length];
    let signing = SigningKey::from_secret(algorithm, &secret).map(drop);
    let verifying = VerifyingKey::from_secret(algorithm, &secret).map(drop);
    assert_eq!(signing.is_ok(), verifying.is_ok());
    signing
}

/// Keys of the same kind as those that the cases name.
fn published_key(world: &World, case: &str) -> Result<(), KeyError> {
    let mut rsa = world.rs256.jwk.clone();
    let mut ec = world.es256.jwk.clone();
    let key = match case {
        "json_web_key tc 9" => {
            rsa["e"] = "AQ".into();
            rsa
        }
        "json_web_key tc 7" => {
            rsa["n"] = URL_SAFE_NO_PAD.encode(roca_modulus()).into();
            rsa
        }
        "json_web_key tc 22" => {
            ec["y"] = ec["x"].clone();
            ec
        }
        "json_web_key tc 1" => {
            let secret = json!({ "kty": "oct", "alg": "HS256", "k": "A".repeat(43) });
            let set = json!({ "keys": [ec, secret] });
            return VerifyingKeys::from_jwks(&set.to_string()).map(drop);
        }
        other => panic!("unknown case {other}"),
    };
    VerifyingKey::from_jwk(&key.to_string()).map(drop)
}

/// One more than a multiple of the primes that the fingerprint looks at, so that the modulus is
/// 65537⁰ by each of them.
fn roca_modulus() -> Vec<u8> {
    let primes = (3..=167u32).filter(|n| (2..*n).all(|d| n % d != 0));
    let mut number = vec![0u8; 256];
    number[30..].fill(0xa6);
    for prime in primes {
        let carry = number.iter_mut().rev().fold(0, |carry, digit| {
            let product = u32::from(*digit) * prime + carry;
            *digit = product as u8;
            product >> 8
        });
        assert_eq!(carry, 0);
    }
    number[255] += 1;
    let zeros = number.iter().take_while(|digit| **digit == 0).count();
    number.split_off(zeros)
}

#[track_caller]
fn shows_nothing_private(world: &World) {
    let set: Value = serde_json::from_str(&world.keys.jwks()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            assert_eq!(key.get(private), None);
        }
    }
}

/// The public part is used; the private one goes nowhere.
fn private_set() -> Result<(), KeyError> {
    let keys = VerifyingKeys::from_jwks(&format!(r#"{{"keys":[{PRIVATE}]}}"#))?;
    let shown = format!("{keys:?}{}", keys.jwks());
    assert!(!shown.contains("nWGxne"), "{shown}");
    Ok(())
}
