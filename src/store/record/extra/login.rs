//! The members that a login adds to its session.

use serde::Serialize;
use serde_json::Value;

use super::Extra;
use crate::{
    claims::Actor,
    store::{StoreError, StoreErrorKind},
};

const ACR: &str = "acr";
const AMR: &str = "amr";
const RESOURCES: &str = "resources";
const ACTOR: &str = "act";
const COOKIES: &str = "cookies";
/// The cookies go with the browser.
const OF_BROWSER: &str = "browser";

/// By what methods a user has authenticated, as a store has kept them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Methods<'a>(&'a [Value]);

impl<'a> Methods<'a> {
    pub(crate) const NONE: Self = Self(&[]);

    /// None if they are written in another way: a token then tells of no method.
    pub(crate) fn kept(value: Option<&'a Value>) -> Self {
        let texts = value.and_then(Value::as_array);
        let texts = texts.filter(|kept| kept.iter().all(Value::is_string));
        Self(texts.map_or(&[], Vec::as_slice))
    }

    pub(crate) fn to_be_kept(amr: Vec<String>) -> Option<Value> {
        Some(amr).filter(|amr| !amr.is_empty()).map(Value::from)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(Value::as_str)
    }
}

impl Extra {
    /// How the user authenticated.
    pub(crate) fn acr(&self) -> Option<&str> {
        self.get(ACR)?.as_str()
    }

    pub(crate) fn with_acr(self, acr: Option<String>) -> Self {
        self.with(ACR, acr.map(Value::from))
    }

    /// By what methods the user authenticated.
    pub(crate) fn amr(&self) -> Methods<'_> {
        Methods::kept(self.get(AMR))
    }

    pub(crate) fn with_amr(self, amr: Vec<String>) -> Self {
        self.with(AMR, Methods::to_be_kept(amr))
    }

    /// The resources to which access was granted, or none if the login told none.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if they are written in another way. A token must not be for more because
    /// it cannot be read what it is for.
    pub(crate) fn resources(&self) -> Result<Vec<&str>, StoreError> {
        let Some(kept) = self.get(RESOURCES) else {
            return Ok(Vec::new());
        };
        let texts = kept.as_array().filter(|kept| !kept.is_empty());
        let texts = texts.and_then(|kept| kept.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt))
    }

    pub(crate) fn with_resources(self, resources: Vec<String>) -> Self {
        let resources = Some(resources).filter(|resources| !resources.is_empty());
        self.with(RESOURCES, resources.map(Value::from))
    }

    /// Who acts for the user, if it is not the user.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if the actor is written in another way. A token must not seem to be the
    /// user's own because it cannot be read who has it.
    pub(crate) fn actor(&self) -> Result<Option<Actor>, StoreError> {
        let kept = self.get(ACTOR).cloned().map(serde_json::from_value);
        kept.transpose()
            .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))
    }

    /// The name of the actor, if there is one. Where it cannot be read, it is an empty text: nobody may take the session
    /// for the user's own.
    pub(crate) fn actor_name(&self) -> Option<&str> {
        let actor = self.get(ACTOR)?;
        Some(actor.get("sub").and_then(Value::as_str).unwrap_or_default())
    }

    pub(crate) fn with_actor(self, actor: Option<&Actor>) -> Self {
        let actor = actor.and_then(Actor::sub);
        let actor = actor.map(|sub| serde_json::json!({ "sub": sub }));
        self.with(ACTOR, actor)
    }

    /// Whether the cookies of the session go when the browser is closed. Whatever else is written there, it is no
    /// reason to keep them for longer.
    pub(crate) fn cookies_end_with_browser(&self) -> bool {
        self.get(COOKIES).is_some()
    }

    pub(crate) fn with_cookies(self, end_with_browser: bool) -> Self {
        self.with(COOKIES, end_with_browser.then(|| OF_BROWSER.into()))
    }

    /// What there is not is left out.
    fn with(mut self, name: &str, member: Option<Value>) -> Self {
        if member.is_some() {
            self.set(name, member);
        }
        self
    }
}
