use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value};

use crate::json;

/// Who acts for the user of a token: its claim `act` (RFC 8693 §4.1), as an administrator who looks into a user's
/// account does. The user is still the token's `sub`.
///
/// The claim is a JSON object that names the actor by a `sub`, and perhaps by more. Where it has a claim `act` of its
/// own, that actor acted through an earlier one, which is for logs only (RFC 8693 §4.1):
/// [`others_as`](Self::others_as) reads it.
///
/// ```
/// use tower_bearer::{VerifiedToken, claims::Actor};
///
/// /// Whom the log is to name.
/// fn who(token: &VerifiedToken) -> (&str, Option<&str>) {
///     let claims = token.claims();
///     (&claims.sub, claims.act.as_ref().and_then(Actor::sub))
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    sub: Option<String>,
    others: Map<String, Value>,
}

impl Actor {
    /// The claim that names this actor. A session is not started for one whose name is empty.
    pub fn new(sub: impl Into<String>) -> Self {
        Self {
            sub: Some(sub.into()),
            others: Map::new(),
        }
    }

    /// The actor's name. Only a token of another issuer may lack it, which names the actor by other members.
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// Reads what the claim says besides `sub` as a type of the application's own, such as `iss` or the `act` of an
    /// earlier actor.
    ///
    /// # Errors
    ///
    /// [`ActorError`] if the members do not fit `T`.
    pub fn others_as<T: DeserializeOwned>(&self) -> Result<T, ActorError> {
        json::from_members(&self.others).map_err(ActorError)
    }

    /// The actor's name. It is an empty text where the claim names the actor by other members, so that it never seems as
    /// if there were none.
    #[cfg(feature = "session")]
    pub(crate) fn name(&self) -> &str {
        self.sub().unwrap_or_default()
    }

    #[cfg(feature = "_jws")]
    pub(crate) fn others(&self) -> &Map<String, Value> {
        &self.others
    }
}

/// The actor of this name.
impl From<&str> for Actor {
    fn from(sub: &str) -> Self {
        Self::new(sub)
    }
}

/// The actor of this name.
impl From<&String> for Actor {
    fn from(sub: &String) -> Self {
        Self::new(sub)
    }
}

/// The actor of this name.
impl From<String> for Actor {
    fn from(sub: String) -> Self {
        Self::new(sub)
    }
}

/// The members of a token's `act` claim do not have the shape that the application asked for.
#[derive(Debug, thiserror::Error)]
#[error("the token's act claim does not fit the type that was asked for")]
pub struct ActorError(#[source] serde_json::Error);

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(sub) = &self.sub {
            map.serialize_entry("sub", sub)?;
        }
        for (name, value) in &self.others {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A duplicate member is refused at any depth, and so is a `sub` that is empty or no text.
impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Actor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Actor, A::Error> {
        let (sub, others) = json::one_and_others::<String, _>(map, "sub")?;
        match sub.as_deref() {
            Some("") => Err(A::Error::custom("sub is empty")),
            _ => Ok(Actor { sub, others }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Actor, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_is_written_is_read() {
        let text = r#"{"sub":"admin-7","act":{"sub":"root"},"iss":"https://id.example"}"#;
        let actor = read(text).unwrap();
        assert_eq!(actor.sub(), Some("admin-7"));
        let others: Value = actor.others_as::<Map<String, Value>>().unwrap().into();
        let expected = json!({ "act": { "sub": "root" }, "iss": "https://id.example" });
        assert_eq!(others, expected);
        assert!(
            actor
                .others_as::<std::collections::BTreeMap<String, u8>>()
                .is_err()
        );
        assert_eq!(
            read(&serde_json::to_string(&actor).unwrap()).unwrap(),
            actor
        );
        assert_eq!(read(r#"{"sub":"admin-7"}"#).unwrap(), Actor::new("admin-7"));
    }

    #[test]
    fn an_actor_may_be_named_by_other_members() {
        let actor = read(r#"{"client_id":"robot"}"#).unwrap();
        assert_eq!(actor.sub(), None);
        assert_eq!(actor.others().len(), 1);
    }

    #[test]
    fn a_claim_that_could_be_read_in_two_ways_is_refused() {
        for text in [
            r#"{"sub":"a","sub":"a"}"#,
            r#"{"sub":"a","s\u0075b":"b"}"#,
            r#"{"sub":""}"#,
            r#"{"sub":7}"#,
            r#"{"sub":null}"#,
            r#"{"x":1,"x":1}"#,
            r#"{"act":{"sub":"a","sub":"b"}}"#,
            r#""a""#,
            "null",
            "[]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
