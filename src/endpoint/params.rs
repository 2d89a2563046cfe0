//! Reads the parameters of a request from its body.

use http::{HeaderMap, header::CONTENT_TYPE};
use http_body::Body;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::{body::BodyLimits, error_reply::ErrorReply};
use crate::{
    error::{BoxError, ErrorCode},
    json,
};

/// The kinds of body that an endpoint accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    Form,
    FormOrJson,
}

/// The parameters of a request.
pub(super) enum Params {
    Form(Vec<(String, String)>),
    Json(Map<String, Value>),
}

/// The name of a parameter, and a second spelling that is allowed in JSON.
#[derive(Clone, Copy)]
pub(super) struct Name {
    snake: &'static str,
    camel: Option<&'static str>,
}

/// The token that a client revokes or asks about (RFC 7009 §2.1, RFC 7662 §2.1).
pub(super) const TOKEN: Name = Name::word("token");

impl Name {
    pub(super) const fn new(snake: &'static str, camel: &'static str) -> Self {
        Self {
            snake,
            camel: Some(camel),
        }
    }

    /// A name of one word, which has only one spelling.
    pub(super) const fn word(word: &'static str) -> Self {
        Self {
            snake: word,
            camel: None,
        }
    }
}

impl Params {
    /// Reads a body of an accepted kind, within the limits. An empty body has no parameters,
    /// whatever its kind.
    pub(super) async fn read<B>(
        headers: &HeaderMap,
        body: B,
        accepts: Accepts,
        limits: BodyLimits,
    ) -> Result<Self, ErrorReply>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let kind = kind(headers, accepts)?;
        let body = limits.read(headers, body).await?;
        if body.is_empty() {
            return Ok(Self::Json(Map::new()));
        }
        match kind {
            Some(Kind::Form) => form(&body).map(Self::Form),
            Some(Kind::Json) => json::object(&body).map(Self::Json).map_err(|_| {
                ErrorReply::request("the body is not a JSON object without duplicate members")
            }),
            None => Err(ErrorCode::UnsupportedMediaType.into()),
        }
    }

    /// Whether the parameter has the spelling that is allowed in JSON only.
    pub(super) fn is_camel(&self, name: Name) -> bool {
        match (self, name.camel) {
            (Self::Json(members), Some(camel)) => members.contains_key(camel),
            _ => false,
        }
    }

    /// The value of a parameter. An empty value counts as absent (RFC 6749 §3.1). A parameter
    /// that comes twice is an error, even if its values are empty.
    pub(super) fn get(&self, name: Name) -> Result<Option<&str>, ErrorReply> {
        let value = match self {
            Self::Form(pairs) => form_value(pairs, name)?,
            Self::Json(members) => json_value(members, name)?,
        };
        Ok(value.filter(|value| !value.is_empty()))
    }
}

impl Params {
    /// All values of a parameter that may come several times, in JSON as an array of strings. Empty
    /// values are left out.
    pub(super) fn all(&self, name: Name) -> Result<Vec<String>, ErrorReply> {
        let values = match self {
            Self::Form(pairs) => {
                let own = pairs.iter().filter(|(key, _)| key == name.snake);
                own.map(|(_, value)| value.as_str()).collect()
            }
            Self::Json(members) => match members.get(name.snake) {
                Some(Value::Array(values)) => {
                    let texts = values.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
                    texts.ok_or_else(|| ErrorReply::request("a member is not a list of strings"))?
                }
                _ => json_value(members, name)?.into_iter().collect(),
            },
        };
        let values = values.into_iter().filter(|value| !value.is_empty());
        Ok(values.map(str::to_owned).collect())
    }
}

fn form_value(pairs: &[(String, String)], name: Name) -> Result<Option<&str>, ErrorReply> {
    let mut values = pairs.iter().filter(|(key, _)| key == name.snake);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(ErrorReply::request("a parameter is repeated")),
        (first, None) => Ok(first.map(|(_, value)| value.as_str())),
    }
}

fn json_value(members: &Map<String, Value>, name: Name) -> Result<Option<&str>, ErrorReply> {
    let camel = name.camel.and_then(|camel| members.get(camel));
    match (members.get(name.snake), camel) {
        (None, None) => Ok(None),
        (Some(Value::String(value)), None) | (None, Some(Value::String(value))) => Ok(Some(value)),
        (Some(_), Some(_)) => Err(ErrorReply::request("a member comes in two spellings")),
        _ => Err(ErrorReply::request("a member is not a string")),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Form,
    Json,
}

/// The kind of body that the content type names, whose parameters are ignored. `None` if there is
/// no content type, which is allowed for an empty body only.
fn kind(headers: &HeaderMap, accepts: Accepts) -> Result<Option<Kind>, ErrorReply> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => return Err(ErrorReply::request("there are two content types")),
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(Some(Kind::Form))
    } else if accepts == Accepts::FormOrJson && essence.eq_ignore_ascii_case("application/json") {
        Ok(Some(Kind::Json))
    } else {
        Err(ErrorCode::UnsupportedMediaType.into())
    }
}

fn form(body: &[u8]) -> Result<Vec<(String, String)>, ErrorReply> {
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let mut half = || form_decode(halves.next().unwrap_or_default());
            Some((half()?, half()?))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| ErrorReply::request("the form is not encoded as it should be"))
}

/// Decodes form encoding. Unlike the parser of the WHATWG it refuses bad escapes and bad UTF-8: a
/// token that was damaged in this way is a malformed request and not an invalid token.
pub(super) fn form_decode(text: &[u8]) -> Option<String> {
    let text: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let mut escapes = text.split(|byte| *byte == b'%').skip(1);
    let valid = escapes.all(|rest| {
        matches!(rest, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    });
    if valid {
        String::from_utf8(percent_decode(&text).collect()).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        form_decode(text.as_bytes())
    }

    #[test]
    fn decodes_plus_and_escapes_once() {
        assert_eq!(decoded("a+b%2Bc%2525").as_deref(), Some("a b+c%25"));
        assert_eq!(decoded("%c3%A9é").as_deref(), Some("éé"));
        assert_eq!(decoded("").as_deref(), Some(""));
    }

    #[test]
    fn refuses_bad_escapes_and_bad_utf8() {
        for text in [
            "%",
            "a%",
            "%4",
            "%zz",
            "%%41",
            "%+1",
            "%4g",
            "%ff",
            "%c3",
            "%ed%a0%80",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
        assert_eq!(form_decode(b"\xff"), None);
    }

    #[test]
    fn splits_at_the_first_equals_sign() {
        let pairs = form(b"&a=b=c&&d&=e&").unwrap();
        let expected = [("a", "b=c"), ("d", ""), ("", "e")];
        assert_eq!(
            pairs,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }
}
