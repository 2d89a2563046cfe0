//! JSON Web Keys, read strictly (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2, RFC 9964 §3).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    Algorithm, KeyError,
    algorithm::{Curve, Family},
    backend::{MlDsaPrivate, Private, Public, RsaPrivate},
    key::{format_error, use_error},
};
use crate::json;

/// The purpose of a key, which `key_ops` must allow (RFC 7517 §4.3).
#[derive(Clone, Copy)]
pub(super) enum Operation {
    Sign,
    Verify,
}

/// Which algorithm a key may be for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// That of the JWK, or what its curve implies.
    Named,
    /// The same, or this one for an RSA key that has no `alg`.
    NamedOrRsa(Algorithm),
    /// This one, which the JWK need not name.
    Only(Algorithm),
}

/// A JWK whose `alg`, `use` and `key_ops` allow its purpose.
pub(super) struct Jwk {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    members: Map<String, Value>,
}

impl Jwk {
    /// Reads the text of a JWK.
    pub(super) fn parse(
        text: &str,
        wanted: Wanted,
        operation: Operation,
    ) -> Result<Self, KeyError> {
        let members = json::object(text.as_bytes())
            .map_err(|_| format_error("the JWK is no JSON object without duplicate members"))?;
        Self::from_members(members, wanted, operation)
    }

    pub(super) fn from_members(
        mut members: Map<String, Value>,
        wanted: Wanted,
        operation: Operation,
    ) -> Result<Self, KeyError> {
        check_use(&members, operation)?;
        let algorithm = algorithm(&members, wanted)?;
        let kid = match members.remove("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid),
            Some(_) => return Err(format_error("the JWK's kid is no string")),
        };
        Ok(Self {
            algorithm,
            kid,
            members,
        })
    }

    /// Takes the public numbers. Private ones are ignored.
    pub(super) fn public(&mut self) -> Result<Public, KeyError> {
        let mut number = |name| Ok::<_, KeyError>(take(&mut self.members, name)?.to_vec());
        Ok(match self.algorithm.family() {
            Family::Hmac { .. } => return Err(format_error("a secret has no public key")),
            Family::Rsa => Public::Rsa {
                n: without_zero(number("n")?),
                e: without_zero(number("e")?),
            },
            Family::Ec(_) => Public::Ec {
                x: number("x")?,
                y: number("y")?,
            },
            Family::Ed25519 => Public::Ed25519 { x: number("x")? },
            Family::MlDsa(_) => Public::MlDsa {
                key: number("pub")?,
            },
        })
    }

    pub(super) fn private(&mut self) -> Result<Private, KeyError> {
        if matches!(self.algorithm.family(), Family::MlDsa(_)) {
            let seed = take(&mut self.members, "priv")?;
            return Ok(Private::MlDsa(MlDsaPrivate {
                seed,
                expanded: None,
            }));
        }
        if self.members.contains_key("oth") {
            return Err(format_error("an RSA key has two primes, no more"));
        }
        let mut number = |name| take(&mut self.members, name);
        let d = number("d")?;
        Ok(match self.algorithm.family() {
            Family::Hmac { .. } => return Err(format_error("a secret has no private key")),
            Family::Rsa => Private::Rsa(Box::new(RsaPrivate {
                d,
                p: number("p")?,
                q: number("q")?,
                dp: number("dp")?,
                dq: number("dq")?,
                qi: number("qi")?,
            })),
            Family::Ec(curve) if d.len() == curve.coordinate_bytes() => Private::Ec { d },
            Family::Ed25519 if d.len() == 32 => Private::Ed25519 { d },
            _ => return Err(format_error("d has not the length that the curve asks for")),
        })
    }

    /// The one issuer that the key is for, where a set has keys of several: Microsoft Entra ID's.
    pub(super) fn issuer(&mut self) -> Result<Option<String>, KeyError> {
        match self.members.remove("issuer") {
            None => Ok(None),
            Some(Value::String(issuer)) => Ok(Some(issuer)),
            Some(_) => Err(format_error("the JWK's issuer is no string")),
        }
    }

    pub(super) fn secret(&mut self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        take(&mut self.members, "k")
    }
}

impl Drop for Jwk {
    /// Wipes the members that were not taken, because they may be private.
    fn drop(&mut self) {
        for value in self.members.values_mut() {
            if let Value::String(text) = value {
                drop(Zeroizing::new(std::mem::take(text)));
            }
        }
    }
}

fn take(
    members: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let Some(Value::String(text)) = members.remove(name) else {
        return Err(format_error("the JWK lacks a number of its key type"));
    };
    let text = Zeroizing::new(text);
    match URL_SAFE_NO_PAD.decode(text.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => Ok(Zeroizing::new(bytes)),
        _ => Err(format_error(
            "a number of the JWK is not unpadded base64url",
        )),
    }
}

/// Some libraries write an octet more than RFC 7518 §6.3.1.1 allows, and the number is the same.
fn without_zero(mut number: Vec<u8>) -> Vec<u8> {
    if matches!(number.as_slice(), [0, _, ..]) {
        number.remove(0);
    }
    number
}

fn check_use(members: &Map<String, Value>, operation: Operation) -> Result<(), KeyError> {
    if members.get("use").is_some_and(|use_| use_ != "sig") {
        return Err(use_error("its use is not sig"));
    }
    let (name, error) = match operation {
        Operation::Sign => ("sign", "its key_ops lack sign"),
        Operation::Verify => ("verify", "its key_ops lack verify"),
    };
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(ops)) if ops.iter().any(|op| op == name) => Ok(()),
        Some(_) => Err(use_error(error)),
    }
}

/// The one algorithm that the key is bound to (RFC 8725 §3.1).
fn algorithm(members: &Map<String, Value>, wanted: Wanted) -> Result<Algorithm, KeyError> {
    let named: Option<Algorithm> = match members.get("alg") {
        None => None,
        Some(Value::String(name)) => Some(name.parse()?),
        Some(_) => return Err(format_error("the JWK's alg is no string")),
    };
    let text = |name| members.get(name).and_then(Value::as_str);
    let algorithm = match (named, wanted) {
        (Some(named), Wanted::Only(wanted)) if !wanted.is(named) => {
            return Err(use_error("its alg is another one"));
        }
        (None, _) if text("kty") == Some("AKP") => {
            return Err(format_error(
                "the JWK has no alg, which a key of type AKP needs",
            ));
        }
        (_, Wanted::Only(algorithm)) | (Some(algorithm), _) => algorithm,
        (None, Wanted::NamedOrRsa(algorithm)) if text("kty") == Some("RSA") => algorithm,
        (None, _) => implied(members)?,
    };
    let fits = match algorithm.family() {
        Family::Hmac { .. } => text("kty") == Some("oct"),
        Family::Rsa => text("kty") == Some("RSA"),
        Family::Ec(curve) => text("kty") == Some("EC") && text("crv") == Some(curve.as_str()),
        Family::Ed25519 => text("kty") == Some("OKP") && text("crv") == Some("Ed25519"),
        Family::MlDsa(_) => text("kty") == Some("AKP"),
    };
    if fits {
        Ok(algorithm)
    } else {
        Err(use_error("its kty or crv does not fit the algorithm"))
    }
}

fn implied(members: &Map<String, Value>) -> Result<Algorithm, KeyError> {
    let text = |name| members.get(name).and_then(Value::as_str);
    match (text("kty"), text("crv")) {
        (Some("EC"), Some(crv)) if crv == Curve::P256.as_str() => Ok(Algorithm::ES256),
        (Some("EC"), Some(crv)) if crv == Curve::P384.as_str() => Ok(Algorithm::ES384),
        (Some("EC"), Some(crv)) if crv == Curve::P521.as_str() => Ok(Algorithm::ES512),
        (Some("OKP"), Some("Ed25519")) => Ok(Algorithm::EdDSA),
        (Some("RSA" | "oct"), _) => Err(use_error("it has no alg: say which algorithm it is for")),
        (Some("EC" | "OKP"), Some(crv)) => Err(KeyError::unsupported(crv)),
        (Some(kty), _) => Err(KeyError::unsupported(kty)),
        (None, _) => Err(format_error("the JWK has no kty")),
    }
}
