//! The oracle, which applies the pure decision of the crate to a plain map, one call after another.

use std::collections::{BTreeMap, HashMap, HashSet};

use tower_bearer::{
    SessionId,
    claims::KeyThumbprint,
    clock::Timestamp,
    session::{
        ConfirmBy, EndReason, Ended, Overflow, Possession, PresentedToken, Record, RefreshOutcome,
        RefreshVerdict, Refusal, RotationPolicy, SessionEventKind, SessionState, decide,
    },
};

use crate::tokens::proof;

use super::history::{IDLE, Setting};

/// An event of a server: its kind, its session and its distance.
pub(super) type Told = (SessionEventKind, SessionId, i64);

#[derive(Clone)]
pub(super) struct Reference {
    pub(super) rows: BTreeMap<SessionId, Record>,
    servers: [Server; 2],
    setting: Setting,
    policy: RotationPolicy,
    pub(super) told: Vec<Told>,
    /// The number of late redeliveries although the successor was confirmed.
    pub(super) overtaken: usize,
}

/// What a server keeps in its own memory.
#[derive(Clone, Default)]
struct Server {
    seen: HashMap<SessionId, u32>,
    waiting: HashMap<SessionId, u32>,
    ended: HashSet<SessionId>,
}

impl Reference {
    pub(super) fn new(setting: Setting) -> Self {
        let mut policy = RotationPolicy::default();
        policy.idle_lifetime = IDLE;
        policy.reuse_window = setting.window;
        policy.late_budget = setting.late_budget;
        policy.late_span = setting.late_span;
        policy.end_on_reuse = setting.end_on_reuse;
        Self {
            rows: BTreeMap::new(),
            servers: Default::default(),
            policy,
            setting,
            told: Vec::new(),
            overtaken: 0,
        }
    }

    /// Whether a login is let in, which has seen these live sessions before it began.
    pub(super) fn has_room(&self, live: &[SessionId]) -> bool {
        !matches!(self.setting.max_sessions, Some((max, Overflow::Refuse)) if live.len() >= max)
    }

    /// The sessions that a login ends, which sees these live sessions at `now`: those that started
    /// first, and before them those that will only have started.
    pub(super) fn surplus(&self, live: &[SessionId], now: Timestamp) -> Vec<SessionId> {
        let Some((max, Overflow::EvictOldest)) = self.setting.max_sessions else {
            return Vec::new();
        };
        let mut live: Vec<_> = live
            .iter()
            .filter_map(|id| self.rows.get(id))
            .map(|row| (row.session.created_at, row.session.id))
            .collect();
        live.sort_by_key(|&(started, id)| (started <= now, started, id));
        let surplus = live.len().saturating_sub(max);
        live.into_iter().take(surplus).map(|(_, id)| id).collect()
    }

    /// The newest come first.
    pub(super) fn live(&self, subject: &str, now: Timestamp) -> Vec<SessionId> {
        let live = |row: &&Record| row.session.subject == subject && row.is_live(now);
        let live = self.rows.values().rev().filter(live);
        live.map(|row| row.session.id).collect()
    }

    /// The sessions that were ended at `since` or later and are kept at `now`, earliest first.
    pub(super) fn ended_since(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> Vec<(SessionId, Timestamp)> {
        let kept = self.rows.values().filter(|row| now < row.session.ends_at);
        let ended = kept.filter_map(|row| Some((row.session.id, row.state.ended?.at)));
        let mut ended: Vec<_> = ended.filter(|(_, at)| *at >= since).collect();
        ended.sort_by_key(|&(id, at)| (at, id));
        ended
    }

    /// Binds the session to the key of the clients, and tells whether it was not bound before.
    pub(super) fn bind(&mut self, id: SessionId, now: Timestamp) -> Result<bool, Refusal> {
        let row = self.rows.get_mut(&id).ok_or(Refusal::Unknown)?;
        if row.state.ended.is_some() {
            return Err(Refusal::Ended);
        }
        if !row.is_live(now) {
            return Err(Refusal::Expired);
        }
        if row.state.bound_to.is_some() {
            return Ok(false);
        }
        row.state.bound_to = Some(proof().thumbprint().clone());
        row.state.version = row.state.next_version(now);
        self.told.push((SessionEventKind::Bound, id, 0));
        Ok(true)
    }

    pub(super) fn bound_to(&self, id: SessionId) -> Option<&KeyThumbprint> {
        self.rows.get(&id)?.state.bound_to.as_ref()
    }

    pub(super) fn refresh(
        &mut self,
        server: usize,
        id: SessionId,
        token: PresentedToken,
        now: Timestamp,
    ) -> Result<RefreshOutcome, Refusal> {
        let Some(row) = self.rows.get(&id) else {
            let unknown = Refusal::Unknown;
            self.told.push((SessionEventKind::Refused(unknown), id, 0));
            return Err(unknown);
        };
        let verdict = decide(row, token, now, &self.policy);
        self.overtaken +=
            usize::from(verdict == RefreshVerdict::Late && row.state.confirmed_at.is_some());
        let distance = i64::from(row.state.generation) - i64::from(token.generation);
        let mut next = verdict.apply(row, token, now, &self.policy);
        // Where the store has lost the binding, the token still names it.
        if row.state.bound_to.is_none()
            && token.possession == Possession::Proven
            && verdict.is_accepted()
        {
            let state = next.get_or_insert_with(|| SessionState {
                version: row.state.next_version(now),
                last_refreshed_at: Some(now),
                ..row.state.clone()
            });
            state.bound_to = Some(proof().thumbprint().clone());
        }
        if let Some((row, next)) = self.rows.get_mut(&id).zip(next) {
            row.replace_state(next);
        }
        let (result, kind) = match verdict {
            RefreshVerdict::Refused(refusal) => {
                if refusal == Refusal::Ended {
                    self.servers[server].ended.insert(id);
                }
                (Err(refusal), SessionEventKind::Refused(refusal))
            }
            RefreshVerdict::Reuse(reuse) => {
                if self.policy.end_on_reuse {
                    self.servers[server].ended.insert(id);
                    let ended = SessionEventKind::Ended(EndReason::Reuse);
                    self.told.push((ended, id, 0));
                }
                (Err(Refusal::Reused), SessionEventKind::Reused(reuse))
            }
            RefreshVerdict::Rotate => (Ok(RefreshOutcome::Rotated), SessionEventKind::Rotated),
            RefreshVerdict::Current => (Ok(RefreshOutcome::Current), SessionEventKind::Repeated),
            RefreshVerdict::Neighbour => {
                (Ok(RefreshOutcome::Redelivered), SessionEventKind::Neighbour)
            }
            RefreshVerdict::Late => (
                Ok(RefreshOutcome::Redelivered),
                SessionEventKind::LateRedelivery,
            ),
            RefreshVerdict::Overtaken => {
                (Ok(RefreshOutcome::Redelivered), SessionEventKind::Overtaken)
            }
            RefreshVerdict::Restore => (
                Ok(RefreshOutcome::Restored),
                SessionEventKind::StoreLostWrites,
            ),
        };
        self.told.push((kind, id, distance));
        result
    }

    /// Ends a session if it exists and still runs. This server refuses its access tokens from now
    /// on, and tells of the end.
    pub(super) fn revoke(
        &mut self,
        server: usize,
        id: SessionId,
        reason: EndReason,
        now: Timestamp,
    ) -> bool {
        if self.rows.contains_key(&id) {
            self.servers[server].ended.insert(id);
        }
        let ended = self.end(id, reason, now);
        if ended {
            self.told.push((SessionEventKind::Ended(reason), id, 0));
        }
        ended
    }

    /// Ends a session if it exists and still runs.
    pub(super) fn end(&mut self, id: SessionId, reason: EndReason, now: Timestamp) -> bool {
        let row = self.rows.get_mut(&id);
        let Some(row) = row.filter(|row| row.state.ended.is_none()) else {
            return false;
        };
        row.end(Ended::new(now, reason));
        true
    }

    pub(super) fn running(&self, subject: &str) -> Vec<SessionId> {
        let running = |row: &&Record| row.session.subject == subject && row.state.ended.is_none();
        let running = self.rows.values().filter(running);
        running.map(|row| row.session.id).collect()
    }

    /// Whether the server accepts the access token. It then notes the token's generation.
    /// That of a bound session confirms nothing.
    pub(super) fn admits(
        &mut self,
        server: usize,
        id: SessionId,
        generation: u32,
        bound: bool,
    ) -> bool {
        let server = &mut self.servers[server];
        if server.ended.contains(&id) {
            return false;
        }
        let is_new = server.seen.get(&id).is_none_or(|seen| *seen < generation);
        if generation >= 1 && !bound && self.setting.confirm_by == ConfirmBy::AccessToken && is_new
        {
            server.seen.insert(id, generation);
            server.waiting.insert(id, generation);
        }
        true
    }

    /// Takes the waiting confirmations of a server, and returns the sessions that they confirm.
    pub(super) fn flush(&mut self, server: usize) -> Vec<SessionId> {
        let waiting = std::mem::take(&mut self.servers[server].waiting);
        let fits = |(id, generation): &(SessionId, u32)| {
            self.rows.get(id).is_some_and(|row| {
                row.state.generation == *generation
                    && row.state.ended.is_none()
                    && row.state.confirmed_at.is_none()
            })
        };
        waiting.into_iter().filter(fits).map(|(id, _)| id).collect()
    }

    pub(super) fn confirm(&mut self, id: SessionId, now: Timestamp) {
        if let Some(row) = self.rows.get_mut(&id) {
            row.state.confirmed_at = Some(now);
            row.state.version += 1;
        }
    }

    pub(super) fn clean_up(&mut self, now: Timestamp) {
        self.rows.retain(|_, row| now < row.session.ends_at);
    }
}
