//! Reads the claims of a token whose shape is not that of RFC 9068.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Discriminator,
    shape::{Names, Shape},
};
use crate::{
    claims::{AttributeValues, Audience, Claims, Content, Scope, bad_claim},
    clock::Timestamp,
    error::TokenError,
    json, trace,
};

/// Reads the payload of a token.
pub(super) fn payload(payload: &[u8], shape: &Shape) -> Result<Content, TokenError> {
    let members = json::object(payload).map_err(|_| TokenError::Malformed)?;
    let is_audience_checked = !shape.any_audience;
    let mut marks = shape.discriminators.iter();
    if let Some(unmet) = marks.find(|mark| !mark.is_met(&members, is_audience_checked)) {
        return Err(of_another_type(unmet));
    }
    let subject = first(&members, &shape.subject)?;
    if shape.token_id_required && first(&members, &shape.token_id)?.is_none() {
        return Err(bad_claim(&shape.token_id.join(" or ")));
    }
    content(members, shape, subject)
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
fn of_another_type(unmet: &Discriminator) -> TokenError {
    trace::debug!(
        expected = unmet.text(),
        "a token is no access token by its profile"
    );
    TokenError::Type
}

/// Reads an answer about a token, whose server has looked at its type. Where it names no user, the token
/// is about its client.
pub(super) fn answer(members: Map<String, Value>, shape: &Shape) -> Result<Content, TokenError> {
    let subject = match first(&members, &shape.subject)? {
        // All users of a client would be one.
        None if names_user(&members) => return Err(bad_claim(&shape.subject.join(" or "))),
        None => first(&members, &shape.client)?,
        named => named,
    };
    content(members, shape, subject)
}

/// Whether an answer tells the name of a user (RFC 7662 §2.2). Some servers write an empty one for clients.
fn names_user(members: &Map<String, Value>) -> bool {
    let name = members.get("username");
    name.is_some_and(|name| name.as_str() != Some(""))
}

/// When a token of another program was issued that does not say so. It is older than whatever is outdated.
const UNKNOWN: Timestamp = Timestamp::from_secs(0);

/// Takes what [`Claims`] has a place for, and leaves the rest among the private claims.
fn content(
    mut members: Map<String, Value>,
    shape: &Shape,
    subject: Option<String>,
) -> Result<Content, TokenError> {
    let mut claims = Claims {
        sub: subject.ok_or_else(|| bad_claim(&shape.subject.join(" or ")))?,
        client_id: first(&members, &shape.client)?,
        jti: first(&members, &shape.token_id)?,
        sid: first_text(&members, &shape.session),
        scope: scope(&members, &shape.scope),
        iss: take(&mut members, "iss")?
            .or_else(|| Some(shape.stand_in.as_ref()?.issuer.clone()))
            .ok_or_else(|| bad_claim("iss"))?,
        aud: audience(&mut members, shape)?,
        exp: take(&mut members, "exp")?.ok_or_else(|| bad_claim("exp"))?,
        iat: take(&mut members, "iat")?
            .or_else(|| shape.stand_in.is_some().then_some(UNKNOWN))
            .ok_or_else(|| bad_claim("iat"))?,
        nbf: take(&mut members, "nbf")?,
        generation: None,
        auth_time: take_if_right::<Timestamp>(&mut members, "auth_time"),
        acr: take_if_right(&mut members, "acr"),
        amr: take_if_right(&mut members, "amr").unwrap_or_default(),
        act: take(&mut members, "act")?,
        cnf: take(&mut members, "cnf")?,
        roles: shape.roles.find(&members).collect(),
        groups: user_attribute(&members, "groups"),
        entitlements: user_attribute(&members, "entitlements"),
        private: (),
    };
    // A private claim must not have the name of one that was read.
    for (name, is_read) in [
        ("sub", true),
        ("scope", true),
        ("jti", claims.jti.is_some()),
        ("client_id", claims.client_id.is_some()),
        ("sid", claims.sid.is_some()),
    ] {
        if is_read {
            members.remove(name);
        }
    }
    if let Some(stand_in) = &shape.stand_in {
        (claims.auth_time, claims.acr) = (None, None);
        claims.amr = Vec::new();
        for values in [&mut claims.groups, &mut claims.entitlements] {
            *values = AttributeValues::default();
        }
        claims.scope = match claims.scope.is_empty() {
            true => stand_in.scope.clone(),
            false => claims.scope.intersection(&stand_in.scope),
        };
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
    value.transpose().map_err(|_| bad_claim(name))
}

/// A claim that is of another type in some tokens, and is left there then.
fn take_if_right<T: DeserializeOwned>(members: &mut Map<String, Value>, name: &str) -> Option<T> {
    let read = members.get(name).cloned().map(serde_json::from_value);
    let read = read.and_then(Result::ok)?;
    members.remove(name);
    Some(read)
}

/// What describes the user. It stays among the private claims, as a profile may name it, and other issuers write
/// it in other forms.
fn user_attribute(members: &Map<String, Value>, name: &str) -> AttributeValues {
    AttributeValues::among(members, name).unwrap_or_default()
}

/// The first of these claims that the token has. It has to be a text, and not an empty one: the token is
/// not somebody else's because the claim that names whose it is cannot be read.
fn first(members: &Map<String, Value>, names: &Names) -> Result<Option<String>, TokenError> {
    match names.iter().find_map(|name| json::find(members, name)) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(bad_claim(&names.join(" or "))),
    }
}

/// The first of these claims that is a text and not empty.
fn first_text(members: &Map<String, Value>, names: &Names) -> Option<String> {
    let texts = names
        .iter()
        .filter_map(|name| json::find(members, name)?.as_str());
    let mut texts = texts.filter(|text| !text.is_empty());
    texts.next().map(str::to_owned)
}

/// What this token is for: its `aud` or, if it has none, the claim that stands in for it.
fn audience(members: &mut Map<String, Value>, shape: &Shape) -> Result<Audience, TokenError> {
    let named = take(members, "aud")?;
    let instead = || {
        let claim = shape.audience.as_ref()?;
        let text = json::find(members, claim)?.as_str()?;
        Some(Audience::One(text.to_owned()))
    };
    let audience = named.or_else(instead);
    Ok(audience.unwrap_or_else(|| Audience::Many(Vec::new())))
}

/// All scope tokens of these claims. An item of a list is one scope token: it is not split.
fn scope(members: &Map<String, Value>, names: &Names) -> Scope {
    let values = names.iter().filter_map(|name| json::find(members, name));
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
