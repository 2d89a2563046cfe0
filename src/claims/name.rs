use std::fmt;

use serde::{Deserialize, Deserializer, de::Visitor};

/// The name of a claim in a token.
pub(super) enum Name {
    Iss,
    Sub,
    Aud,
    Exp,
    Iat,
    Nbf,
    Jti,
    ClientId,
    Scope,
    Sid,
    Generation,
    AuthTime,
    Acr,
    Amr,
    Act,
    Cnf,
    Private(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(match name {
            "iss" => Name::Iss,
            "sub" => Name::Sub,
            "aud" => Name::Aud,
            "exp" => Name::Exp,
            "iat" => Name::Iat,
            "nbf" => Name::Nbf,
            "jti" => Name::Jti,
            "client_id" => Name::ClientId,
            "scope" => Name::Scope,
            "sid" => Name::Sid,
            "gen" => Name::Generation,
            "auth_time" => Name::AuthTime,
            "acr" => Name::Acr,
            "amr" => Name::Amr,
            "act" => Name::Act,
            "cnf" => Name::Cnf,
            other => Name::Private(other.to_owned()),
        })
    }
}
