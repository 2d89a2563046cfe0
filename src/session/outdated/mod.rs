//! The users whose access tokens are outdated that were issued until some time, as far as this process knows.

mod expire;
mod notice;

use std::{
    collections::HashMap,
    fmt,
    future::pending,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use uuid::Uuid;

use self::notice::Notice;
use super::{
    ended::kept_for,
    race::{first, or_never},
    watched::Watched,
};
use crate::{
    claims::{Actor, Claims, SessionId},
    clock::Timestamp,
    jws::MacKey,
    store::Session,
};

const LABEL: &[u8] = b"tower-bearer user of a notice v1\0";

/// So that requests do not wait for each other.
const SHARDS: usize = 16;
const FIRST_PRUNE: usize = 64;
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// By how much less a user may be remembered who is noted again, so that one who is told of many times is not
/// written each time.
const GRAIN: Duration = Duration::from_secs(60);

/// No token is issued as early.
const NEVER: i64 = i64::MIN;

/// A user of an issuer: 74 bits of a hash, in a UUID version 8 whose time is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct UserKey(Uuid);

/// Users, and the last millisecond of which their access tokens are outdated. That is the last of a second, as
/// times in tokens are whole seconds. A user is forgotten after the last of those tokens has expired.
pub(super) struct OutdatedTokens {
    key: MacKey,
    keep: Duration,
    shards: [RwLock<Users>; SHARDS],
    /// The newest of these times. It spares all later tokens the look, and each request while there are no users.
    newest: AtomicI64,
    watched: Watched<UserKey, i64>,
}

#[derive(Default)]
struct Users {
    known: HashMap<UserKey, Known, RandomState>,
    prune_at: usize,
    pruned: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Known {
    last: i64,
    /// When the last of the tokens has expired.
    over: Instant,
}

impl OutdatedTokens {
    pub(super) fn new(access_lifetime: Duration) -> Self {
        Self {
            key: MacKey::new(LABEL),
            keep: kept_for(access_lifetime),
            shards: Default::default(),
            newest: AtomicI64::new(NEVER),
            watched: Watched::default(),
        }
    }

    /// Whether the token was issued too early.
    #[inline]
    pub(super) fn contains(&self, claims: &Claims) -> bool {
        let issued = claims.iat.as_millis();
        issued <= self.newest.load(Ordering::Acquire)
            && self.users(claims).any(|user| issued <= self.last_of(user))
    }

    /// The user of the token, and who acts for that user.
    fn users(&self, claims: &Claims) -> impl Iterator<Item = UserKey> {
        let actor = claims.act.as_ref().and_then(Actor::sub);
        let subjects = std::iter::once(claims.sub.as_str()).chain(actor);
        subjects.map(|subject| self.user(&claims.iss, subject))
    }

    /// Waits for the next second if tokens of this user would be outdated that are issued now, and tells whether it
    /// did.
    pub(super) async fn wait_out(&self, issuer: &str, subject: &str, now: Timestamp) -> bool {
        let left = self.left(issuer, subject, now);
        if let Some(left) = left {
            tokio::time::sleep(left).await;
        }
        left.is_some()
    }

    /// How long tokens of this user would still be outdated that are issued now: a second at most, as a store's
    /// clock that was ahead by more is no reason to let anybody wait.
    fn left(&self, issuer: &str, subject: &str, now: Timestamp) -> Option<Duration> {
        const LONGEST: Duration = Duration::from_secs(1);
        if now.as_millis() > self.newest.load(Ordering::Acquire) {
            return None;
        }
        let last = self.last_of(self.user(issuer, subject));
        let next = Timestamp::from_millis(last.saturating_add(1));
        Some(next.saturating_since(now).min(LONGEST)).filter(|left| !left.is_zero())
    }

    /// When a token says that it was issued: now. Only where a clock stands still, as a test's does, it is the next
    /// second that is not outdated.
    ///
    /// Call this before the roles are read: those that were read before the notice came are outdated.
    pub(super) fn issue_at(&self, session: &Session, now: Timestamp) -> Timestamp {
        let left = self.left(&session.issuer, &session.subject, now);
        let left = left.unwrap_or_default();
        (now + left).floor()
    }

    /// Notes what the end of this session means, if it is a notice.
    pub(super) fn note_if_notice(&self, ended: SessionId, ago: Duration) -> bool {
        let notice = Notice::of(ended);
        if let Some(notice) = notice {
            self.note(notice, ago);
        }
        notice.is_some()
    }

    /// Notes a notice of so long ago.
    fn note(&self, notice: Notice, ago: Duration) {
        self.note_at(Instant::now(), notice, ago);
    }

    fn note_at(&self, now: Instant, notice: Notice, ago: Duration) {
        let left = self.keep.saturating_sub(ago);
        let Some(over) = now.checked_add(left).filter(|_| !left.is_zero()) else {
            return;
        };
        let (user, last) = (notice.user, last_of_second(notice.until));
        let new = Known { last, over };
        if self.read(user).has(user, new) {
            return;
        }
        self.write(self.shard(user)).note(user, new, now);
        self.newest.fetch_max(last, Ordering::AcqRel);
        self.watched.tell(user, last);
    }

    /// Forgets users whose tokens have expired, as [`note`](Self::note) does now and then.
    pub(super) fn forget(&self) {
        if self.newest.load(Ordering::Acquire) != NEVER {
            self.forget_at(Instant::now());
        }
    }

    fn forget_at(&self, now: Instant) {
        for shard in &self.shards {
            let is_due = shard
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .is_due(now);
            if is_due {
                self.write(shard).prune(now);
            }
        }
    }

    /// Ends when the token is outdated, at once if it is already.
    pub(super) fn end_of(&self, claims: &Claims) -> impl Future<Output = ()> + Send + Sync + use<> {
        let issued = claims.iat.as_millis();
        let watch = |user| {
            let mut told = self.watched.watch(user, NEVER);
            // Whoever notes a user does so under this lock, and only then looks who waits.
            let is_outdated = issued <= self.last_of(user);
            async move {
                if !is_outdated && told.wait_for(|last| issued <= *last).await.is_err() {
                    // The sessions of the process are gone, so nobody will tell.
                    pending().await
                }
            }
        };
        let mut users = self.users(claims).map(watch);
        let (subject, actor) = (users.next(), users.next());
        first(or_never(subject), or_never(actor))
    }

    fn user(&self, issuer: &str, subject: &str) -> UserKey {
        let length = (issuer.len() as u64).to_be_bytes();
        let hash = self
            .key
            .tag(&[&length, issuer.as_bytes(), subject.as_bytes()]);
        UserKey::from_hash(hash)
    }

    fn last_of(&self, user: UserKey) -> i64 {
        let known = self.read(user).known.get(&user).copied();
        known.map_or(NEVER, |known| known.last)
    }

    fn read(&self, user: UserKey) -> RwLockReadGuard<'_, Users> {
        let shard = self.shard(user).read();
        shard.unwrap_or_else(PoisonError::into_inner)
    }

    fn write<'a>(&self, shard: &'a RwLock<Users>) -> RwLockWriteGuard<'a, Users> {
        shard.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, user: UserKey) -> &RwLock<Users> {
        let [.., last] = *user.0.as_bytes();
        let [first, ..] = &self.shards;
        let shard = self.shards.get(usize::from(last) % SHARDS);
        shard.unwrap_or(first)
    }
}

fn last_of_second(time: Timestamp) -> i64 {
    const SECOND: i64 = 1_000;
    time.floor().as_millis().saturating_add(SECOND - 1)
}

impl UserKey {
    fn from_hash([a, b, c, d, e, f, g, h, i, j, ..]: [u8; 32]) -> Self {
        let bytes = [0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j];
        Self(Uuid::new_v8(bytes))
    }
}

impl Users {
    fn has(&self, user: UserKey, new: Known) -> bool {
        let known = self.known.get(&user);
        known.is_some_and(|known| known.last >= new.last && known.over + GRAIN >= new.over)
    }

    /// Of two notices of a user the later one counts, and it is remembered for the time of both.
    fn note(&mut self, user: UserKey, new: Known, now: Instant) {
        if self.known.len() >= self.prune_at.max(FIRST_PRUNE) {
            self.prune(now);
        }
        let known = self.known.entry(user).or_insert(new);
        known.last = known.last.max(new.last);
        known.over = known.over.max(new.over);
    }

    fn is_due(&self, now: Instant) -> bool {
        let pruned_lately = |pruned: Instant| now.saturating_duration_since(pruned) < PRUNE_EVERY;
        !self.known.is_empty() && !self.pruned.is_some_and(pruned_lately)
    }

    fn prune(&mut self, now: Instant) {
        self.known.retain(|_, known| known.over > now);
        self.known.shrink_to(self.known.len() * 2);
        self.prune_at = self.known.len() * 2;
        self.pruned = Some(now);
    }
}

impl fmt::Debug for OutdatedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutdatedTokens")
            .field("newest", &self.newest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::SessionSecret;

    const SECOND: Duration = Duration::from_secs(1);
    const LIFETIME: Duration = Duration::from_secs(600);
    const KEEP: Duration = Duration::from_secs(1_200);

    fn notice(tokens: &OutdatedTokens, subject: &str, second: i64) -> Notice {
        Notice {
            user: tokens.user("i", subject),
            until: Timestamp::from_secs(second),
        }
    }

    fn len(tokens: &OutdatedTokens) -> usize {
        let lens = tokens
            .shards
            .iter()
            .map(|it| it.read().unwrap().known.len());
        lens.sum()
    }

    /// The second until which the tokens of this user are outdated, and -1 if they are not.
    fn second(tokens: &OutdatedTokens, subject: &str) -> i64 {
        let last = tokens.last_of(tokens.user("i", subject));
        if last == NEVER { -1 } else { last / 1_000 }
    }

    #[test]
    fn no_two_users_are_one() {
        let tokens = OutdatedTokens::new(LIFETIME);
        let names = ["", "a", "b", "ab", "a\0", "\0a", "\0"];
        let mut seen = std::collections::HashSet::new();
        for issuer in names {
            for subject in names {
                assert!(
                    seen.insert(tokens.user(issuer, subject)),
                    "{issuer:?} {subject:?}"
                );
            }
        }
    }

    #[test]
    fn a_user_is_remembered_as_long_as_the_tokens_live() {
        let (tokens, now) = (OutdatedTokens::new(LIFETIME), Instant::now());
        tokens.note_at(now, notice(&tokens, "late", 10), KEEP - SECOND);
        tokens.note_at(now, notice(&tokens, "old", 10), KEEP);
        tokens.note_at(now, notice(&tokens, "new", 10), Duration::ZERO);
        assert_eq!((second(&tokens, "late"), second(&tokens, "old")), (10, -1));
        tokens.forget_at(now);
        assert_eq!(len(&tokens), 2);
        tokens.forget_at(now + 2 * PRUNE_EVERY);
        assert_eq!((second(&tokens, "late"), second(&tokens, "new")), (-1, 10));
        tokens.forget_at(now + KEEP);
        assert_eq!(len(&tokens), 0);
    }

    #[test]
    fn the_later_of_two_notices_counts_in_whichever_order_they_come() {
        let (tokens, now) = (OutdatedTokens::new(LIFETIME), Instant::now());
        for (second, ago) in [(10, 20), (30, 0), (20, 10), (30, 1)] {
            let notice = notice(&tokens, "a", second);
            tokens.note_at(now, notice, ago * SECOND);
        }
        assert_eq!((second(&tokens, "a"), len(&tokens)), (30, 1));
        tokens.note_at(now, notice(&tokens, "b", 25), Duration::ZERO);
        assert_eq!((second(&tokens, "a"), second(&tokens, "b")), (30, 25));
    }

    #[test]
    fn those_that_are_over_go_as_others_come() {
        let (tokens, now) = (OutdatedTokens::new(LIFETIME), Instant::now());
        for round in 0..20_u32 {
            let then = now + round * 2 * KEEP;
            for number in 0..1_000 {
                let subject = format!("{round} {number}");
                tokens.note_at(then, notice(&tokens, &subject, 10), Duration::ZERO);
            }
            assert!(
                len(&tokens) <= 1_000 + SHARDS * 2 * FIRST_PRUNE,
                "{}",
                len(&tokens)
            );
        }
    }

    #[test]
    fn a_token_is_issued_after_the_notice_and_never_before_now() {
        let tokens = OutdatedTokens::new(LIFETIME);
        let at = |subject, millis| {
            let (id, now) = (
                SessionId::from_uuid(Uuid::nil()),
                Timestamp::from_millis(millis),
            );
            let secret = SessionSecret::from_bytes([0; 32]);
            tokens
                .issue_at(&Session::new(id, "i", subject, secret, now), now)
                .as_millis()
        };
        assert_eq!(at("a", 5_900), 5_000);
        tokens.note(notice(&tokens, "a", 10), Duration::ZERO);
        for (now, issued) in [
            // No token is dated further ahead than a second, whatever clock a notice came from.
            (9_000, 10_000),
            (10_999, 11_000),
            (11_000, 11_000),
            (12_345, 12_000),
        ] {
            assert_eq!(at("a", now), issued);
        }
        assert_eq!(at("b", 10_999), 10_000);
    }

    proptest! {
        #[test]
        fn a_notice_is_what_its_identifier_says(millis in 0..=(1_i64 << 48) - 1, subject in ".*") {
            let tokens = OutdatedTokens::new(LIFETIME);
            let until = Timestamp::from_millis(millis);
            let notice = Notice { user: tokens.user("i", &subject), until };
            prop_assert_eq!(Notice::of(notice.id()), Some(notice));
        }

        #[test]
        fn no_session_is_taken_for_a_notice(millis: u64, random: [u8; 10]) {
            let id = uuid::Builder::from_unix_timestamp_millis(millis & ((1 << 48) - 1), &random);
            prop_assert_eq!(Notice::of(SessionId::from_uuid(id.into_uuid())), None);
        }
    }
}
