//! What every store has to do. Generic over the store, and only by the public API.

pub(crate) mod acknowledged;
pub(crate) mod ending;
pub(crate) mod keeping;
pub(crate) mod racing;
pub(crate) mod swapping;

use std::{any::Any, sync::Arc, time::Duration};

use tower_bearer::{
    SessionId,
    clock::{ManualClock, Timestamp},
    store::{Metadata, PrivateClaims, Session, SessionSecret, SessionStore, Swap},
};
use uuid::Uuid;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const START: Timestamp = Timestamp::from_secs(1_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// An empty store and the clock that it goes by.
pub(crate) struct Setup<St> {
    pub(crate) store: Arc<St>,
    pub(crate) clock: ManualClock,
    /// What has to live as long as the store, such as its directory.
    _keep: Box<dyn Any + Send + Sync>,
}

impl<St: SessionStore> Setup<St> {
    pub(crate) fn new(store: impl FnOnce(ManualClock) -> St) -> Self {
        Self::keeping((), store)
    }

    pub(crate) fn keeping(
        keep: impl Any + Send + Sync,
        store: impl FnOnce(ManualClock) -> St,
    ) -> Self {
        let clock = ManualClock::new(START);
        Self {
            store: Arc::new(store(clock.clone())),
            clock,
            _keep: Box::new(keep),
        }
    }

    pub(crate) async fn load(&self, id: SessionId) -> Session {
        self.find(id).await.expect("the session is there")
    }

    pub(crate) async fn find(&self, id: SessionId) -> Option<Session> {
        self.store.load(id).await.expect("the store loads").session
    }

    pub(crate) async fn insert(&self, session: &Session) {
        self.store.insert(session).await.expect("the store inserts");
    }

    pub(crate) async fn swap(&self, expected: u64, next: &Session) -> Swap {
        self.store
            .swap(expected, next)
            .await
            .expect("the store swaps")
    }

    /// The identifiers of the live sessions of `subject`.
    pub(crate) async fn live(&self, subject: &str) -> Vec<SessionId> {
        let listed = self.store.list(ISSUER, subject, None, usize::MAX).await;
        listed
            .expect("the store lists")
            .sessions
            .iter()
            .map(|session| session.id)
            .collect()
    }
}

pub(crate) fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// A session that is live for an hour and ends after two, with nothing in it that can be left
/// out.
pub(crate) fn session(number: u128, subject: &str) -> Session {
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id(number), ISSUER, subject, secret, START);
    session.expires_at = START + HOUR;
    session.ends_at = START + 2 * HOUR;
    session
}

/// A session with something in every field that an insert takes.
pub(crate) fn full_session(number: u128) -> Session {
    let mut session = session(number, "ädä 🦀 \"'; DROP TABLE x; --\n\0 end");
    session.issuer = "https://id.example/Ünï%20code?a=b".to_owned();
    session.secret = SessionSecret::from_bytes(std::array::from_fn(|i| (i * 9) as u8));
    session.generation = u32::MAX;
    session.rotated_at = Some(START + Duration::from_millis(1));
    session.delivered_at = Some(START + Duration::from_millis(2));
    session.confirmed_at = Some(START + Duration::from_millis(4));
    session.late = u32::MAX;
    session.expires_at = Timestamp::from_millis(i64::MAX - 1);
    session.ends_at = Timestamp::from_millis(i64::MAX);
    session.last_refreshed_at = Some(START + Duration::from_millis(3));
    session.auth_time = Timestamp::from_millis(-1);
    session.scope = "profile write read".parse().expect("a scope");
    session.client_id = Some(String::new());
    session.claims = PrivateClaims::from_json(
        r#"{"role":"édîteur","n":-9007199254740993,"big":18446744073709551615,"x":0.25,
            "deep":{"a":[null,true,{"b":""}]},"nul":"\u0000"}"#,
    )
    .expect("claims");
    session.metadata = metadata();
    session
}

/// More than 64 KiB of notes.
fn metadata() -> Metadata {
    let long = "ü".repeat(32 * 1024);
    [("device", "Ada's ☎"), ("", "\0\u{7f}\\\""), ("note", &long)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// What a rotation makes of a session.
pub(crate) fn rotated(session: &Session, now: Timestamp) -> Session {
    let mut next = session.clone();
    next.generation += 1;
    next.rotated_at = Some(now);
    next.delivered_at = Some(now);
    next.confirmed_at = None;
    next.late <<= 1;
    next.expires_at = (now + HOUR).min(session.ends_at);
    next.last_refreshed_at = Some(now);
    next.version += 1;
    next
}

/// Runs the whole contract as tests of the module `$store`, on what the future `$setup` gives.
macro_rules! instantiate {
    ($store:ident, $setup:expr) => {
        $crate::contract::instantiate! { $store, $setup;
            keeping: a_session_is_kept_as_it_was_given
                a_new_session_is_at_version_0
                a_taken_identifier_is_a_duplicate
                a_load_tells_the_stores_time
                confirm_takes_only_what_fits
                confirm_takes_large_batches;
            swapping: a_swap_writes_the_next_session
                a_swap_of_another_version_is_lost
                a_swap_of_a_revoked_session_is_lost
                a_swap_never_creates_a_session
                a_swap_can_revoke_for_every_reason;
            ending: end_revokes_once
                end_all_takes_one_subject_of_one_issuer
                a_list_shows_live_sessions_only
                a_list_is_paged_by_identifier
                ten_thousand_sessions_are_listed_by_pages
                what_has_ended_is_deleted_oldest_end_first
                no_more_than_the_limit_is_deleted
                a_deleted_identifier_is_free_again;
            acknowledged: a_load_sees_what_was_acknowledged;
            racing: of_many_swaps_one_wins
                no_update_is_lost
                nothing_changes_after_the_end
                of_many_ends_one_wins
                a_dropped_future_leaves_the_store_whole;
        }
    };
    ($store:ident, $setup:expr; $($part:ident: $($name:ident)+;)+) => {
        mod $store {
            #[allow(unused_imports)] // Not every setup is a path of the parent.
            use super::*;

            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $crate::contract::$part::$name($setup.await).await;
                }
            )+)+
        }
    };
}

pub(crate) use instantiate;
