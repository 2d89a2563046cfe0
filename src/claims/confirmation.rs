use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value};

use super::KeyThumbprint;
use crate::json;

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

    /// Reads what the claim says besides `jkt` as a type of the application's own. This crate can check
    /// no proof of it.
    ///
    /// ```
    /// use tower_bearer::claims::Confirmation;
    ///
    /// /// The certificate that the token is bound to (RFC 8705 §3.1).
    /// #[derive(serde::Deserialize)]
    /// struct MutualTls {
    ///     #[serde(rename = "x5t#S256")]
    ///     thumbprint: String,
    /// }
    ///
    /// # let cnf: Confirmation = serde_json::from_str(r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#)?;
    /// let certificate = cnf.others_as::<MutualTls>()?.thumbprint;
    /// # assert!(certificate.starts_with("bwcK"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfirmationError`] if the members do not fit `T`.
    pub fn others_as<T: DeserializeOwned>(&self) -> Result<T, ConfirmationError> {
        json::from_members(&self.others).map_err(ConfirmationError)
    }

    #[cfg(feature = "_jws")]
    pub(crate) fn others(&self) -> &Map<String, Value> {
        &self.others
    }
}

/// The members of a token's `cnf` claim do not have the shape that the application asked for.
#[derive(Debug, thiserror::Error)]
#[error("the token's cnf claim does not fit the type that was asked for")]
pub struct ConfirmationError(#[source] serde_json::Error);

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

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Confirmation, A::Error> {
        let (jkt, others) = json::one_and_others(map, "jkt")?;
        Ok(Confirmation { jkt, others })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
        let others: BTreeMap<String, String> = read.others_as().unwrap();
        assert_eq!(others, [("x5t#S256".to_owned(), "abc".to_owned())].into());
        assert!(read.others_as::<BTreeMap<String, u8>>().is_err());
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
