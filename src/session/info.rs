use serde::Serialize;

use super::{
    LastSeen, Metadata, PrivateClaims, Session, SessionState,
    authentication::{Authentication, Renewal},
};
use crate::{
    claims::{Scope, SessionId},
    clock::Timestamp,
    store::{Extra, Methods, Record},
};

/// What a user may see of a session. It contains no secret, and nothing that would help a thief
/// to choose the time of an attack.
///
/// As JSON it has the names of the fields. Times are in seconds since 1970, and what is not there
/// is left out. `"bound": true` is there only if the session is bound to a key:
///
/// ```
/// # use tower_bearer::session::SessionInfo;
/// # use tower_bearer::{SessionId, clock::Timestamp};
/// # use tower_bearer::store::{Record, Session, SessionSecret};
/// # let sid: SessionId = "0192d3a0-0000-7000-8000-000000000001".parse()?;
/// # let login = Timestamp::from_secs(1_790_000_000);
/// # let secret = SessionSecret::from_bytes([7; 32]);
/// # let mut session = Session::new(sid, "https://id.example", "anna", secret, login);
/// # session.scope = "read".parse()?;
/// # session.ends_at = login + std::time::Duration::from_secs(15_552_000);
/// # session.metadata.insert("device".into(), "Anna's phone".into());
/// # let mut record = Record::new(session);
/// # let seen = r#"{"seen":{"address":"192.0.2.7","user_agent":"shop/1.2"}}"#;
/// # record.state.extra = tower_bearer::store::Extra::from_json(seen)?;
/// # record.state.bound_to = Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".parse()?);
/// # let info = SessionInfo::from(record);
/// let json = r#"{
///   "sid": "0192d3a0-0000-7000-8000-000000000001",
///   "subject": "anna",
///   "scope": "read",
///   "created_at": 1790000000,
///   "last_seen": {
///     "address": "192.0.2.7",
///     "user_agent": "shop/1.2"
///   },
///   "auth_time": 1790000000,
///   "ends_at": 1805552000,
///   "bound": true,
///   "metadata": {
///     "device": "Anna's phone"
///   }
/// }"#;
/// assert_eq!(serde_json::to_string_pretty(&info)?, json);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's identifier, the `sid` claim.
    pub sid: SessionId,
    /// The user whose session it is: the `sub` claim.
    pub subject: String,
    /// The OAuth client that the session is bound to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The scope that was granted at login.
    pub scope: Scope,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When the session was last refreshed, rounded down to the hour. So it can be before
    /// `created_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_refreshed_at: Option<Timestamp>,
    /// Where and by what the session was used then, or at the login if it was never refreshed. It is there with
    /// [`remember_context`](super::SessionsBuilder::remember_context) only. The refresh hook sees what the refresh
    /// before has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<LastSeen>,
    /// When the user last authenticated: at the login, or [again](super::Sessions::reauthenticate) since. 1970 stands
    /// for a time that nobody knows, or that [counts no longer](super::RefreshDecision::StepUp). At a refresh it is
    /// what the presented token knows of.
    pub auth_time: Timestamp,
    /// How the user authenticated then, if that was told ([`Grant::acr`](super::Grant::acr)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what methods, if that was told ([`Grant::amr`](super::Grant::amr)).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Who acts for the user in this session, if it is somebody else ([`Grant::actor`](super::Grant::actor)). The text
    /// is empty if the actor has no name or cannot be read: there is one all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The resources that the tokens are for, if the login told
    /// ([`Grant::resources`](super::Grant::resources)).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// When the session expires, however often it is refreshed.
    pub ends_at: Timestamp,
    /// The application's own claims, as they were granted at login. They are meant for the
    /// refresh hook and are not serialized.
    #[serde(skip)]
    pub claims: PrivateClaims,
    /// Whether the session is bound to a key, so that its refresh tokens are of no use without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bound: bool,
    /// The application's own notes.
    pub metadata: Metadata,
}

impl SessionInfo {
    /// What a user may see of a session.
    pub(super) fn new(session: Session, state: &SessionState) -> Self {
        Self::known_to(session, state, None, true)
    }

    /// The same for whoever presents a refresh token of this [line](super::authentication), and may have proved the
    /// session's key.
    pub(super) fn known_to(
        session: Session,
        state: &SessionState,
        line: Option<u32>,
        has_key: bool,
    ) -> Self {
        const HOUR: i64 = 60 * 60;
        let to_the_hour = |at: Timestamp| {
            Timestamp::from_secs(at.as_secs().div_euclid(HOUR).saturating_mul(HOUR))
        };
        let renewal = Renewal::of_or_lapsed(state);
        let Authentication { acr, amr, at, .. } = renewal.known_to(&session, line, has_key);
        let (acr, amr) = (acr.map(str::to_owned), owned(amr));
        Self {
            sid: session.id,
            subject: session.subject,
            client_id: session.client_id,
            scope: session.scope,
            created_at: session.created_at,
            last_refreshed_at: state.last_refreshed_at.map(to_the_hour),
            last_seen: LastSeen::kept_in(&state.extra),
            auth_time: at,
            acr,
            amr,
            actor: session.extra.actor_name().map(str::to_owned),
            resources: resources(&session.extra),
            ends_at: session.ends_at,
            claims: session.claims,
            bound: state.bound_to.is_some(),
            metadata: session.metadata,
        }
    }

    /// The same as somebody sees it who knows of this authentication.
    pub(super) fn with_authentication(self, authentication: Authentication<'_>) -> Self {
        Self {
            auth_time: authentication.at,
            acr: authentication.acr.map(str::to_owned),
            amr: owned(authentication.amr),
            ..self
        }
    }
}

fn owned(amr: Methods<'_>) -> Vec<String> {
    amr.iter().map(str::to_owned).collect()
}

/// A session can be seen and ended even if these cannot be read.
fn resources(extra: &Extra) -> Vec<String> {
    let granted = extra.resources().unwrap_or_default();
    granted.into_iter().map(str::to_owned).collect()
}

impl From<Record> for SessionInfo {
    fn from(record: Record) -> Self {
        let Record { session, state } = record;
        Self::new(session, &state)
    }
}
