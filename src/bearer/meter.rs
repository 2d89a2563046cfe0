//! The requests that a layer has judged, by verdict.

use super::challenge::Rejection;
use crate::{
    error::{ErrorCode, TokenError},
    metrics::{Counter, Counters, Metric, Unit},
};

static REQUESTS: Metric = Metric {
    name: "tower_bearer.requests",
    unit: Unit::Count,
    help: "Requests that a layer has judged, by verdict",
};
const VERDICT: &str = "verdict";
const ERROR_TYPE: &str = "error.type";

/// Every refusal that counts by itself, with what is wrong with an invalid token and what cannot be told.
const REFUSALS: [[&str; 2]; 29] = [
    ["missing", ""],
    ["malformed", ""],
    ["insufficient", "scope"],
    ["insufficient", "user_authentication"],
    ["ended", ""],
    ["unavailable", "token"],
    ["unavailable", "session"],
    ["cross_origin", ""],
    ["denied", ""],
    ["invalid_proof", ""],
    ["use_nonce", ""],
    ["misconfigured", ""],
    ["invalid", ""],
    ["invalid", "malformed"],
    ["invalid", "too_long"],
    ["invalid", "header"],
    ["invalid", "algorithm"],
    ["invalid", "unknown_key"],
    ["invalid", "signature"],
    ["invalid", "type"],
    ["invalid", "claims"],
    ["invalid", "issuer"],
    ["invalid", "audience"],
    ["invalid", "expired"],
    ["invalid", "outdated"],
    ["invalid", "not_yet_valid"],
    ["invalid", "inactive"],
    ["invalid", "ticket"],
    ["invalid", "key_binding"],
];

#[derive(Clone, Debug)]
pub(super) struct Meter {
    accepted: Counter,
    anonymous: Counter,
    refused: Counters,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            accepted: Counter::new(&REQUESTS, &[(VERDICT, "accepted")]),
            anonymous: Counter::new(&REQUESTS, &[(VERDICT, "anonymous")]),
            refused: Counters::new(&REQUESTS, [VERDICT, ERROR_TYPE], REFUSALS.into_iter()),
        }
    }

    #[inline]
    pub(super) fn passed(&self, has_token: bool) {
        match has_token {
            true => self.accepted.add_one(),
            false => self.anonymous.add_one(),
        }
    }

    pub(super) fn refused(&self, rejection: &Rejection) {
        self.refused.add_one(refusal(rejection));
    }
}

fn refusal(rejection: &Rejection) -> [&'static str; 2] {
    match (rejection.code(), rejection.cause()) {
        (_, Some(TokenError::SessionEnded)) => ["ended", ""],
        (ErrorCode::MissingToken, _) => ["missing", ""],
        (ErrorCode::InvalidToken, None) => ["invalid", ""],
        (ErrorCode::InvalidToken, Some(cause)) => ["invalid", name(cause)],
        (ErrorCode::InsufficientScope, _) => ["insufficient", "scope"],
        (ErrorCode::InsufficientUserAuthentication, _) => ["insufficient", "user_authentication"],
        (ErrorCode::TemporarilyUnavailable, Some(_)) => ["unavailable", "token"],
        (ErrorCode::TemporarilyUnavailable, None) => ["unavailable", "session"],
        (ErrorCode::CrossOrigin, _) => ["cross_origin", ""],
        (ErrorCode::AccessDenied, _) => ["denied", ""],
        (ErrorCode::InvalidDpopProof, _) => ["invalid_proof", ""],
        (ErrorCode::UseDpopNonce, _) => ["use_nonce", ""],
        (ErrorCode::ServerError, _) => ["misconfigured", ""],
        _ => ["malformed", ""],
    }
}

fn name(cause: TokenError) -> &'static str {
    match cause {
        TokenError::Malformed => "malformed",
        TokenError::TooLong => "too_long",
        TokenError::Header => "header",
        TokenError::Algorithm => "algorithm",
        TokenError::UnknownKey => "unknown_key",
        TokenError::Signature => "signature",
        TokenError::Type => "type",
        TokenError::Claims => "claims",
        TokenError::Issuer => "issuer",
        TokenError::Audience => "audience",
        TokenError::Expired => "expired",
        TokenError::Outdated => "outdated",
        TokenError::NotYetValid => "not_yet_valid",
        TokenError::Inactive => "inactive",
        TokenError::Ticket => "ticket",
        TokenError::Unproven | TokenError::Unbound => "key_binding",
        TokenError::SessionEnded | TokenError::Unavailable => "",
    }
}
