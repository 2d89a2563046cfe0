//! The oracle: what the crate's pure decision makes of a plain map, one call after another.

use std::collections::{BTreeMap, HashMap, HashSet};

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{
        ConfirmBy, Overflow, Policy, Presented, RefreshOutcome, Refusal, RevokeReason, Revoked,
        Session, SessionEventKind, Verdict, decide,
    },
};

use crate::history::{IDLE, Setting};

/// What a server told of, by its events.
pub(crate) type Told = (SessionEventKind, SessionId, i64);

pub(crate) struct Reference {
    pub(crate) rows: BTreeMap<SessionId, Session>,
    servers: [Server; 2],
    setting: Setting,
    policy: Policy,
    pub(crate) told: Vec<Told>,
}

/// What a process keeps to itself.
#[derive(Default)]
struct Server {
    seen: HashMap<SessionId, u32>,
    waiting: HashMap<SessionId, u32>,
    ended: HashSet<SessionId>,
}

impl Reference {
    pub(crate) fn new(setting: Setting) -> Self {
        let mut policy = Policy::default();
        policy.idle_lifetime = IDLE;
        policy.reuse_window = setting.window;
        policy.late_budget = setting.late_budget;
        policy.late_span = setting.late_span;
        policy.revoke_on_reuse = setting.revoke_on_reuse;
        Self {
            rows: BTreeMap::new(),
            servers: Default::default(),
            setting,
            policy,
            told: Vec::new(),
        }
    }

    /// Whether there is room for a new session; evicts if so told.
    pub(crate) fn makes_room(&mut self, server: usize, subject: &str, now: Timestamp) -> bool {
        let Some((max, overflow)) = self.setting.max_sessions else {
            return true;
        };
        let live = self.live(subject, now);
        let surplus = (live.len() + 1).saturating_sub(max);
        if surplus > 0 && overflow == Overflow::Refuse {
            return false;
        }
        for id in live.into_iter().take(surplus) {
            self.revoke(server, id, RevokeReason::Evicted, now);
        }
        true
    }

    pub(crate) fn live(&self, subject: &str, now: Timestamp) -> Vec<SessionId> {
        let live = |row: &&Session| row.subject == subject && row.is_live(now);
        self.rows.values().filter(live).map(|row| row.id).collect()
    }

    pub(crate) fn refresh(
        &mut self,
        server: usize,
        id: SessionId,
        token: Presented,
        now: Timestamp,
    ) -> Result<RefreshOutcome, Refusal> {
        let Some(row) = self.rows.get(&id) else {
            let unknown = Refusal::Unknown;
            self.told.push((SessionEventKind::Refused(unknown), id, 0));
            return Err(unknown);
        };
        let verdict = decide(row, token, now, &self.policy);
        let distance = i64::from(row.generation) - i64::from(token.generation);
        if let Some(next) = verdict.apply(row, token, now, &self.policy) {
            self.rows.insert(id, next);
        }
        let (result, kind) = match verdict {
            Verdict::Refused(refusal) => {
                if refusal == Refusal::Revoked {
                    self.servers[server].ended.insert(id);
                }
                (Err(refusal), SessionEventKind::Refused(refusal))
            }
            Verdict::Reuse(reuse) => {
                if self.policy.revoke_on_reuse {
                    self.servers[server].ended.insert(id);
                    let ended = SessionEventKind::Ended(RevokeReason::Reuse);
                    self.told.push((ended, id, 0));
                }
                (Err(Refusal::Reused), SessionEventKind::Reused(reuse))
            }
            Verdict::Rotate => return Ok(RefreshOutcome::Rotated),
            Verdict::Current => (Ok(RefreshOutcome::Current), SessionEventKind::Repeated),
            Verdict::Neighbour => (Ok(RefreshOutcome::Redelivered), SessionEventKind::Neighbour),
            Verdict::Late => (
                Ok(RefreshOutcome::Redelivered),
                SessionEventKind::LateRedelivery,
            ),
            Verdict::Restore => (
                Ok(RefreshOutcome::Restored),
                SessionEventKind::StoreLostWrites,
            ),
            other => unreachable!("{other:?}"),
        };
        self.told.push((kind, id, distance));
        result
    }

    /// Ends a session if it is there and still runs. Its access tokens are refused by this
    /// server from now on.
    pub(crate) fn revoke(
        &mut self,
        server: usize,
        id: SessionId,
        reason: RevokeReason,
        now: Timestamp,
    ) -> bool {
        let Some(row) = self.rows.get_mut(&id) else {
            return false;
        };
        self.servers[server].ended.insert(id);
        if row.revoked.is_some() {
            return false;
        }
        row.revoked = Some(Revoked::new(now, reason));
        row.version += 1;
        // This one is swapped in.
        if reason == RevokeReason::Evicted {
            row.version = row.version.max(now.as_millis().unsigned_abs());
        }
        self.told.push((SessionEventKind::Ended(reason), id, 0));
        true
    }

    pub(crate) fn end_all(&mut self, server: usize, subject: &str, now: Timestamp) -> usize {
        let running = |row: &&Session| row.subject == subject && row.revoked.is_none();
        let ids: Vec<_> = self
            .rows
            .values()
            .filter(running)
            .map(|row| row.id)
            .collect();
        for id in &ids {
            self.revoke(server, *id, RevokeReason::Logout, now);
        }
        ids.len()
    }

    /// Whether the server lets the access token in; notes its generation if so.
    pub(crate) fn admits(&mut self, server: usize, id: SessionId, generation: u32) -> bool {
        let server = &mut self.servers[server];
        if server.ended.contains(&id) {
            return false;
        }
        let is_new = server.seen.get(&id).is_none_or(|seen| *seen < generation);
        if generation >= 1 && self.setting.confirm_by == ConfirmBy::AccessToken && is_new {
            server.seen.insert(id, generation);
            server.waiting.insert(id, generation);
        }
        true
    }

    pub(crate) fn flush(&mut self, server: usize, now: Timestamp) {
        for (id, generation) in std::mem::take(&mut self.servers[server].waiting) {
            let Some(row) = self.rows.get_mut(&id) else {
                continue;
            };
            if row.generation == generation && row.revoked.is_none() && row.confirmed_at.is_none() {
                row.confirmed_at = Some(now);
                row.version += 1;
            }
        }
    }

    pub(crate) fn clean_up(&mut self, now: Timestamp) {
        self.rows.retain(|_, row| now < row.ends_at);
    }
}
