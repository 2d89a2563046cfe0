//! What has happened, and whether it was to be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use super::{CLIENTS, LEASE, MAX_AGE, SIGN_FOR, client::part};

/// Shared by all that take part.
#[derive(Default)]
pub(super) struct Counts(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    logins: u32,
    refreshes: u32,
    /// Requests that were answered with a 503, or not in time, and were made again.
    again: u32,
    /// By each server, and by the resource server.
    accepted: [u32; 4],
    silent: [u32; 4],
    refused: Vec<String>,
    /// Tokens of a retired key that were refused.
    refused_as_retired: u32,
    retiring: BTreeSet<String>,
    retired: BTreeMap<String, Instant>,
    /// How long after the end of `retire` a token of the key was last accepted by a server, and by the resource server.
    accepted_after: [Duration; 2],
    access_keys: BTreeSet<String>,
    refresh_keys: BTreeSet<String>,
}

/// A key that `retire` has removed, and when that had returned.
pub(super) struct Retired(String, Instant);

impl Retired {
    pub(super) fn now(kid: String) -> Self {
        Self(kid, Instant::now())
    }
}

pub(super) enum Said {
    Accepted,
    /// A 503, or no answer in time.
    Nothing,
    Refused(String),
}

/// What somebody has said of a token that was good by its times.
pub(super) struct Verdict<'a> {
    pub(super) kid: &'a str,
    /// The number of the server, or 3 for the resource server.
    pub(super) judge: usize,
    pub(super) begun: Instant,
    pub(super) said: Said,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic")
    }

    pub(super) fn logged_in(&self) {
        self.lock().logins += 1;
    }

    pub(super) fn refreshed(&self) {
        self.lock().refreshes += 1;
    }

    pub(super) fn came_again(&self) {
        self.lock().again += 1;
    }

    pub(super) fn refused(&self, told: String) {
        self.lock().refused.push(told);
    }

    pub(super) fn begin_to_retire(&self, kid: &str) {
        self.lock().retiring.insert(kid.to_owned());
    }

    pub(super) fn retired(&self, Retired(kid, at): Retired) {
        self.lock().retired.insert(kid, at);
    }

    /// Remembers which keys have signed. Gives the name of the access key.
    pub(super) fn signed_by(&self, access: &str, refresh: &str) -> String {
        let kid = |token| part(token, 0)["kid"].as_str().expect("a name").to_owned();
        let mut counts = self.lock();
        counts.refresh_keys.insert(kid(refresh));
        counts.access_keys.insert(kid(access));
        kid(access)
    }

    pub(super) fn saw(&self, verdict: Verdict<'_>) {
        let Verdict {
            kid,
            judge,
            begun,
            said,
        } = verdict;
        let mut counts = self.lock();
        match said {
            Said::Nothing => counts.silent[judge] += 1,
            Said::Refused(_) if counts.retiring.contains(kid) => counts.refused_as_retired += 1,
            Said::Refused(why) => {
                let who = ["server 0", "server 1", "server 2", "the resource server"][judge];
                counts
                    .refused
                    .push(format!("{who} refuses a token of {kid}: {why}"));
            }
            Said::Accepted => {
                counts.accepted[judge] += 1;
                let after = counts.retired.get(kid).copied();
                let after = after.and_then(|at| begun.checked_duration_since(at));
                let longest = &mut counts.accepted_after[usize::from(judge == 3)];
                *longest = after.unwrap_or_default().max(*longest);
            }
        }
    }

    /// Whether all went as it is to go, for so many seconds.
    pub(super) fn check(&self, seconds: u64) {
        let counts = self.lock();
        let first: Vec<_> = counts.refused.iter().take(10).collect();
        assert!(
            first.is_empty(),
            "{} refused: {first:#?}",
            counts.refused.len()
        );
        // A key may begin a little later than the one before ends by its period.
        let period = SIGN_FOR.as_secs() + 1;
        let least = usize::try_from(seconds / period).expect("few");
        for keys in [&counts.access_keys, &counts.refresh_keys] {
            assert!(keys.len() >= least, "{} keys have signed", keys.len());
        }
        let accepted = counts.accepted;
        assert!(accepted.iter().all(|judge| *judge > 100), "{accepted:?}");
        assert!(counts.refreshes > 100);
        assert_eq!(counts.logins, CLIENTS, "somebody was logged out");
        assert!(!counts.retired.is_empty() && counts.refused_as_retired > 0);
        let [servers, resource] = counts.accepted_after;
        assert!(servers < LEASE, "a retired key is accepted for {servers:?}");
        let longest = MAX_AGE + LEASE;
        assert!(
            resource < longest,
            "and by the resource server for {resource:?}"
        );
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.lock();
        let [servers, resource] = counts.accepted_after;
        writeln!(
            f,
            "{} access keys and {} refresh secrets have signed; {} logins, {} refreshes, {} requests came again",
            counts.access_keys.len(),
            counts.refresh_keys.len(),
            counts.logins,
            counts.refreshes,
            counts.again,
        )?;
        writeln!(
            f,
            "tokens accepted by the servers and the resource server: {:?}, with a 503 or no answer: {:?}, refused: {}",
            counts.accepted,
            counts.silent,
            counts.refused.len(),
        )?;
        write!(
            f,
            "{} keys retired: {} of their tokens refused; the last accepted {servers:?} after by a server, {resource:?} by the resource server",
            counts.retired.len(),
            counts.refused_as_retired,
        )
    }
}
