//! What the challenges of a rejection say.

use std::time::Duration;

use http::HeaderValue;

use super::Rejection;
use crate::{
    bearer::{acr::AcrValues, params::ChallengeParameters},
    claims::Scope,
    error::ErrorCode,
};

/// What the challenge says beyond the code.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    pub(super) scope: Option<Scope>,
    pub(super) acr: Option<AcrValues>,
    pub(super) max_age: Option<Duration>,
    pub(super) parameters: ChallengeParameters,
}

impl Rejection {
    /// The values of `WWW-Authenticate`. They contain nothing of the request.
    pub(super) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let challenges = match self.code {
            ErrorCode::MissingToken
            | ErrorCode::InvalidRequest
            | ErrorCode::InvalidToken
            | ErrorCode::InsufficientScope
            | ErrorCode::InsufficientUserAuthentication
            | ErrorCode::InvalidDpopProof
            | ErrorCode::UseDpopNonce => {
                let realm = self.space.realm();
                let (error, common) = (self.error_parameters(), self.common_parameters());
                self.schemes.challenges(realm, &error, &common)
            }
            _ => Vec::new(),
        };
        let value = |challenge| HeaderValue::try_from(challenge).ok();
        challenges.into_iter().filter_map(value)
    }

    /// What the challenge says about the refused request.
    fn error_parameters(&self) -> String {
        if self.code == ErrorCode::MissingToken {
            return String::new();
        }
        let (error, description) = (self.code.as_str(), self.description());
        let mut parameters = format!(", error=\"{error}\", error_description=\"{description}\"");
        parameters.push_str(&self.scope_parameter());
        if let Some(acr) = self.acr_values() {
            parameters.push_str(&format!(", acr_values=\"{acr}\""));
        }
        if let Some(max_age) = self.max_age() {
            parameters.push_str(&format!(", max_age=\"{}\"", max_age.as_secs()));
        }
        parameters
    }

    /// What the challenge says about the resource.
    fn common_parameters(&self) -> String {
        let mut parameters = match self.code {
            ErrorCode::MissingToken => self.scope_parameter(),
            _ => String::new(),
        };
        if let Some(url) = self.space.metadata() {
            parameters.push_str(&format!(", resource_metadata=\"{url}\""));
        }
        let own = self.details.as_ref().map(|details| &details.parameters);
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            parameters.push_str(", ");
            parameters.push_str(own.as_str());
        }
        parameters
    }

    fn scope_parameter(&self) -> String {
        // The grammar of RFC 6749 §3.3 does not allow an empty scope.
        match self.scope().filter(|scope| !scope.is_empty()) {
            Some(scope) => format!(", scope=\"{scope}\""),
            None => String::new(),
        }
    }
}
