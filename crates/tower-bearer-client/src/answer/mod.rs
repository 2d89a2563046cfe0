//! What the token endpoint's answers mean (RFC 6749 §5).

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_TYPE, DATE, RETRY_AFTER},
};
use serde_json::Value;

use tower_bearer::{AccessToken, RefreshToken, TokenType, claims::Scope, json};

use crate::{
    dpop::Flaw,
    error::{ClientError, ClientErrorKind as Kind},
    error_response::{EndsSession, ErrorResponse},
    members::Members,
    schedule::LONGEST_LIFETIME,
    syntax::{is_refresh_token, is_token},
};

/// However long a server asks to wait, it is not more than this.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// What of an answer depends on the configuration.
#[derive(Clone, Default)]
pub(crate) struct Reading {
    pub(crate) accept_missing_token_type: bool,
    /// Whether an access token may be unbound although the request was proven.
    pub(crate) accept_bearer: bool,
    pub(crate) ends_session: Option<Arc<EndsSession>>,
}

/// An answer that has brought something to keep.
#[derive(Debug)]
pub(crate) enum Answer {
    Granted(Granted),
    /// Nothing but the refresh token can be used. It is kept all the same, because the server has
    /// most likely replaced the old one by it.
    RefreshOnly(RefreshToken, ClientError),
}

/// The tokens of a good answer.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) access: AccessToken,
    pub(crate) token_type: TokenType,
    /// `None` if the old one stays good (RFC 6749 §6).
    pub(crate) refresh: Option<RefreshToken>,
    /// `None` if the server does not say.
    pub(crate) lifetime: Option<Duration>,
    /// `None` if it is the scope that was asked for.
    pub(crate) scope: Option<Scope>,
}

/// The types of an access token that can be used.
#[derive(Clone, Copy)]
pub(crate) struct Types {
    pub(crate) bearer: bool,
    pub(crate) dpop: bool,
    pub(crate) missing: bool,
}

impl Types {
    /// Those of an answer to a request that was proven, or was not.
    fn of(reading: &Reading, is_proven: bool) -> Self {
        let bearer = !is_proven || reading.accept_bearer;
        Self {
            bearer,
            dpop: is_proven,
            missing: bearer && reading.accept_missing_token_type,
        }
    }

    /// RFC 6749 §7.1: a client must not use a token of a type that it does not know. RFC 9449 §5: nor
    /// one that is not bound, if it has asked for that.
    fn read(self, name: Option<&str>) -> Result<TokenType, ClientError> {
        let is =
            |known: TokenType| name.is_some_and(|name| name.eq_ignore_ascii_case(known.as_str()));
        Err(malformed(match name {
            None if self.missing => return Ok(TokenType::Bearer),
            Some(_) if self.bearer && is(TokenType::Bearer) => return Ok(TokenType::Bearer),
            Some(_) if self.dpop && is(TokenType::DPoP) => return Ok(TokenType::DPoP),
            None => "token_type is missing",
            Some(_) if self.dpop => "token_type is not DPoP",
            Some(_) => "token_type is not Bearer",
        }))
    }
}

/// Reads an answer to a refresh, which was proven or was not. Whatever else is wrong with an answer of success, a refresh token
/// in it is not lost.
pub(crate) fn refreshed(
    response: &Response<Bytes>,
    reading: &Reading,
    is_proven: bool,
) -> Result<Answer, ClientError> {
    let error = match granted(response, reading, is_proven) {
        Ok(granted) => return Ok(Answer::Granted(granted)),
        Err(error) => error,
    };
    let is_success = response.status().is_success();
    match Members::read(response.body()).0.refresh_token() {
        Some(token) if is_success => Ok(Answer::RefreshOnly(token, error)),
        _ => Err(error),
    }
}

fn granted(
    response: &Response<Bytes>,
    reading: &Reading,
    is_proven: bool,
) -> Result<Granted, ClientError> {
    if response.status() != StatusCode::OK {
        return Err(failure(response, reading.ends_session.as_deref()));
    }
    if !is_json(response.headers()) {
        return Err(Kind::ContentType.into());
    }
    Granted::parse(response.body(), Types::of(reading, is_proven))
}

/// Reads an answer to a revocation (RFC 7009 §2.2).
pub(crate) fn revoked(response: &Response<Bytes>) -> Result<(), ClientError> {
    match response.status() {
        StatusCode::OK => Ok(()),
        _ => Err(failure(response, None)),
    }
}

impl Granted {
    /// The tokens and their type are read strictly and may not come twice. Everything else is a
    /// hint, or ignored.
    pub(crate) fn parse(body: &[u8], types: Types) -> Result<Self, ClientError> {
        let (members, error) = Members::read(body);
        if let Some(error) = error {
            return Err(malformed("no JSON object").caused_by(error));
        }
        // Some servers report errors with 200. By RFC 6749 §5.2 it has to be 400, so such an
        // `invalid_grant` does not end the session.
        if members.contains("error") && !members.contains("access_token") {
            return Err(malformed("an error in an answer of success"));
        }
        let token_type = types.read(members.text("token_type")?.as_deref())?;
        let access = members
            .text("access_token")?
            .filter(|token| is_token(token));
        let missing = || malformed("access_token is missing or has a character that no token has");
        let refresh = members.text("refresh_token")?;
        if !refresh.as_deref().is_none_or(is_refresh_token) {
            return Err(malformed("refresh_token has a character that no token has"));
        }
        let scope = members.hint("scope");
        let scope = scope.as_ref().and_then(Value::as_str);
        Ok(Self {
            access: AccessToken::new(access.ok_or_else(missing)?),
            token_type,
            refresh: refresh.map(RefreshToken::new),
            lifetime: members.hint("expires_in").as_ref().and_then(lifetime),
            scope: scope.and_then(|scope| scope.parse().ok()),
        })
    }
}

fn malformed(what: &'static str) -> ClientError {
    ClientError::malformed(what)
}

/// Reads seconds. In RFC 6749's examples they are a JSON number, but some servers write digits in a
/// string (Appendix A.14). Both are read. Less than one second, and whatever cannot be read, counts
/// as not said, because nothing but the time of the next refresh depends on the value.
fn lifetime(value: &Value) -> Option<Duration> {
    let secs = match value {
        Value::Number(secs) => secs.as_f64(),
        Value::String(secs) if secs.bytes().all(|byte| byte.is_ascii_digit()) => secs.parse().ok(),
        _ => None,
    };
    let secs = secs?.floor();
    let longest = LONGEST_LIFETIME.as_secs_f64();
    (secs >= 1.0).then(|| Duration::from_secs_f64(secs.min(longest)))
}

/// The error that an unsuccessful answer stands for. The body counts only with a client error
/// (4xx), where it may name an OAuth error.
fn failure(response: &Response<Bytes>, ends_session: Option<&EndsSession>) -> ClientError {
    let status = response.status();
    let error = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            ClientError::with_status(Kind::Unavailable, status)
        }
        _ if status.is_server_error() => ClientError::with_status(Kind::Unavailable, status),
        _ if status.is_redirection() => ClientError::with_status(Kind::Redirected, status),
        _ if status.is_client_error() => error_response(response, ends_session),
        _ => ClientError::with_status(Kind::Status, status),
    };
    error.and_retry_after(retry_after(response.headers()))
}

/// Only an answer that comes this far can end a session.
fn error_response(response: &Response<Bytes>, ends_session: Option<&EndsSession>) -> ClientError {
    let code = error_code(response);
    let error = match &code {
        Some(code) => ClientError::refused(code),
        None => ClientError::with_status(Kind::Status, response.status()),
    };
    // A refused proof says nothing about the refresh token.
    if code
        .as_deref()
        .is_some_and(|code| Flaw::named(code.as_bytes()).is_some())
    {
        return error;
    }
    let told = ErrorResponse::new(response, code.as_deref());
    let is_end = told.code() == Some("invalid_grant")
        || ends_session.is_some_and(|ends_session| ends_session(&told));
    match is_end {
        true => error.and_ends_session(),
        false => error,
    }
}

/// The `error` of RFC 6749 §5.2, if it is short and simple enough to be shown.
fn error_code(response: &Response<Bytes>) -> Option<String> {
    if !is_json(response.headers()) {
        return None;
    }
    let members = json::object(response.body()).ok()?;
    let code = members.get("error")?.as_str()?;
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    ((1..=64).contains(&code.len()) && code.bytes().all(is_code)).then(|| code.to_owned())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next();
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads seconds, or a date, which is compared with the date of the answer because the clocks of
/// server and client may differ (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let wait = match is_number {
        // More digits than that are no shorter a time.
        true => Duration::from_secs(value.parse().unwrap_or(u64::MAX)),
        false => date(value)?
            .duration_since(date(headers.get(DATE)?.to_str().ok()?)?)
            .ok()?,
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests;
