use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

#[cfg(feature = "_jws")]
use super::Claims;

/// What a token says of its user by one of the claims [`roles`, `groups` and `entitlements`](super::USER_ATTRIBUTES)
/// (RFC 9068 §2.2.3.1): a list of values (RFC 7643 §4.1.2). What a value means only issuer and application know.
///
/// It is written as a list of texts. It is read from what issuers write:
///
/// | in the token | is read as |
/// | --- | --- |
/// | `["editor","cook"]` | `editor` and `cook` |
/// | `"editor"`, as some write a list of one | `editor`; the text is not split |
/// | `[{"value":"e9e30dba","display":"Cooks"}]`, as RFC 7643 §8.2 does | `e9e30dba`; the other members are left out |
/// | an empty text, alone or in a list | nothing |
/// | anything else, such as `null`, a number, an object or a list that has one of them | it cannot be read |
///
/// A token that follows RFC 9068 is refused if the claim cannot be read: an application may look for a group whose
/// users may *not* do something. The profiles of other shapes take such a claim for one
/// of the issuer's own.
///
/// ```
/// use tower_bearer::claims::AttributeValues;
///
/// let groups: AttributeValues = serde_json::from_str(r#"["staff",{"value":"cooks","display":"Cooks"}]"#)?;
/// assert!(groups.contains("cooks"));
/// assert_eq!(serde_json::to_string(&groups)?, r#"["staff","cooks"]"#);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AttributeValues(Box<[String]>);

impl AttributeValues {
    /// Whether the user has this value. Values are compared byte for byte.
    pub fn contains(&self, value: &str) -> bool {
        self.0.iter().any(|held| held == value)
    }

    /// The values, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is no value. The claim is left out of a token then.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that the members of a token have under this name, or none.
    pub(crate) fn among(
        members: &Map<String, Value>,
        name: &str,
    ) -> Result<Self, serde_json::Error> {
        let values = members.get(name).map(Self::deserialize);
        values.unwrap_or_else(|| Ok(Self::default()))
    }
}

/// Takes these values. An empty text is none.
impl<V: Into<String>> FromIterator<V> for AttributeValues {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let values = values.into_iter().map(Into::into);
        Self(values.filter(|value| !value.is_empty()).collect())
    }
}

/// The same as collecting the values.
impl<V: Into<String>, const N: usize> From<[V; N]> for AttributeValues {
    fn from(values: [V; N]) -> Self {
        values.into_iter().collect()
    }
}

impl<'de> Deserialize<'de> for AttributeValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = AttributeValues;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a list of texts and of objects with a text as their value")
    }

    fn visit_str<E>(self, value: &str) -> Result<AttributeValues, E> {
        Ok([value].into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AttributeValues, A::Error> {
        let mut values = Vec::new();
        while let Some(OneValue(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(values.into_iter().collect())
    }
}

/// A text, or the `value` of an object.
struct OneValue(String);

impl<'de> Deserialize<'de> for OneValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneVisitor)
    }
}

struct OneVisitor;

impl<'de> Visitor<'de> for OneVisitor {
    type Value = OneValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with a text as its value")
    }

    fn visit_str<E>(self, value: &str) -> Result<OneValue, E> {
        Ok(OneValue(value.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OneValue, A::Error> {
        let mut value = None;
        while let Some(name) = map.next_key::<String>()? {
            if name != "value" {
                map.next_value::<IgnoredAny>()?;
            } else if value.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        let value = value.ok_or_else(|| A::Error::missing_field("value"))?;
        Ok(OneValue(value))
    }
}

#[cfg(feature = "_jws")]
impl<P> Claims<P> {
    /// The members whose names are [`USER_ATTRIBUTES`](super::USER_ATTRIBUTES).
    pub(crate) fn user_attributes(&self) -> [(&'static str, &AttributeValues); 3] {
        [
            ("roles", &self.roles),
            ("groups", &self.groups),
            ("entitlements", &self.entitlements),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AttributeValues, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn values_are_texts_lists_and_those_of_rfc7643() {
        for (text, expected) in [
            (r#"["a b","c"]"#, &["a b", "c"][..]),
            (r#""a b""#, &["a b"]),
            (r#"["","a"]"#, &["a"]),
            ("[]", &[]),
            (r#""""#, &[]),
            (
                r#"[{"value":"e9","$ref":"../Groups/e9","primary":true},"a",{"type":"direct","value":"f0"}]"#,
                &["e9", "a", "f0"],
            ),
        ] {
            let read = read(text).unwrap();
            assert_eq!(read.iter().collect::<Vec<_>>(), expected, "{text}");
            assert_eq!(read, expected.iter().copied().collect());
        }
    }

    #[test]
    fn what_is_no_list_of_values_is_no_empty_one() {
        for text in [
            "null",
            "true",
            "7",
            r#"{"admin":true}"#,
            r#"{"value":"a"}"#,
            "[7]",
            "[null]",
            r#"["a",["b"]]"#,
            r#"[{"display":"a"}]"#,
            r#"[{"value":7}]"#,
            r#"[{"value":"a","value":"b"}]"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
