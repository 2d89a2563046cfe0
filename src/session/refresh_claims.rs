//! The claims of a refresh token, parsed in one pass.

use std::{borrow::Cow, collections::HashSet, fmt};

use memchr::memchr;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use uuid::{Uuid, fmt::Hyphenated};

use crate::{
    claims::{Confirmation, SessionId},
    clock::Timestamp,
    json::{self, ObjectWriter, Strict},
};

pub(super) struct RefreshClaims<'a> {
    pub(super) iss: Cow<'a, str>,
    pub(super) sid: SessionId,
    pub(super) generation: u32,
    /// The [line](super::authentication) of the token.
    pub(super) line: Option<u32>,
    pub(super) jti: Uuid,
    pub(super) iat: Timestamp,
    pub(super) exp: Timestamp,
    /// The key that the session is bound to (RFC 7800 §3.1).
    pub(super) cnf: Option<Confirmation>,
}

impl<'a> RefreshClaims<'a> {
    /// Their JSON text.
    pub(super) fn written(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut claims = ObjectWriter::new();
        claims.value("iss", &self.iss)?;
        claims.uuid("sid", self.sid.as_uuid());
        claims.value("gen", &self.generation)?;
        claims.uuid("jti", self.jti);
        claims.value("iat", &self.iat)?;
        claims.value("exp", &self.exp)?;
        claims.optional("cnf", self.cnf.as_ref())?;
        claims.optional("line", self.line.as_ref())?;
        Ok(claims.end())
    }

    /// Reads any JSON text of them.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        Self::read_back(text).or_else(|| serde_json::from_slice(text).ok())
    }

    /// Reads what [`written`](Self::written) has written for a session that is bound to no key, and whose
    /// user has not authenticated again. Of any other text it reads nothing.
    fn read_back(text: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let (iss, text) = until(text.strip_prefix(r#"{"iss":""#)?, b'"')?;
        let (sid, text) = text.strip_prefix(r#"","sid":""#)?.split_at_checked(UUID)?;
        let (generation, text) = until(text.strip_prefix(r#"","gen":"#)?, b',')?;
        let (jti, text) = text.strip_prefix(r#","jti":""#)?.split_at_checked(UUID)?;
        let (iat, text) = until(text.strip_prefix(r#"","iat":"#)?, b',')?;
        let exp = text.strip_prefix(r#","exp":"#)?.strip_suffix('}')?;
        let is_plain = !iss.bytes().any(json::is_escaped);
        is_plain.then_some(Self {
            iss: Cow::Borrowed(iss),
            sid: sid.parse().ok()?,
            generation: whole(generation)?.try_into().ok()?,
            jti: jti.parse::<Hyphenated>().ok()?.into_uuid(),
            iat: Timestamp::from_secs(whole(iat)?),
            exp: Timestamp::from_secs(whole(exp)?),
            cnf: None,
            line: None,
        })
    }
}

/// What is before the first such byte, and the rest, which begins with it.
fn until(text: &str, byte: u8) -> Option<(&str, &str)> {
    text.split_at_checked(memchr(byte, text.as_bytes())?)
}

/// The number that is written as JSON writes it, if it is a whole one and not negative.
fn whole(digits: &str) -> Option<i64> {
    let is_padded = digits.len() > 1 && digits.starts_with('0');
    let is_whole = !is_padded && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_whole)
}

/// As strict as [`json::object`](crate::json::object): a duplicate member is refused at any depth.
/// Unknown members are ignored.
impl<'de> Deserialize<'de> for RefreshClaims<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

/// The length of a UUID in its text.
const UUID: usize = Hyphenated::LENGTH;

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
    line: Option<u32>,
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
                "line" => take(&mut map, &mut members.line)?,
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
            line: self.line,
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
        // Whatever the short way reads, the long one reads the same.
        if let Some(read_back) = RefreshClaims::read_back(text.as_bytes()) {
            assert_eq!(members(&read_back), members(&claims), "{text}");
        }
        Ok(RefreshClaims {
            iss: claims.iss.into_owned().into(),
            ..claims
        })
    }

    fn members(claims: &RefreshClaims<'_>) -> impl PartialEq + fmt::Debug + use<> {
        let RefreshClaims {
            iss,
            sid,
            generation,
            jti,
            iat,
            exp,
            cnf,
            line,
        } = claims;
        let iss = iss.clone().into_owned();
        (iss, *sid, *generation, *jti, *iat, *exp, cnf.clone(), *line)
    }

    #[test]
    fn the_text_stays_as_it_is() {
        let mut claims = with("").unwrap();
        let expected = format!(r#"{{"iss":"i",{SID},"gen":3,{JTI},"iat":1,"exp":2}}"#);
        assert_eq!(claims.written().unwrap(), expected.as_bytes());
        let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        claims.cnf = Some(Confirmation::with_jkt(jkt.parse().unwrap()));
        let bound =
            format!(r#"{{"iss":"i",{SID},"gen":3,{JTI},"iat":1,"exp":2,"cnf":{{"jkt":"{jkt}"}}}}"#);
        assert_eq!(claims.written().unwrap(), bound.as_bytes());
        (claims.cnf, claims.line) = (None, Some(3));
        let of_a_line = format!(r#"{{"iss":"i",{SID},"gen":3,{JTI},"iat":1,"exp":2,"line":3}}"#);
        assert_eq!(claims.written().unwrap(), of_a_line.as_bytes());
        assert_eq!(read(&of_a_line).unwrap().line, Some(3));
    }

    /// One byte of the text at a time is left out, doubled or another one. Whatever is read the short way is
    /// then read the same the long way, as `read` asserts; what cannot be read is refused by both.
    #[test]
    fn the_short_way_reads_nothing_that_the_long_way_refuses() {
        let text = format!(r#"{{"iss":"ij",{SID},"gen":30,{JTI},"iat":10,"exp":20}}"#);
        assert!(RefreshClaims::read_back(text.as_bytes()).is_some());
        for at in 0..text.len() {
            let (head, tail) = text.split_at(at);
            let rest = tail.get(1..).unwrap_or_default();
            let first = tail.get(..1).unwrap_or_default();
            let mut texts = vec![format!("{head}{rest}"), format!("{head}{first}{tail}")];
            let others = "0\"\\,:}{-+.eE \n\u{1}gG".chars();
            texts.extend(others.map(|other| format!("{head}{other}{rest}")));
            for changed in texts {
                let short = RefreshClaims::read_back(changed.as_bytes());
                assert!(read(&changed).is_ok() || short.is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let claims = with("").unwrap();
        let text = String::from_utf8(claims.written().unwrap()).unwrap();
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
            r#","line":1,"line":1"#,
            r#","line":null"#,
            r#","line":-1"#,
            r#","line":"1""#,
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
