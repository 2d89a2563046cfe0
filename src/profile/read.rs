//! Reads the claims of a token whose shape is not that of RFC 9068.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::shape::{Names, Shape};
use crate::{
    claims::{Audience, Claims, Content, Scope},
    clock::Timestamp,
    error::TokenError,
    json,
};

pub(super) fn claims(payload: &[u8], shape: &Shape) -> Result<Arc<Content>, TokenError> {
    let members = json::object(payload).map_err(|_| TokenError::Malformed)?;
    from_members(members, shape).map(Arc::new)
}

/// Takes what [`Claims`] has a place for, and leaves the rest among the private claims.
pub(super) fn from_members(
    mut members: Map<String, Value>,
    shape: &Shape,
) -> Result<Content, TokenError> {
    if !shape
        .discriminators
        .iter()
        .all(|mark| mark.is_met(&members))
    {
        return Err(TokenError::Type);
    }
    let client_id = first(&members, &shape.client);
    let sub = first(&members, &shape.subject).or_else(|| client_id.clone());
    let jti = first(&members, &shape.token_id);
    let sid = first(&members, &shape.session);
    let scope = scope(&members, &shape.scope);
    let claims = Claims {
        iss: take(&mut members, "iss")?.ok_or(TokenError::Claims)?,
        sub: sub.ok_or(TokenError::Claims)?,
        aud: audience(&mut members, shape)?,
        exp: take(&mut members, "exp")?.ok_or(TokenError::Claims)?,
        iat: take(&mut members, "iat")?.ok_or(TokenError::Claims)?,
        nbf: take(&mut members, "nbf")?,
        jti,
        client_id,
        scope,
        sid,
        generation: None,
        auth_time: take_if_right::<Timestamp>(&mut members, "auth_time"),
        acr: take_if_right(&mut members, "acr"),
        cnf: take(&mut members, "cnf")?,
        private: (),
    };
    members.remove("sub");
    for (name, is_read) in [
        ("jti", claims.jti.is_some()),
        ("client_id", claims.client_id.is_some()),
        ("sid", claims.sid.is_some()),
        ("scope", true),
    ] {
        if is_read {
            members.remove(name);
        }
    }
    Ok(Content {
        claims,
        private: members,
    })
}

/// A registered claim, which has to be of its type (RFC 7519 §4.1).
fn take<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, TokenError> {
    let value = members.remove(name).map(serde_json::from_value);
    value.transpose().map_err(|_| TokenError::Claims)
}

/// A claim that is of another type in some tokens, and is left there then.
fn take_if_right<T: DeserializeOwned>(members: &mut Map<String, Value>, name: &str) -> Option<T> {
    let read = members.get(name).cloned().map(serde_json::from_value);
    let read = read.and_then(Result::ok)?;
    members.remove(name);
    Some(read)
}

/// The first of these claims that is a text and not empty.
fn first(members: &Map<String, Value>, names: &Names) -> Option<String> {
    let texts = names
        .iter()
        .filter_map(|name| find(members, name)?.as_str());
    let mut texts = texts.filter(|text| !text.is_empty());
    texts.next().map(str::to_owned)
}

/// The claim of this name. A dot leads into an object, unless there is a claim whose name has it.
pub(super) fn find<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        find(members.get(outer)?.as_object()?, inner)
    })
}

/// What this token is for: its `aud` or, if it has none, the claim that stands in for it.
fn audience(members: &mut Map<String, Value>, shape: &Shape) -> Result<Audience, TokenError> {
    let named = take(members, "aud")?;
    let instead = || {
        let claim = shape.audience.as_ref()?;
        let text = find(members, claim)?.as_str()?;
        Some(Audience::One(text.to_owned()))
    };
    let audience = named.or_else(instead);
    Ok(audience.unwrap_or_else(|| Audience::Many(Vec::new())))
}

/// All scope tokens of these claims. An item of a list is one scope token: it is not split.
fn scope(members: &Map<String, Value>, names: &Names) -> Scope {
    let values = names.iter().filter_map(|name| find(members, name));
    let mut tokens: Vec<&str> = Vec::new();
    for value in values {
        match value {
            Value::String(text) => tokens.extend(text.split(' ')),
            Value::Array(items) => {
                let items = items.iter().filter_map(Value::as_str);
                tokens.extend(items.filter(|item| !item.contains(' ')));
            }
            _ => {}
        }
    }
    tokens.retain(|token| !token.is_empty() && Scope::try_from(*token).is_ok());
    tokens.join(" ").parse().unwrap_or_default()
}
