//! The recipe language of `attacks.jsonl`. A step that is not known here fails the test, so
//! that no case passes because half of it was left out.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::material::{AUD, ISS, Key, World};

const STEPS: [&str; 18] = [
    "key",
    "keep_kid",
    "header",
    "header_del",
    "header_raw",
    "header_encoding",
    "header_prefix_hex",
    "claims",
    "claims_del",
    "claims_text",
    "claims_pretty",
    "claims_many",
    "sign_as",
    "hmac",
    "sig",
    "sig_of",
    "mutate",
    "literal",
];

/// Where a server that fetches keys would be lured to.
const CANARY: &str = "http://127.0.0.1:9/canary";

/// Makes the token that a recipe describes.
pub(crate) fn build(world: &World, recipe: &Value) -> String {
    Recipe {
        world,
        steps: recipe.as_object().unwrap(),
    }
    .build()
}

struct Recipe<'a> {
    world: &'a World,
    steps: &'a Map<String, Value>,
}

impl Recipe<'_> {
    fn build(&self) -> String {
        for step in self.steps.keys() {
            assert!(STEPS.contains(&step.as_str()), "unknown step {step}");
        }
        if let Some(literal) = self.text("literal") {
            return self.substituted(literal);
        }
        let header = URL_SAFE_NO_PAD.encode(self.header());
        let payload = URL_SAFE_NO_PAD.encode(self.claims());
        let input = format!("{header}.{payload}");
        let token = match self.steps.get("sig_of") {
            Some(other) => {
                let other = build(self.world, other);
                format!("{input}.{}", other.rsplit('.').next().unwrap())
            }
            None if self.text("sig") == Some("absent") => input,
            None => {
                let signature = self.mutated_signature(self.signature(input.as_bytes()));
                format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
            }
        };
        self.mutated(token)
    }

    fn text(&self, step: &str) -> Option<&str> {
        self.steps.get(step).map(|value| value.as_str().unwrap())
    }

    fn members(&self, step: &str) -> Vec<(String, Value)> {
        let members = self
            .steps
            .get(step)
            .map(|value| value.as_object().unwrap().clone());
        members
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (self.substituted(&name), self.resolved(&value)))
            .collect()
    }

    fn removed(&self, step: &str) -> Vec<&str> {
        let names = self
            .steps
            .get(step)
            .map(|value| value.as_array().unwrap().as_slice());
        names
            .unwrap_or_default()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect()
    }

    fn key(&self) -> &Key {
        self.world.key(self.text("key").unwrap_or("rs256"))
    }

    fn header_members(&self) -> Map<String, Value> {
        let key = self.key();
        let kid = if self.steps.contains_key("keep_kid") {
            &self.world.rs256.kid
        } else {
            &key.kid
        };
        let base = json!({ "alg": key.algorithm.as_str(), "typ": "at+jwt", "kid": kid });
        let mut members = base.as_object().unwrap().clone();
        members.extend(self.members("header"));
        for name in self.removed("header_del") {
            members.remove(name);
        }
        members
    }

    fn header(&self) -> Vec<u8> {
        let text = match self.text("header_raw") {
            Some(raw) => self.substituted(raw),
            None => Value::Object(self.header_members()).to_string(),
        };
        let mut bytes = match self.text("header_prefix_hex") {
            Some(hex) => unhex(hex),
            None => Vec::new(),
        };
        match self.text("header_encoding") {
            Some("latin-1") => bytes.extend(text.chars().map(|c| u8::try_from(c).unwrap())),
            Some(other) => panic!("unknown encoding {other}"),
            None => bytes.extend(text.into_bytes()),
        }
        bytes
    }

    fn claims(&self) -> String {
        let now = self.world.now.as_secs();
        let base = json!({
            "iss": ISS, "sub": "alice", "aud": AUD, "exp": now + 300, "iat": now,
            "jti": "1b6ccb3c-7d3c-4d0c-8a38-5f0a2bb4b2e5", "client_id": "tests",
            "scope": "read write",
        });
        let mut members = base.as_object().unwrap().clone();
        members.extend(self.members("claims"));
        for name in self.removed("claims_del") {
            members.remove(name);
        }
        for number in 0..self
            .steps
            .get("claims_many")
            .map_or(0, |n| n.as_u64().unwrap())
        {
            members.insert(format!("c{number}"), number.into());
        }
        if self.steps.contains_key("claims_pretty") {
            return serde_json::to_string_pretty(&members).unwrap();
        }
        // A text may be JSON that no `Value` holds, so it goes in as it is.
        let mut texts: Map<String, Value> = Map::new();
        for (name, value) in &members {
            texts.insert(name.clone(), value.to_string().into());
        }
        if let Some(raw) = self.steps.get("claims_text") {
            texts.extend(raw.as_object().unwrap().clone());
        }
        let members: Vec<_> = texts
            .iter()
            .map(|(name, text)| {
                format!("{}:{}", Value::from(name.as_str()), text.as_str().unwrap())
            })
            .collect();
        format!("{{{}}}", members.join(","))
    }

    fn signature(&self, input: &[u8]) -> Vec<u8> {
        if let Some(mac) = self.steps.get("hmac") {
            let hash = match mac["hash"].as_str().unwrap() {
                "sha256" => hmac::HMAC_SHA256,
                "sha384" => hmac::HMAC_SHA384,
                "sha512" => hmac::HMAC_SHA512,
                other => panic!("unknown hash {other}"),
            };
            let secret = match (mac.get("key"), mac.get("text")) {
                (Some(shape), None) => self.world.rs256.as_secret(shape.as_str().unwrap()),
                (None, Some(text)) => self.substituted(text.as_str().unwrap()).into_bytes(),
                _ => panic!("an hmac has either a key or a text"),
            };
            return hmac::sign(&hmac::Key::new(hash, &secret), input)
                .as_ref()
                .to_vec();
        }
        let named = self
            .header_members()
            .get("alg")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let algorithm = self
            .text("sign_as")
            .map(str::to_owned)
            .or(named)
            .unwrap_or_default();
        self.key().sign(&algorithm, input)
    }

    fn mutated_signature(&self, mut signature: Vec<u8>) -> Vec<u8> {
        let length = signature.len();
        match self.text("sig") {
            None => {}
            Some("empty") => signature.clear(),
            Some("truncate1") => signature.truncate(length - 1),
            Some("extend0") => signature.push(0),
            Some("prepend0") => signature.insert(0, 0),
            Some("zeros") => signature.fill(0),
            Some("ones") => signature.fill(0xff),
            Some("half") => signature.truncate(length / 2),
            Some("double") => signature.extend_from_within(..),
            Some("ec_negate_s") => negate_s(&mut signature),
            Some(other) => panic!("unknown signature mutation {other}"),
        }
        signature
    }

    fn mutated(&self, token: String) -> String {
        let Some(mutations) = self.steps.get("mutate") else {
            return token;
        };
        mutations
            .as_array()
            .unwrap()
            .iter()
            .fold(token, |token, mutation| {
                let parts: Vec<&str> = token.split('.').collect();
                match mutation[0].as_str().unwrap() {
                    "segments" => mutation[1]
                        .as_str()
                        .unwrap()
                        .replace('h', "\u{1}")
                        .replace('p', "\u{2}")
                        .replace('s', "\u{3}")
                        .replace('\u{1}', parts[0])
                        .replace('\u{2}', parts[1])
                        .replace('\u{3}', parts[2]),
                    "json_flattened" => json!({
                        "protected": parts[0], "payload": parts[1], "signature": parts[2],
                    })
                    .to_string(),
                    other => panic!("unknown mutation {other}"),
                }
            })
    }

    fn resolved(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.as_str() {
                "${JWK_SERVER_PUB}" => self.world.rs256.jwk.clone(),
                "${JWK_ATTACKER}" => self.world.attacker_rsa.jwk.clone(),
                "${JWK_ATTACKER_KID}" => {
                    let mut jwk = self.world.attacker_rsa.jwk.clone();
                    jwk["kid"] = self.world.rs256.kid.clone().into();
                    jwk
                }
                text => self.substituted(text).into(),
            },
            Value::Array(items) => items.iter().map(|item| self.resolved(item)).collect(),
            Value::Object(members) => self.resolved_object(members),
            other => other.clone(),
        }
    }

    fn resolved_object(&self, members: &Map<String, Value>) -> Value {
        let now = self.world.now.as_secs();
        let only = members.iter().next().filter(|_| members.len() == 1);
        match only.map(|(name, value)| (name.as_str(), value)) {
            Some(("$now", offset)) => (now + offset.as_i64().unwrap()).into(),
            Some(("$nowf", offset)) => (now as f64 + offset.as_f64().unwrap()).into(),
            Some(("$lit", text)) => text.clone(),
            Some(("$repeat", pair)) => {
                let text = pair[0].as_str().unwrap();
                text.repeat(usize::try_from(pair[1].as_u64().unwrap()).unwrap())
                    .into()
            }
            Some((name, _)) if name.starts_with("$") && !name.starts_with("${") => {
                panic!("unknown value {name}")
            }
            _ => members
                .iter()
                .map(|(name, value)| (self.substituted(name), self.resolved(value)))
                .collect(),
        }
    }

    fn substituted(&self, text: &str) -> String {
        let kid = &self.world.rs256.kid;
        let text = text
            .replace("${ISS}", ISS)
            .replace("${AUD}", AUD)
            .replace("${AUD_SHORT}", &AUD[..AUD.len() - 1])
            .replace("${AUD_UPPER}", &AUD.to_uppercase())
            .replace("${KID}", kid)
            .replace("${KID_UPPER}", &kid.to_uppercase())
            .replace("${CANARY}", CANARY)
            .replace("${X5C_ATTACKER}", &self.world.attacker_rsa.x5c());
        assert!(!text.contains("${"), "unknown substitution in {text}");
        text
    }
}

impl Key {
    fn x5c(&self) -> String {
        let armoured = String::from_utf8(self.as_secret("cert_pem")).unwrap();
        armoured
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect()
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Replaces s by n − s, the other signature that ECDSA takes for the same message.
fn negate_s(signature: &mut [u8]) {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let mut borrow = 0;
    for (digit, of_order) in signature[32..].iter_mut().zip(unhex(ORDER)).rev() {
        let difference = i16::from(of_order) - i16::from(*digit) - borrow;
        borrow = i16::from(difference < 0);
        *digit = difference.rem_euclid(256) as u8;
    }
    assert_eq!(borrow, 0);
}
