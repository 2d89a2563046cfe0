//! Reads the claims of a token from its payload, in one pass.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{
    Actor, AttributeValues, Audience, Claims, Confirmation, Content, RoleClaims, Scope, name::Name,
};
use crate::{clock::Timestamp, error::TokenError, json::Strict, trace};

/// Reads the registered claims and the application's own into one shared allocation, because they
/// are too large to be moved often.
///
/// This is as strict as [`json::object`](crate::json::object): a duplicate member at any depth is
/// [`TokenError::Malformed`]. A registered claim of the wrong type is [`TokenError::Claims`].
pub(crate) fn read(payload: &[u8], roles: &RoleClaims) -> Result<Arc<Content>, TokenError> {
    let mut mistyped = false;
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let members = Reader {
        mistyped: &mut mistyped,
    }
    .deserialize(&mut deserializer)
    .and_then(|members| deserializer.end().map(|()| members));
    match members {
        Ok(members) => members.into_content(roles),
        Err(error) if mistyped && error.is_data() => Err(TokenError::Claims),
        Err(_) => Err(TokenError::Malformed),
    }
}

/// The error for a token of which this claim is missing or malformed.
#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn bad_claim(name: &str) -> TokenError {
    trace::debug!(claim = name, "a claim is missing or malformed");
    TokenError::Claims
}

/// The claims that have been read so far.
#[derive(Default)]
struct Members {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<Timestamp>,
    iat: Option<Timestamp>,
    nbf: Option<Timestamp>,
    jti: Option<String>,
    client_id: Option<String>,
    scope: Option<Scope>,
    sid: Option<String>,
    generation: Option<u32>,
    auth_time: Option<Timestamp>,
    acr: Option<String>,
    amr: Option<Vec<String>>,
    act: Option<Actor>,
    cnf: Option<Confirmation>,
    private: Map<String, Value>,
}

impl Members {
    /// Fails if a required claim is missing (RFC 9068 §2.2), or if `sub`, `jti` or
    /// `client_id` is empty. The verifier decides whether `client_id` is required.
    fn into_content(self, roles: &RoleClaims) -> Result<Arc<Content>, TokenError> {
        let named = |text: &String| !text.is_empty();
        if !self.client_id.as_ref().is_none_or(named) {
            return Err(bad_claim("client_id"));
        }
        let user =
            |name: &str| AttributeValues::among(&self.private, name).map_err(|_| bad_claim(name));
        // Whatever claims hold the roles, this one is of its form, or the token does not follow RFC 9068.
        user("roles")?;
        Ok(Arc::new(Content {
            claims: Claims {
                roles: roles.find(&self.private).collect(),
                groups: user("groups")?,
                entitlements: user("entitlements")?,
                iss: self.iss.ok_or_else(|| bad_claim("iss"))?,
                sub: self.sub.filter(named).ok_or_else(|| bad_claim("sub"))?,
                aud: self.aud.ok_or_else(|| bad_claim("aud"))?,
                exp: self.exp.ok_or_else(|| bad_claim("exp"))?,
                iat: self.iat.ok_or_else(|| bad_claim("iat"))?,
                nbf: self.nbf,
                jti: Some(self.jti.filter(named).ok_or_else(|| bad_claim("jti"))?),
                client_id: self.client_id,
                scope: self.scope.unwrap_or_default(),
                sid: self.sid,
                generation: self.generation,
                auth_time: self.auth_time,
                acr: self.acr,
                amr: self.amr.unwrap_or_default(),
                act: self.act,
                cnf: self.cnf,
                private: (),
            },
            private: self.private,
        }))
    }

    /// Reads a claim of this crate's own. Another issuer may mean something else by its name, so that a
    /// value of another type is one of that issuer's private claims.
    fn take_own<'de, A: MapAccess<'de>, T>(
        &mut self,
        map: &mut A,
        name: &str,
        read: fn(Value) -> Result<T, Value>,
        member: fn(&mut Self) -> &mut Option<T>,
    ) -> Result<(), A::Error> {
        let Strict(value) = map.next_value()?;
        let is_twin = match read(value) {
            Ok(value) => member(self).replace(value).is_some() || self.private.contains_key(name),
            Err(value) => {
                let is_there = member(self).is_some();
                self.private.insert(name.to_owned(), value).is_some() || is_there
            }
        };
        if is_twin { Err(twin()) } else { Ok(()) }
    }
}

fn text(value: Value) -> Result<String, Value> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(other),
    }
}

fn small(value: Value) -> Result<u32, Value> {
    let number = value.as_u64().and_then(|number| number.try_into().ok());
    number.ok_or(value)
}

struct Reader<'a> {
    mistyped: &'a mut bool,
}

impl Reader<'_> {
    /// Reads the value of a registered claim. `null` is a value of the wrong type, not a missing
    /// one.
    fn take<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
        &mut self,
        map: &mut A,
        name: &str,
        member: &mut Option<T>,
    ) -> Result<(), A::Error> {
        if member.is_some() {
            return Err(twin());
        }
        let value = map.next_value();
        if value.is_err() {
            *self.mistyped = true;
            bad_claim(name);
        }
        *member = Some(value?);
        Ok(())
    }
}

fn twin<E: Error>() -> E {
    E::custom("duplicate member")
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Members;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key()? {
            match name {
                Name::Iss => self.take(&mut map, "iss", &mut members.iss)?,
                Name::Sub => self.take(&mut map, "sub", &mut members.sub)?,
                Name::Aud => self.take(&mut map, "aud", &mut members.aud)?,
                Name::Exp => self.take(&mut map, "exp", &mut members.exp)?,
                Name::Iat => self.take(&mut map, "iat", &mut members.iat)?,
                Name::Nbf => self.take(&mut map, "nbf", &mut members.nbf)?,
                Name::Jti => self.take(&mut map, "jti", &mut members.jti)?,
                Name::ClientId => self.take(&mut map, "client_id", &mut members.client_id)?,
                Name::Scope => self.take(&mut map, "scope", &mut members.scope)?,
                Name::Sid => members.take_own(&mut map, "sid", text, |own| &mut own.sid)?,
                Name::Generation => {
                    members.take_own(&mut map, "gen", small, |own| &mut own.generation)?;
                }
                Name::AuthTime => self.take(&mut map, "auth_time", &mut members.auth_time)?,
                Name::Acr => self.take(&mut map, "acr", &mut members.acr)?,
                Name::Amr => self.take(&mut map, "amr", &mut members.amr)?,
                Name::Act => self.take(&mut map, "act", &mut members.act)?,
                Name::Cnf => self.take(&mut map, "cnf", &mut members.cnf)?,
                Name::Private(name) => {
                    let Strict(value) = map.next_value()?;
                    if members.private.insert(name, value).is_some() {
                        return Err(twin());
                    }
                }
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::claims::{REGISTERED, USER_ATTRIBUTES};

    const LEAST: &str = r#""iss":"i","sub":"s","aud":"a","exp":2,"iat":1,"jti":"j""#;

    fn with(members: &str) -> Result<Arc<Content>, TokenError> {
        raw(format!("{{{LEAST}{members}}}").as_bytes())
    }

    fn raw(payload: &[u8]) -> Result<Arc<Content>, TokenError> {
        read(payload, &RoleClaims::new(["roles".into()]))
    }

    #[test]
    fn each_registered_name_is_read_and_no_other() {
        let content = with(
            r#","nbf":3,"client_id":"c","scope":"x y","sid":"d","gen":4,"auth_time":5,"acr":"2","amr":["pwd"],"act":{},"cnf":{},"Iss":6"#,
        )
        .unwrap();
        let written = serde_json::to_value(&content.claims).unwrap();
        let names: Vec<_> = written.as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 16);
        assert!(names.iter().all(|name| REGISTERED.contains(&name.as_str())));
        assert_eq!(Value::from(content.private.clone()), json!({ "Iss": 6 }));
    }

    #[test]
    fn a_name_that_is_only_reserved_is_read_as_a_private_one() {
        let content = with(r#","azp":"a","may_act":{"sub":"x"}"#).unwrap();
        let private = Value::from(content.private.clone());
        assert_eq!(private, json!({ "azp": "a", "may_act": { "sub": "x" } }));
    }

    #[test]
    fn what_describes_the_user_is_read_and_stays_as_it_came() {
        let members = json!({ "roles": "cook", "groups": [{ "value": "g1", "display": "Cooks" }], "entitlements": [] });
        let text = members.to_string();
        let content = with(&format!(",{}", &text[1..text.len() - 1])).unwrap();
        let claims = &content.claims;
        assert_eq!(claims.roles, ["cook"].into());
        assert_eq!(claims.groups, ["g1"].into());
        assert!(claims.entitlements.is_empty());
        assert_eq!(Value::from(content.private.clone()), members);
    }

    /// A group may be one whose users must not do something, and a method one that is not enough.
    #[test]
    fn what_describes_the_user_and_cannot_be_read_is_no_missing_claim() {
        for name in USER_ATTRIBUTES {
            for value in ["null", "7", "false", r#"{"admin":true}"#, "[7]", "[{}]"] {
                let error = with(&format!(r#","{name}":{value}"#)).err();
                assert_eq!(error, Some(TokenError::Claims), "{name} {value}");
            }
            let twins = with(&format!(r#","{name}":["a"],"{name}":["a"]"#)).err();
            assert_eq!(twins, Some(TokenError::Malformed), "{name}");
        }
        for amr in ["null", r#""pwd""#, "[7]", r#"[{"method":"password"}]"#] {
            let error = with(&format!(r#","amr":{amr}"#)).err();
            assert_eq!(error, Some(TokenError::Claims), "{amr}");
        }
    }

    #[test]
    fn another_meaning_of_a_name_of_ours_is_a_private_claim() {
        for (name, value) in [
            ("gen", json!("x")),
            ("gen", json!(-1)),
            ("gen", json!(4_294_967_296_u64)),
            ("gen", json!(null)),
            ("sid", json!(7)),
            ("sid", json!(["a"])),
        ] {
            let content = with(&format!(r#","{name}":{value}"#)).unwrap();
            assert_eq!(
                (content.claims.generation, &content.claims.sid),
                (None, &None)
            );
            assert_eq!(content.private.get(name), Some(&value));
            for twin in [json!("s"), json!(1), value.clone()] {
                let twins = with(&format!(r#","{name}":{value},"{name}":{twin}"#));
                assert_eq!(
                    twins.err(),
                    Some(TokenError::Malformed),
                    "{name} {value} {twin}"
                );
                let twins = with(&format!(r#","{name}":{twin},"{name}":{value}"#));
                assert_eq!(
                    twins.err(),
                    Some(TokenError::Malformed),
                    "{name} {value} {twin}"
                );
            }
        }
    }

    #[test]
    fn a_binding_that_cannot_be_read_is_no_missing_one() {
        for cnf in [
            "null",
            "7",
            r#""x""#,
            "[]",
            r#"{"jkt":"x"}"#,
            r#"{"jkt":null}"#,
        ] {
            let error = with(&format!(r#","cnf":{cnf}"#)).err();
            assert_eq!(error, Some(TokenError::Claims), "{cnf}");
        }
        let twin = with(r#","cnf":{"x":1,"x":1}"#).err();
        assert_eq!(twin, Some(TokenError::Claims));
    }

    /// Else it would seem to be the user who acts.
    #[test]
    fn an_actor_that_cannot_be_read_is_no_missing_one() {
        for act in [
            "null",
            "7",
            r#""admin""#,
            "[]",
            "false",
            r#"{"sub":7}"#,
            r#"{"sub":""}"#,
            r#"{"sub":"a","sub":"a"}"#,
            r#"{"x":{"y":1,"y":1}}"#,
        ] {
            let error = with(&format!(r#","act":{act}"#)).err();
            assert_eq!(error, Some(TokenError::Claims), "{act}");
        }
        let twins = with(r#","act":{"sub":"a"},"\u0061ct":{"sub":"b"}"#).err();
        assert_eq!(twins, Some(TokenError::Malformed));
    }

    #[test]
    fn a_twin_is_malformed_whatever_its_type_and_spelling() {
        for twin in [
            r#","sub":"s""#,
            r#","sub":7"#,
            r#","s\u0075b":"s""#,
            r#","x":1,"x":1"#,
            r#","x":{"y":[{"z":1,"z":1}]}"#,
        ] {
            assert_eq!(with(twin).err(), Some(TokenError::Malformed), "{twin}");
        }
    }

    #[test]
    fn what_follows_the_object_or_breaks_it_is_malformed() {
        for payload in [
            format!("{{{LEAST}}}x"),
            format!("{{{LEAST}"),
            format!("{{{LEAST},}}"),
            format!(r#"{{{LEAST},"sid":"{}"}}"#, '\u{1}'),
            "[]".to_owned(),
            "7".to_owned(),
            String::new(),
        ] {
            let error = raw(payload.as_bytes()).err();
            assert_eq!(error, Some(TokenError::Malformed), "{payload}");
        }
        assert!(raw(format!(" {{{LEAST}}}\n").as_bytes()).is_ok());
    }
}
