//! Where and by what a session was used last. It is kept in the session's state, as the member `seen`, where
//! the sessions are told to.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Sessions;
use crate::{
    context::RequestContext,
    store::{Extra, SessionState},
};

const SEEN: &str = "seen";
const ADDRESS: &str = "address";
const USER_AGENT: &str = "user_agent";

/// The request that a session was last used by: that of the login, or of the last refresh that has written. It
/// is there with [`remember_context`](super::SessionsBuilder::remember_context) only.
///
/// As JSON it has the names of the fields, and what is not known is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LastSeen {
    /// The [address](crate::context) of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What the client calls itself: up to 1024 printable ASCII characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl LastSeen {
    /// Nothing if nothing is known.
    fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Option<Self> {
        let is_known = address.is_some() || user_agent.is_some();
        is_known.then(|| Self {
            address,
            user_agent: user_agent.map(str::to_owned),
        })
    }

    fn of(context: &RequestContext) -> Option<Self> {
        Self::new(context.address(), context.user_agent())
    }

    /// A session can be seen and ended even if this cannot be read.
    pub(super) fn kept_in(extra: &Extra) -> Option<Self> {
        let seen = extra.get(SEEN)?;
        let text = |name| seen.get(name).and_then(Value::as_str);
        let address = text(ADDRESS).and_then(|address| address.parse().ok());
        Self::new(address, text(USER_AGENT))
    }

    fn into_json(self) -> Value {
        let address = self.address.map(|address| address.to_string());
        let members = [(ADDRESS, address), (USER_AGENT, self.user_agent)];
        let known = |(name, text): (&str, Option<String>)| Some((name.to_owned(), text?.into()));
        Value::Object(members.into_iter().filter_map(known).collect::<Map<_, _>>())
    }
}

impl<St> Sessions<St> {
    /// Puts what is known now in place of what was seen before, or removes that if nothing is to be kept.
    pub(super) fn note_seen(&self, state: &mut SessionState, context: &RequestContext) {
        let is_kept = self.0.remembers_context;
        let seen = is_kept.then(|| LastSeen::of(context)).flatten();
        if seen.is_some() || !state.extra.is_empty() {
            state.extra.set(SEEN, seen.map(LastSeen::into_json));
        }
    }
}
