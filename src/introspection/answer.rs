//! What an answer says of a token (RFC 7662 §2.2).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{failure::Failure, memory::Known};
use crate::{
    claims::{Content, Scope, VerifiedToken},
    clock::Timestamp,
    error::TokenError,
    json,
    profile::TokenProfile,
    trace,
    verifier::has_tenant,
};

/// What an answer has to say for a token to be accepted.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) audience_required: bool,
    pub(super) profile: TokenProfile,
    /// The most that a token may allow.
    pub(super) limit: Option<Scope>,
}

/// Names under which servers say what kind of token they tell of, and what they call those that are no
/// access tokens.
const KINDS: [&str; 3] = ["token_type", "token_use", "typ"];
const NO_ACCESS_TOKENS: [&str; 9] = [
    "refresh_token",
    "refresh",
    "offline",
    "rt+jwt",
    "id_token",
    "id",
    "id+jwt",
    "authorization_code",
    "device_code",
];

/// What only ID tokens have (OpenID Connect Core §3.1.3.6 and §3.3.2.11). A `nonce` is in the access tokens of
/// some servers too.
const OF_ID_TOKENS: [&str; 3] = ["at_hash", "c_hash", "s_hash"];

impl Rules {
    pub(super) fn with_profile(&self, profile: TokenProfile) -> Self {
        Self {
            profile,
            ..self.clone()
        }
    }

    /// Whether a token is accepted of which the server says this, at the times at which it is valid.
    pub(super) fn judge(
        &self,
        mut members: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Result<Known, TokenError>, Failure> {
        match members.remove("active") {
            Some(Value::Bool(true)) => Ok(self.accept(members, now)),
            Some(Value::Bool(false)) => Ok(Err(TokenError::Inactive)),
            _ => Err(Failure::NoVerdict),
        }
    }

    fn accept(&self, mut members: Map<String, Value>, now: Timestamp) -> Result<Known, TokenError> {
        // Some servers write the members that a token does not have.
        members.retain(|_, value| !value.is_null());
        if is_of_another_kind(&members) {
            trace::debug!("the answer tells of a token that is no access token");
            return Err(TokenError::Type);
        }
        let issuer = || Value::from(self.issuer.as_str());
        let named = members.entry("iss").or_insert_with(issuer);
        if *named != issuer() {
            trace::debug!(
                expected = ?self.issuer,
                iss = %trace::shown(named),
                "the answer tells of a token of another issuer"
            );
            return Err(TokenError::Issuer);
        }
        let issued = || Value::from(now.as_secs());
        members.entry("iat").or_insert_with(issued);
        let names_audience = members.contains_key("aud");
        let is_dpop = has_text(&members, "token_type", "dpop");
        let mut content = self.profile.read_members(members)?;
        self.check_audience(&content, names_audience)?;
        self.check_tenant(&content)?;
        if let Some(limit) = &self.limit {
            content.claims.scope = content.claims.scope.intersection(limit);
        }
        let claims = &content.claims;
        let jkt = claims.cnf.as_ref().and_then(|cnf| cnf.jkt());
        if is_dpop && jkt.is_none() {
            // It would be taken for a token that anybody may use.
            return Err(TokenError::Claims);
        }
        let start = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        Ok(Known {
            valid: start..claims.exp,
            token: VerifiedToken::new(Arc::new(content)),
        })
    }

    fn check_tenant(&self, content: &Content) -> Result<(), TokenError> {
        let Some(claim) = self.profile.tenant() else {
            return Ok(());
        };
        let tenant = json::find(&content.private, claim).and_then(Value::as_str);
        match tenant.is_some_and(|tenant| has_tenant(&self.issuer, tenant)) {
            true => Ok(()),
            false => Err(TokenError::Issuer),
        }
    }

    /// A server that names no audience may know for which API it answers (RFC 7662 §4).
    fn check_audience(&self, content: &Content, is_named: bool) -> Result<(), TokenError> {
        let audience = &content.claims.aud;
        let is_ours = self.audiences.iter().any(|own| audience.contains(own));
        let may_be_missing = !self.audience_required && !is_named && audience.is_empty();
        match is_ours || may_be_missing || self.profile.takes_any_audience() {
            true => Ok(()),
            false => {
                trace::debug!(
                    expected = ?self.audiences,
                    aud = %trace::shown(audience),
                    "the answer tells of a token for another audience"
                );
                Err(TokenError::Audience)
            }
        }
    }
}

fn has_text(members: &Map<String, Value>, name: &str, text: &str) -> bool {
    let value = members.get(name).and_then(Value::as_str);
    value.is_some_and(|value| value.eq_ignore_ascii_case(text))
}

/// Whether the server tells that this is no access token.
fn is_of_another_kind(members: &Map<String, Value>) -> bool {
    let is = |name: &&str| {
        NO_ACCESS_TOKENS
            .iter()
            .any(|kind| has_text(members, name, kind))
    };
    let has_hash = OF_ID_TOKENS.iter().any(|name| members.contains_key(*name));
    has_hash || KINDS.iter().any(is)
}
