//! Strict JSON: duplicate members are refused at every depth. RFC 7519 §4 allows that, and RFC 8725
//! §2.4 says why: an attacker can use two parsers that pick different duplicates.
#![cfg_attr(
    not(feature = "_jws"),
    allow(dead_code, reason = "clients and stores use a part of it")
)]

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Number, Value};

#[cfg(feature = "session")]
mod writer;

#[cfg(feature = "session")]
pub(crate) use writer::{ObjectWriter, is_escaped};

/// The initial capacity in bytes, which is enough for the claims of most tokens.
const WRITTEN: usize = 512;

/// Reads one JSON object that has no duplicate members.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::from_slice::<Strict>(bytes)?.0 {
        Value::Object(members) => Ok(members),
        _ => Err(serde_json::Error::custom("not an object")),
    }
}

/// The member of this name. A dot leads into an object, unless there is a member whose name has it.
#[cfg_attr(not(feature = "_jws"), allow(dead_code))]
pub(crate) fn find<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).or_else(|| {
        let mut dots = name.match_indices('.');
        dots.find_map(|(dot, _)| {
            let (outer, inner) = (name.get(..dot)?, name.get(dot + 1..)?);
            find(members.get(outer)?.as_object()?, inner)
        })
    })
}

/// The JSON text of an object.
pub(crate) fn text(members: &Map<String, Value>) -> String {
    Value::Object(members.clone()).to_string()
}

/// Writes a value that is about as long as the claims of a token.
pub(crate) fn written(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(WRITTEN);
    serde_json::to_writer(&mut bytes, value)?;
    Ok(bytes)
}

/// Reads a `P` from members. A `P` of `()` ignores them.
pub(crate) fn from_members<P: DeserializeOwned>(
    members: &Map<String, Value>,
) -> Result<P, serde_json::Error> {
    P::deserialize(Members(members))
}

/// The member that has a type of its own, if it is there, and the others.
type OneAndOthers<T> = (Option<T>, Map<String, Value>);

/// Reads the members of an object of which one has a type of its own. A duplicate member is refused at any
/// depth.
pub(crate) fn one_and_others<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    mut map: A,
    one: &str,
) -> Result<OneAndOthers<T>, A::Error> {
    let (mut read, mut others) = (None, Map::new());
    while let Some(name) = map.next_key::<String>()? {
        let is_twin = if name == one {
            read.replace(map.next_value()?).is_some()
        } else {
            let Strict(value) = map.next_value()?;
            others.insert(name, value).is_some()
        };
        if is_twin {
            return Err(A::Error::custom("duplicate member"));
        }
    }
    Ok((read, others))
}

/// A value that has no duplicate members at any depth.
pub(crate) struct Strict(pub(crate) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StrictVisitor.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct StrictVisitor;

impl<'de> DeserializeSeed<'de> for StrictVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value without duplicate members")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key()? {
            let name = match key {
                Key::Name(name) => name,
                Key::Number => return number(&map.next_value::<String>()?),
            };
            let value = map.next_value_seed(self)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(members))
    }
}

/// A number as serde_json keeps it. With its feature `arbitrary_precision` that is the text itself.
fn number<E: Error>(text: &str) -> Result<Value, E> {
    text.parse().map(Value::Number).map_err(E::custom)
}

/// A key of a value that serde_json passes as a map.
///
/// If a crate of the application turns on serde_json's `arbitrary_precision`, such a map can be a
/// number instead of an object: a fraction comes as a map with one member, which holds the text.
/// serde_json passes the key of that member as a plain string. It passes a name from the JSON text
/// as the newtype that is asked for here. So an object never counts as a number, whatever its
/// names.
enum Key {
    Name(String),
    Number,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct("Key", KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, name: D) -> Result<Key, D::Error> {
        String::deserialize(name).map(Key::Name)
    }

    fn visit_str<E>(self, _: &str) -> Result<Key, E> {
        Ok(Key::Number)
    }
}

struct Members<'a>(&'a Map<String, Value>);

impl<'de> Deserializer<'de> for Members<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some of these floats are wrong in the last bit if the parser only approximates.
    const NUMBERS: &str = r#"{"exact":[0.1,1.5e300,5e-324,-0.000001234,123456789.12345679],"integers":[0,-1,18446744073709551615,-9223372036854775808]}"#;

    #[track_caller]
    fn read(text: &str) -> Map<String, Value> {
        object(text.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_come_out_as_they_went_in() {
        let members = read(NUMBERS);
        let again = String::from_utf8(written(&members).unwrap()).unwrap();
        assert_eq!(Value::from(read(&again)), Value::from(members.clone()));
        #[derive(Deserialize)]
        struct Mine {
            exact: [f64; 5],
            integers: (u8, i8, u64, i64),
        }
        let Mine { exact, integers } = from_members(&members).unwrap();
        assert_eq!(
            exact,
            [0.1, 1.5e300, 5e-324, -0.000001234, 123456789.12345679]
        );
        assert_eq!(integers, (0, -1, u64::MAX, i64::MIN));
    }

    /// The names are those that serde_json itself uses for a number or for raw text.
    #[test]
    fn an_object_is_an_object_whatever_its_names_are() {
        for name in ["Number", "RawValue"] {
            let text = format!(r#"{{"x":{{"$serde_json::private::{name}":"1.5"}}}}"#);
            let members = read(&text);
            assert!(matches!(&members["x"], Value::Object(x) if x.len() == 1));
            assert_eq!(written(&members).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn a_twin_is_refused_beside_numbers_and_within() {
        for text in [
            r#"{"x":1.5,"x":1.5}"#,
            r#"{"x":[1.5,{"y":0.1,"y":0.1}]}"#,
            r#"{"x":{"$serde_json::private::Number":"1","$serde_json::private::Number":"1"}}"#,
        ] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
    }
}
