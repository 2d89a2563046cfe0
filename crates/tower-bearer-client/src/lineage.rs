//! Which of two refresh tokens is the newer one, if they say so themselves.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use tower_bearer::{RefreshToken, json};

/// Longer tokens are not looked into.
const MAX_BYTES: usize = 8 * 1024;

/// Whether `new` is of the same session as `old` and of an earlier generation, so that it must not
/// take the place of `old`.
///
/// The refresh tokens of `tower-bearer` are JWTs that name session and generation. They are read
/// here without being verified, because only the server that issued them gets them back. The tokens
/// of other servers name neither, so the one that came last counts as the newer one.
pub(crate) fn is_older(new: &RefreshToken, old: &RefreshToken) -> bool {
    match (read(new), read(old)) {
        (Some((new_sid, new_generation)), Some((old_sid, old_generation))) => {
            new_sid == old_sid && new_generation < old_generation
        }
        _ => false,
    }
}

fn read(token: &RefreshToken) -> Option<(String, u64)> {
    let token = token.expose();
    if token.len() > MAX_BYTES {
        return None;
    }
    let mut segments = token.split('.');
    let (_header, payload, _signature) = (segments.next()?, segments.next()?, segments.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims = json::object(&payload).ok()?;
    match (claims.get("sid")?, claims.get("gen")?) {
        (Value::String(sid), Value::Number(generation)) => {
            Some((sid.clone(), generation.as_u64()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> RefreshToken {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        RefreshToken::new(format!("{}.{}.c2ln", part("{}"), part(claims)))
    }

    #[test]
    fn an_earlier_generation_of_the_same_session() {
        let old = token(r#"{"sid":"a","gen":5}"#);
        assert!(is_older(&token(r#"{"sid":"a","gen":4}"#), &old));
        assert!(!is_older(&token(r#"{"sid":"a","gen":5}"#), &old));
        assert!(!is_older(&token(r#"{"sid":"a","gen":6}"#), &old));
        assert!(!is_older(&token(r#"{"sid":"b","gen":4}"#), &old));
    }

    #[test]
    fn of_anything_else_nothing_is_known() {
        let old = token(r#"{"sid":"a","gen":5}"#);
        for claims in [
            "{}",
            "[]",
            "null",
            "",
            "not json",
            r#"{"sid":"a"}"#,
            r#"{"gen":4}"#,
            r#"{"sid":1,"gen":4}"#,
            r#"{"sid":"a","gen":"4"}"#,
            r#"{"sid":"a","gen":-4}"#,
            r#"{"sid":"a","gen":4.5}"#,
            r#"{"sid":"a","gen":4,"gen":4}"#,
        ] {
            assert!(!is_older(&token(claims), &old), "{claims}");
            assert!(!is_older(&old, &token(claims)), "{claims}");
        }
        for text in ["", "opaque", "a.b", "...", "é.é.é"] {
            assert!(!is_older(&RefreshToken::new(text), &old), "{text}");
        }
    }
}
