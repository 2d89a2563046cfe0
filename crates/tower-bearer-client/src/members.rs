//! The members of a token answer, each read by itself, so that one that is odd spoils no other.

use std::borrow::Cow;

use serde::{
    Deserializer as _,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Deserializer, Value, value::RawValue};

use tower_bearer::RefreshToken;

use crate::{error::ClientError, syntax::is_refresh_token};

/// A byte order mark, which some servers put before the JSON. RFC 8259 §8.1 lets readers ignore it.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The names of RFC 6749 §5. Other members are skipped.
const NAMES: [&str; 6] = [
    "access_token",
    "error",
    "expires_in",
    "refresh_token",
    "scope",
    "token_type",
];

/// The members that RFC 6749 names, up to the place where the JSON is broken, if it is.
pub(crate) struct Members<'a>(Vec<(&'static str, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The error is there if the body as a whole is not one JSON object.
    pub(crate) fn read(body: &'a [u8]) -> (Self, Option<serde_json::Error>) {
        let body = body.strip_prefix(BOM).unwrap_or(body);
        let mut members = Self(Vec::new());
        let mut json = Deserializer::from_slice(body);
        let read = json.deserialize_map(&mut members);
        let error = read.and_then(|()| json.end()).err();
        (members, error)
    }

    fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a RawValue> {
        let of_name =
            move |(member, value): &(&str, &'a RawValue)| (*member == name).then_some(*value);
        self.0.iter().filter_map(of_name)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// A string. `null` and an empty one count as absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, ClientError> {
        let mut values = self.all(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(ClientError::malformed("a member comes twice"));
        }
        match serde_json::from_str(value.get()) {
            Ok(text) => Ok(Option::filter(text, |text: &String| !text.is_empty())),
            Err(_) => Err(ClientError::malformed("a member is not a string")),
        }
    }

    /// What is only a hint: if it cannot be read, or comes twice, it has not been said.
    pub(crate) fn hint(&self, name: &str) -> Option<Value> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => serde_json::from_str(value.get()).ok(),
            _ => None,
        }
    }

    /// A refresh token, whatever else is wrong. Of several the last one counts, as in most parsers:
    /// if it is not good, no session is lost that would be kept without it.
    pub(crate) fn refresh_token(&self) -> Option<RefreshToken> {
        let read = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
        let mut tokens = self.all("refresh_token").rev().filter_map(read);
        tokens
            .find(|token| is_refresh_token(token))
            .map(RefreshToken::new)
    }
}

impl<'de> Visitor<'de> for &mut Members<'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match NAMES.into_iter().find(|known| *known == name) {
                Some(known) => self.0.push((known, map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
