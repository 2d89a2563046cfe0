use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value};

use super::KeyThumbprint;
use crate::json::Strict;

/// The key that a token is bound to: its `cnf` claim (RFC 7800 §3.1). Whoever presents the token has
/// to prove that they hold the key.
///
/// [`BearerLayer`](https://docs.rs/tower-bearer/latest/tower_bearer/bearer/struct.BearerLayer.html)
/// refuses a token with this claim unless such a proof comes with the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confirmation {
    jkt: Option<KeyThumbprint>,
    others: Map<String, Value>,
}

impl Confirmation {
    /// The claim of a token that is bound to the key with this thumbprint (RFC 9449 §6.1).
    pub fn with_jkt(jkt: KeyThumbprint) -> Self {
        Self {
            jkt: Some(jkt),
            others: Map::new(),
        }
    }

    /// The thumbprint of the key, if the token is bound to a key by DPoP.
    pub fn jkt(&self) -> Option<&KeyThumbprint> {
        self.jkt.as_ref()
    }

    /// What the claim says besides `jkt`, such as the `x5t#S256` of RFC 8705. This crate can check
    /// no proof of it.
    pub fn others(&self) -> &Map<String, Value> {
        &self.others
    }
}

impl Serialize for Confirmation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(jkt) = &self.jkt {
            map.serialize_entry("jkt", jkt)?;
        }
        for (name, value) in &self.others {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A duplicate member is refused at any depth.
impl<'de> Deserialize<'de> for Confirmation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Confirmation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Confirmation, A::Error> {
        let mut read = Confirmation::default();
        while let Some(name) = map.next_key::<String>()? {
            let is_twin = if name == "jkt" {
                read.jkt.replace(map.next_value()?).is_some()
            } else {
                let Strict(value) = map.next_value()?;
                read.others.insert(name, value).is_some()
            };
            if is_twin {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn read(text: &str) -> Result<Confirmation, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_is_written_is_read() {
        let text = format!(r#"{{"jkt":"{JKT}","x5t#S256":"abc"}}"#);
        let read = read(&text).unwrap();
        assert_eq!(read.jkt().unwrap().to_string(), JKT);
        assert_eq!(read.others()["x5t#S256"], "abc");
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn a_claim_that_could_be_read_in_two_ways_is_refused() {
        for text in [
            format!(r#"{{"jkt":"{JKT}","jkt":"{JKT}"}}"#),
            format!(r#"{{"jkt":"{JKT}="}}"#),
            format!(r#"{{"jkt":"{JKT}A"}}"#),
            r#"{"jkt":7}"#.to_owned(),
            r#"{"jkt":null}"#.to_owned(),
            r#"{"x":1,"x":1}"#.to_owned(),
            r#"{"x":{"y":1,"y":1}}"#.to_owned(),
            "[]".to_owned(),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_last_character_of_a_thumbprint_has_no_unused_bits() {
        // `I` is the last of four spellings that would decode to the same 32 bytes.
        for last in ['J', 'K', 'L'] {
            let text = JKT.replace("4I", &format!("4{last}"));
            assert!(text.parse::<KeyThumbprint>().is_err(), "{text}");
        }
    }
}
