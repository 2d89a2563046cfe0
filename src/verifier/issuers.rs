//! The issuers that a verifier trusts, found by the `iss` of a token.

use std::collections::HashMap;

use super::{issuer::TrustedIssuer, taken_over::TakenOver, unverified::Unverified};
use crate::{
    error::{ConfigError, ConfigErrorKind, TokenError},
    profile::TokenProfile,
    trace,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Issuers {
    list: Vec<TrustedIssuer>,
    by_name: HashMap<String, usize>,
    /// The tokens of another program, which have no `iss`.
    taken_over: Option<TakenOver>,
}

impl Issuers {
    /// # Errors
    ///
    /// If two have the same name. Which keys and which rules hold for a token would depend on their
    /// order.
    pub(super) fn new(list: Vec<TrustedIssuer>) -> Result<Self, ConfigError> {
        let mut by_name = HashMap::new();
        for (index, issuer) in list.iter().enumerate() {
            for name in issuer.names() {
                if by_name.insert(name.to_owned(), index).is_some() {
                    let twice = format!("two of the issuers have the same name: {name:?}");
                    return Err(ConfigError::new(ConfigErrorKind::DuplicateIssuer, twice));
                }
            }
        }
        Ok(Self {
            list,
            by_name,
            taken_over: None,
        })
    }

    /// The issuer that a token is to be verified by. With only one, nothing of the token is read.
    pub(super) fn of(&self, token: &str) -> Result<&TrustedIssuer, TokenError> {
        match self.list.as_slice() {
            [only] => Ok(only),
            _ => {
                let name = Unverified::of(token).ok_or(TokenError::Malformed)?.iss;
                let has_name = name.is_some();
                let issuer = name.and_then(|name| self.named(&name));
                issuer.ok_or_else(|| self.none_named(has_name))
            }
        }
    }

    /// The tokens of another program, if this is one of them.
    pub(super) fn taken_over(&self, token: &str) -> Option<&TakenOver> {
        let taken_over = self.taken_over.as_ref()?;
        let has_no_issuer = Unverified::of(token)?.iss.is_none();
        has_no_issuer.then_some(taken_over)
    }

    pub(super) fn takes_over(&self) -> bool {
        self.taken_over.is_some()
    }

    pub(super) fn take_over(&mut self, tokens: TakenOver) {
        self.taken_over = Some(tokens);
    }

    /// The name of the issuer, if there is one issuer with one name.
    pub(super) fn only_name(&self) -> Option<&str> {
        let [only] = self.list.as_slice() else {
            return None;
        };
        let mut names = only.names();
        names.next().filter(|_| names.next().is_none())
    }

    /// The issuer of this name.
    pub(super) fn named(&self, iss: &str) -> Option<&TrustedIssuer> {
        self.list.get(*self.by_name.get(iss)?)
    }

    /// The error for a token whose `iss`, if it has one, is none of these. Nobody has verified it.
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
    pub(super) fn none_named(&self, has_iss: bool) -> TokenError {
        trace::debug!(
            trusted = ?self.list.iter().flat_map(TrustedIssuer::names).collect::<Vec<_>>(),
            has_iss,
            "a token names none of the trusted issuers"
        );
        TokenError::Issuer
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// # Errors
    ///
    /// If there is not exactly one, so that it would not be clear whose tokens are meant.
    pub(super) fn set_profile(&mut self, profile: TokenProfile) -> Result<(), ConfigError> {
        let [only] = self.list.as_mut_slice() else {
            let unclear = "only a verifier of one issuer takes a profile: otherwise TrustedIssuer and \
                           IntrospectionBuilder have one each";
            return Err(ConfigError::new(ConfigErrorKind::Profile, unclear));
        };
        only.profile = profile;
        Ok(())
    }
}
