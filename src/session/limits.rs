//! What a grant may be as large as. Every store keeps what is within these limits.

use super::{Grant, Metadata, SessionError, SessionErrorKind, resources};
use crate::{
    claims::Actor,
    error::{ConfigError, ConfigErrorKind},
};

const KIB: usize = 1024;

/// The longest issuer, in bytes, with which a refresh token still fits well into a cookie.
pub(super) const MAX_ISSUER: usize = 512;
const MAX_SUBJECT: usize = KIB;
const MAX_CLIENT: usize = KIB;
const MAX_CLASS: usize = KIB;
const MAX_METHODS: usize = KIB;
const MAX_SCOPE: usize = 8 * KIB;
const MAX_NOTE: usize = KIB;
const MAX_METADATA: usize = 64 * KIB;
const MAX_CLAIMS: usize = 64 * KIB;

impl Grant {
    /// Refuses what is beyond the [limits](Grant#limits): as the request's fault what may come from
    /// a client, and as the application's what it has made itself.
    pub(super) fn check(&self) -> Result<(), SessionError> {
        if let Some(wrong) = self.wrong_in_the_request() {
            return Err(SessionError::with_detail(
                SessionErrorKind::InvalidRequest,
                wrong,
            ));
        }
        check_class(self.acr.as_deref())?;
        check_methods(&self.amr)?;
        resources::check(&self.resources)?;
        let wrong = if size(&self.metadata) > MAX_METADATA {
            "metadata must not be above 64 KiB"
        } else if self.claims.to_json().len() > MAX_CLAIMS {
            "claims must not be above 64 KiB"
        } else {
            return Ok(());
        };
        Err(ConfigError::new(ConfigErrorKind::Limit, wrong).into())
    }

    fn wrong_in_the_request(&self) -> Option<&'static str> {
        let client = self.client_id.as_deref();
        let actor = self.actor.as_ref().map(Actor::name);
        if self.subject.is_empty() {
            Some("the subject is empty: give the identifier of the user who logged in")
        } else if self.subject.len() > MAX_SUBJECT {
            Some("the subject must not be above 1 KiB")
        } else if client.is_some_and(str::is_empty) {
            Some("the client identifier is empty")
        } else if client.is_some_and(|client| client.len() > MAX_CLIENT) {
            Some("the client identifier must not be above 1 KiB")
        } else if self.scope.as_str().len() > MAX_SCOPE {
            Some("the scope must not be above 8 KiB")
        } else if actor.is_some_and(|sub| sub.is_empty() || sub.len() > MAX_SUBJECT) {
            Some("the actor is empty, or above 1 KiB")
        } else {
            None
        }
    }
}

/// Refuses what is no authentication context class that every store keeps.
pub(super) fn check_class(acr: Option<&str>) -> Result<(), SessionError> {
    let is_one = |class: &str| (1..=MAX_CLASS).contains(&class.len());
    match acr.is_none_or(is_one) {
        true => Ok(()),
        false => Err(SessionError::with_detail(
            SessionErrorKind::InvalidRequest,
            "the authentication context class is empty, or above 1 KiB",
        )),
    }
}

/// Refuses what are no authentication methods that every store keeps.
pub(super) fn check_methods(amr: &[String]) -> Result<(), SessionError> {
    let length: usize = amr.iter().map(String::len).sum();
    let is_named = amr.iter().all(|method| !method.is_empty());
    match is_named && length <= MAX_METHODS {
        true => Ok(()),
        false => Err(SessionError::with_detail(
            SessionErrorKind::InvalidRequest,
            "an authentication method is empty, or they are above 1 KiB",
        )),
    }
}

/// Cuts a note to its limit, before the character that would go beyond it.
pub(super) fn cut(mut note: String) -> String {
    if note.len() > MAX_NOTE {
        let is_boundary = |end: &usize| note.is_char_boundary(*end);
        let end = (0..=MAX_NOTE).rev().find(is_boundary).unwrap_or_default();
        note.truncate(end);
        note.shrink_to_fit();
    }
    note
}

fn size(metadata: &Metadata) -> usize {
    let notes = metadata.iter();
    notes.map(|(name, note)| name.len() + note.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_where_a_character_begins() {
        assert_eq!(cut("a".repeat(MAX_NOTE)), "a".repeat(MAX_NOTE));
        assert_eq!(cut("a".repeat(MAX_NOTE + 1)), "a".repeat(MAX_NOTE));
        // Of three bytes each, and 1024 is no multiple of 3.
        assert_eq!(cut("☎".repeat(MAX_NOTE)), "☎".repeat(341));
        assert_eq!(
            cut(format!("a{}", "🦀".repeat(256))),
            format!("a{}", "🦀".repeat(255))
        );
    }
}
