//! [`ObjectWriter`], for the claims that are written most often.

use serde::Serialize;
use serde_json::{Error, Map, Value};
use uuid::{Uuid, fmt::Hyphenated};

use super::WRITTEN;

/// Writes a JSON object, member by member, exactly as serde_json would write it.
///
/// serde_json looks at each byte of each name and of each UUID for what it has to escape. Here the names are
/// the program's own, and a UUID has nothing to escape. All other values are serde_json's to write.
///
/// By callgrind, the claims of an access token take 3 100 instructions so and 4 600 by serde_json, those of a
/// refresh token 1 500 and 2 700. A refresh writes both, and has 14 000 beside its cryptography.
pub(crate) struct ObjectWriter(Vec<u8>);

impl ObjectWriter {
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(WRITTEN);
        bytes.push(b'{');
        Self(bytes)
    }

    /// Writes a member whose value is a UUID.
    pub(crate) fn uuid(&mut self, name: &'static str, value: Uuid) {
        let mut text = [0; Hyphenated::LENGTH];
        self.name(name);
        self.quoted(value.hyphenated().encode_lower(&mut text));
    }

    /// Writes a member.
    pub(crate) fn value(
        &mut self,
        name: &'static str,
        value: &impl Serialize,
    ) -> Result<(), Error> {
        self.name(name);
        serde_json::to_writer(&mut self.0, value)
    }

    /// Writes a member, if it has a value.
    pub(crate) fn optional(
        &mut self,
        name: &'static str,
        value: Option<&impl Serialize>,
    ) -> Result<(), Error> {
        value.map_or(Ok(()), |value| self.value(name, value))
    }

    /// Writes the members of another object, whatever their names are.
    pub(crate) fn members(&mut self, members: &Map<String, Value>) -> Result<(), Error> {
        for (name, value) in members {
            self.comma();
            serde_json::to_writer(&mut self.0, name)?;
            self.0.push(b':');
            serde_json::to_writer(&mut self.0, value)?;
        }
        Ok(())
    }

    /// The text of the object.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    fn name(&mut self, name: &'static str) {
        debug_assert!(!name.bytes().any(is_escaped), "{name}");
        self.comma();
        self.quoted(name);
        self.0.push(b':');
    }

    fn comma(&mut self) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }
}

/// Whether a text with this byte cannot be written as it is (RFC 8259 §7).
pub(crate) fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(text: &str) -> Vec<u8> {
        let mut object = ObjectWriter::new();
        object.value("t", &text).unwrap();
        object.value("n", &7).unwrap();
        object.optional("none", None::<&Value>).unwrap();
        object.optional("some", Some(&json!([text]))).unwrap();
        object
            .members(&[(text.to_owned(), json!({}))].into_iter().collect())
            .unwrap();
        object.end()
    }

    #[test]
    fn a_text_is_escaped_as_serde_json_does_it() {
        for character in ('\0'..='\u{2ff}').chain(['\u{2028}', '\u{fffd}', '\u{1f600}']) {
            for text in [
                character.to_string(),
                format!("a long text with a {character} that stands within"),
            ] {
                let quoted = Value::from(text.as_str()).to_string();
                let expected = format!(r#"{{"t":{quoted},"n":7,"some":[{quoted}],{quoted}:{{}}}}"#);
                assert_eq!(written(&text), expected.as_bytes());
            }
        }
    }

    #[test]
    fn an_object_may_be_empty_or_begin_with_any_member() {
        assert_eq!(ObjectWriter::new().end(), b"{}");
        let mut object = ObjectWriter::new();
        object
            .members(&[("a".to_owned(), json!(1))].into_iter().collect())
            .unwrap();
        assert_eq!(object.end(), br#"{"a":1}"#);
    }

    #[test]
    fn a_uuid_is_written_as_serde_writes_it() {
        let id = Uuid::from_u128(0x0192_d3a0_abcd_7000_8000_0000_0000_00ef);
        let mut object = ObjectWriter::new();
        object.uuid("id", id);
        assert_eq!(object.end(), json!({ "id": id }).to_string().as_bytes());
    }
}
