//! What the introspection endpoint answers: as JSON (RFC 7662 §2.2), or signed (RFC 9701 §5).

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::{Map, Value, json};

use crate::{
    claims::{USER_ATTRIBUTES, VerifiedToken},
    clock::Timestamp,
    issuer::Issuer,
    json,
    jws::SignError,
    reply,
    session::LiveToken,
    store::Session,
    token::TokenType,
};

/// The type of a signed answer, and with `application/` before it the media type (RFC 9701 §8.3).
const TYPE: &str = "token-introspection+jwt";
const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// Of an access token, the generation of the refresh token that came with it. It is nobody's business
/// but the server's own.
const GENERATION: &str = "gen";

/// The members of the answer. There is but one for a token that is not live.
pub(super) fn members(token: Option<&LiveToken>, issuer: &Issuer) -> Map<String, Value> {
    let members = token.and_then(|token| match token {
        LiveToken::Access(access) => Some(of_access_token(access)),
        LiveToken::Refresh(session) => of_refresh_token(session, issuer),
    });
    let active = json!(members.is_some());
    let mut members = members.unwrap_or_default();
    members.insert("active".to_owned(), active);
    members
}

/// All that the token says, which its holder can read as well. The private claims come first, so that
/// none of them takes the place of a member that this endpoint answers for.
fn of_access_token(access: &VerifiedToken) -> Map<String, Value> {
    let claims = access.claims();
    let jkt = claims.cnf.as_ref().and_then(|cnf| cnf.jkt());
    let token_type = jkt.map_or(TokenType::Bearer, |_| TokenType::DPoP);
    let mut members = access.private().clone();
    members.extend(object(json!(claims)));
    for name in USER_ATTRIBUTES {
        let as_it_is = access.private().get(*name);
        as_it_is.map(|value| members.insert((*name).to_owned(), value.clone()));
    }
    members.remove(GENERATION);
    members.insert("token_type".to_owned(), json!(token_type.as_str()));
    members
}

/// Nothing that tells how old the token is, how long it lives, or how to make another. Of a session whose actor
/// cannot be read, it gets no access token.
fn of_refresh_token(session: &Session, issuer: &Issuer) -> Option<Map<String, Value>> {
    let mut members = object(json!({ "iss": issuer.issuer(), "sub": session.subject }));
    if let Some(client_id) = &session.client_id {
        members.insert("client_id".to_owned(), json!(client_id));
    }
    if !session.scope.is_empty() {
        members.insert("scope".to_owned(), json!(session.scope));
    }
    if let Some(actor) = session.extra.actor().ok()? {
        members.insert("act".to_owned(), json!(actor));
    }
    Some(members)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Whether the caller asks for a signed answer (RFC 9701 §4).
pub(super) fn is_to_be_signed(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let ranges = values.filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        essence.eq_ignore_ascii_case(MEDIA_TYPE) && !parts.any(is_weight_of_zero)
    })
}

/// Whether this parameter says that the media type is not acceptable (RFC 9110 §12.4.2).
fn is_weight_of_zero(parameter: &str) -> bool {
    let weight = parameter
        .split_once('=')
        .filter(|(name, _)| name.eq_ignore_ascii_case("q"));
    weight.is_some_and(|(_, weight)| weight.parse() == Ok(0.0_f32))
}

/// The answer as JSON.
pub(super) fn plain(members: Map<String, Value>) -> Response<Bytes> {
    reply::json(&members)
}

/// The answer as a JWT for `recipient`. It has no `sub` and no `exp` of its own, so that nobody takes it
/// for an access token (RFC 9701 §8.1).
pub(super) async fn signed(
    members: Map<String, Value>,
    issuer: &Issuer,
    recipient: &str,
    now: Timestamp,
) -> Result<Response<Bytes>, SignError> {
    let payload = json::written(&json!({
        "iss": issuer.issuer(),
        "aud": recipient,
        "iat": now.floor(),
        "token_introspection": members,
    }));
    let payload = payload.map_err(|_| SignError::signing())?;
    let jwt = issuer.keys().sign_async(TYPE, &payload).await?;
    let mut response = reply::no_store_json(jwt.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(response)
}
