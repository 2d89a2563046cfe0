//! The claims of a refresh token, parsed in one pass.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};
use uuid::Uuid;

use crate::{
    claims::{Confirmation, SessionId},
    clock::Timestamp,
    json::Strict,
};

#[derive(Serialize)]
pub(super) struct RefreshClaims<'a> {
    pub(super) iss: Cow<'a, str>,
    pub(super) sid: SessionId,
    #[serde(rename = "gen")]
    pub(super) generation: u32,
    pub(super) jti: Uuid,
    pub(super) iat: Timestamp,
    pub(super) exp: Timestamp,
    /// The key that the session is bound to (RFC 7800 §3.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cnf: Option<Confirmation>,
}

/// As strict as [`json::object`](crate::json::object): a duplicate member is refused at any depth.
/// Unknown members are ignored.
impl<'de> Deserialize<'de> for RefreshClaims<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Default)]
struct Members<'a> {
    iss: Option<Text<'a>>,
    sid: Option<SessionId>,
    generation: Option<u32>,
    jti: Option<Uuid>,
    iat: Option<Timestamp>,
    exp: Option<Timestamp>,
    cnf: Option<Confirmation>,
    unknown: HashSet<String>,
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = RefreshClaims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "iss" => take(&mut map, &mut members.iss)?,
                "sid" => take(&mut map, &mut members.sid)?,
                "gen" => take(&mut map, &mut members.generation)?,
                "jti" => take(&mut map, &mut members.jti)?,
                "iat" => take(&mut map, &mut members.iat)?,
                "exp" => take(&mut map, &mut members.exp)?,
                "cnf" => take(&mut map, &mut members.cnf)?,
                other if members.unknown.insert(other.to_owned()) => {
                    drop(map.next_value::<Strict>()?)
                }
                _ => return Err(twin()),
            }
        }
        members
            .claims()
            .ok_or_else(|| A::Error::custom("a member is missing"))
    }
}

/// Reads a member. A `null` is an error, as any value of the wrong type is.
fn take<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    member: &mut Option<T>,
) -> Result<(), A::Error> {
    match member.replace(map.next_value()?) {
        None => Ok(()),
        Some(_) => Err(twin()),
    }
}

fn twin<E: Error>() -> E {
    E::custom("duplicate member")
}

impl<'a> Members<'a> {
    fn claims(self) -> Option<RefreshClaims<'a>> {
        Some(RefreshClaims {
            iss: self.iss?.0,
            sid: self.sid?,
            generation: self.generation?,
            jti: self.jti?,
            iat: self.iat?,
            exp: self.exp?,
            cnf: self.cnf,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = r#""sid":"0192d3a0-0000-7000-8000-000000000001""#;
    const JTI: &str = r#""jti":"0192d3a0-0000-8000-8000-000000000002""#;

    fn with(more: &str) -> Result<RefreshClaims<'static>, serde_json::Error> {
        let text = format!(r#"{{"iss":"i",{SID},"gen":3,{JTI},"iat":1,"exp":2{more}}}"#);
        read(&text)
    }

    fn read(text: &str) -> Result<RefreshClaims<'static>, serde_json::Error> {
        let claims: RefreshClaims<'_> = serde_json::from_str(text)?;
        Ok(RefreshClaims {
            iss: claims.iss.into_owned().into(),
            ..claims
        })
    }

    #[test]
    fn what_is_written_is_read() {
        let claims = with("").unwrap();
        let text = serde_json::to_string(&claims).unwrap();
        let again = read(&text).unwrap();
        assert_eq!((&*again.iss, again.generation), ("i", 3));
        assert_eq!((again.sid, again.jti), (claims.sid, claims.jti));
        assert_eq!((again.iat, again.exp), (claims.iat, claims.exp));
    }

    #[test]
    fn an_unknown_member_is_passed_over() {
        assert!(with(r#","later":{"x":[1]},"Iss":"j""#).is_ok());
    }

    #[test]
    fn a_twin_is_refused_whatever_its_spelling_and_depth() {
        for twin in [
            r#","gen":3"#,
            r#","iss":7"#,
            r#","g\u0065n":3"#,
            r#","x":1,"x":1"#,
            r#","x":{"y":[{"z":1,"z":1}]}"#,
            r#","cnf":{},"cnf":{}"#,
            r#","cnf":null"#,
        ] {
            assert!(with(twin).is_err(), "{twin}");
        }
    }

    #[test]
    fn what_is_missing_mistyped_or_no_object_is_refused() {
        for text in [
            format!(r#"{{"iss":"i",{SID},"gen":3,{JTI},"iat":1}}"#),
            format!(r#"{{"iss":"i",{SID},"gen":-1,{JTI},"iat":1,"exp":2}}"#),
            format!(r#"{{"iss":null,{SID},"gen":3,{JTI},"iat":1,"exp":2}}"#),
            r#"["i","0192d3a0-0000-7000-8000-000000000001",3,"0192d3a0-0000-8000-8000-000000000002",1,2]"#.to_owned(),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
        assert!(
            read(&format!(
                r#"{{"iss":"i",{SID},"gen":3,{JTI},"iat":1,"exp":2}} x"#
            ))
            .is_err()
        );
    }
}
