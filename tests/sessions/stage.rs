//! One run of a [`Scene`]: its actors on a session, and what must hold at each step and after.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tower_bearer::{
    TokenResponse, VerifiedToken,
    bearer::Admission,
    clock::{Clock, ManualClock},
    session::{
        EndReason, Grant, Overflow, Record, RefreshOutcome, RefreshRequest, Refreshed, Refusal,
        SessionError, SessionErrorKind, SessionEventKind,
    },
    store::SessionStore,
};

use crate::{
    schedule::{Actor, Schedule},
    stepping::{Stepping, Steps},
    support::*,
};

/// Between two refreshes of the client: beyond any window, within the access token's life.
pub(crate) const PAUSE: u64 = 300;

/// The session's generation when the actors begin.
const LIVE: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A tab presents the live token.
    Tab,
    /// A client presents the live token, and then what it got for it.
    TwoSteps,
    /// Someone presents the predecessor, long after the client got the live token.
    Predecessor,
    /// Someone presents the token before that: always theft.
    Older,
    /// The confirmation of the live generation is written.
    Flush,
    End,
    EndAll,
    /// The session is ended by its refresh token.
    Revoke,
    /// The session is ended by its access token.
    RevokeAccess,
    /// The user logs in elsewhere, and may have one session only.
    Evict,
    CleanUp,
}

use Act::*;

#[derive(Debug)]
pub(crate) struct Scene {
    acts: &'static [Act],
    steps: Steps,
    /// Reuse window, in seconds.
    window: u64,
    /// Whether the session's time is up while the actors are at it.
    dying: bool,
}

impl Scene {
    /// All that is tried with these actors.
    pub(crate) fn of(acts: &'static [Act], steps: Steps) -> impl Iterator<Item = Self> {
        [(60, false), (0, false), (60, true)]
            .into_iter()
            .map(move |(window, dying)| Self {
                acts,
                steps,
                window,
                dying,
            })
    }

    fn has(&self, acts: &[Act]) -> bool {
        acts.iter().any(|act| self.acts.contains(act))
    }

    /// Whether only the honest client is at it, so that nothing may end the session.
    fn is_peaceful(&self) -> bool {
        !self.dying
            && self
                .acts
                .iter()
                .all(|act| matches!(act, Tab | TwoSteps | Flush | CleanUp))
    }
}

/// A session of generation [`LIVE`], and what its client and others hold of it.
pub(crate) struct Stage<'a, St> {
    scene: &'a Scene,
    world: World<Stepping<St>>,
    /// By generation.
    tokens: Vec<TokenResponse>,
    /// Of the live generation's access token.
    token: VerifiedToken,
}

/// What an actor got.
#[derive(Default)]
struct Did {
    answers: Vec<Result<Refreshed, SessionError>>,
    /// How many sessions it was told to have ended.
    ended: usize,
}

impl<'a, St: SessionStore> Stage<'a, St> {
    pub(crate) async fn new(scene: &'a Scene, store: &impl Fn(ManualClock) -> St) -> Self {
        let clock = clock();
        let store = Stepping::new(store(clock.clone()), scene.steps);
        let world = world_on(store, clock, |mut builder| {
            builder = builder.reuse_window(Duration::from_secs(scene.window));
            if scene.has(&[Evict]) {
                builder = builder.max_sessions(1, Overflow::EvictOldest);
            }
            if scene.dying {
                let life = Duration::from_secs(PAUSE * 3 + 3);
                builder = builder.idle_lifetime(life).session_lifetime(life);
                builder = builder.access_lifetime(life);
            }
            builder
        });
        let mut tokens = vec![world.login().await];
        for _ in 0..LIVE {
            world.wait(PAUSE);
            tokens.push(rotate(&world, &tokens[tokens.len() - 1]).await);
        }
        let token = world.verified(&tokens[LIVE as usize].access_token);
        world.wait(PAUSE);
        let stage = Self {
            scene,
            world,
            tokens,
            token,
        };
        if scene.has(&[Flush]) {
            stage.use_access_token();
        }
        stage
    }

    /// Notes the live generation, outside a runtime, so that no flush starts by itself.
    fn use_access_token(&self) {
        let admit = || admit(&self.world.sessions, &self.token);
        let admission = std::thread::scope(|scope| scope.spawn(admit).join().unwrap());
        assert_eq!(admission, Admission::Admitted);
    }

    pub(crate) async fn play(&self, schedule: &mut Schedule) -> Result<(), String> {
        let actors = self.scene.acts.iter().map(|&act| -> Actor<'_, Did> {
            Box::pin(async move { self.act(act).await.expect("a store that answers") })
        });
        let mut before = self.peek();
        let turns = &self.world.sessions.store().turns;
        let done = schedule.run(actors.collect(), turns, || {
            let after = self.peek();
            self.check_step(before.as_ref(), after.as_ref())?;
            before = after;
            self.world.wait(1);
            Ok(())
        });
        let done = done.await?;
        self.check_answers(&done, before.as_ref())?;
        match before {
            Some(row) if row.state.ended.is_some() => self.check_over(&done, &row).await,
            Some(row) if !self.scene.dying => self.check_alive(&done, &row).await,
            _ => Ok(()),
        }
    }

    async fn act(&self, act: Act) -> Result<Did, SessionError> {
        let sessions = &self.world.sessions;
        let live = &self.tokens[LIVE as usize];
        let mut did = Did::default();
        match act {
            Tab => did.answers.push(self.present(live).await),
            Predecessor => did.answers.push(self.present(&self.tokens[1]).await),
            Older => did.answers.push(self.present(&self.tokens[0]).await),
            TwoSteps => {
                let first = self.present(live).await;
                if let Ok(refreshed) = &first {
                    did.answers.push(self.present(&refreshed.tokens).await);
                }
                did.answers.push(first);
            }
            Flush => sessions.flush().await?,
            End => did.ended = usize::from(sessions.end(sid(live), "anna").await?),
            EndAll => did.ended = sessions.end_all("anna").await?,
            Revoke => sessions.revoke(live.refresh_token.expose(), None).await?,
            RevokeAccess => sessions.revoke(live.access_token.expose(), None).await?,
            Evict => drop(sessions.start(Grant::new("anna")).await?),
            CleanUp => drop(sessions.store().delete_expired(10).await),
        }
        Ok(did)
    }

    async fn present(&self, held: &TokenResponse) -> Result<Refreshed, SessionError> {
        let request = RefreshRequest::new(held.refresh_token.clone());
        self.world.sessions.refresh(request).await
    }

    /// The row as it is, without a step.
    fn peek(&self) -> Option<Record> {
        let load = pin!(self.world.sessions.store().inner.load(sid(&self.tokens[0])));
        match load.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(loaded) => loaded.unwrap().record,
            Poll::Pending => panic!("the store within does not wait"),
        }
    }

    /// What no step may do to the session.
    fn check_step(&self, before: Option<&Record>, after: Option<&Record>) -> Result<(), String> {
        let (Some(before), Some(after)) = (before, after) else {
            let is_time = before.is_none_or(|row| self.world.clock.now() >= row.session.ends_at);
            holds(is_time, "a session was lost")?;
            return holds(after.is_none(), "a session came back");
        };
        if before == after {
            return Ok(());
        }
        holds(before.state.ended.is_none(), "an ended session was changed")?;
        let grown = after.state.generation.checked_sub(before.state.generation);
        holds(grown.is_some_and(|by| by <= 1), "generations were skipped")?;
        holds(
            after.state.version > before.state.version,
            "a change without a version",
        )?;
        // An end brings it forward, and nothing else moves it.
        let is_kept = match after.state.ended {
            Some(_) => after.session.ends_at <= before.session.ends_at,
            None => after.session.ends_at == before.session.ends_at,
        };
        let lifetimes = is_kept && after.state.expires_at <= after.session.ends_at;
        holds(lifetimes, "a lifetime has grown")
    }

    /// Forkless: whoever got a token of a generation got the same, and it was made once.
    fn check_answers(&self, done: &[Did], row: Option<&Record>) -> Result<(), String> {
        let mut by_generation = BTreeMap::new();
        let given = answers(done).map(|refreshed| &refreshed.tokens);
        for tokens in self.tokens.iter().chain(given) {
            let claims = refresh_payload(tokens);
            let first = by_generation
                .entry(claims["gen"].as_u64())
                .or_insert_with(|| claims.clone());
            holds(*first == claims, "a generation has two tokens")?;
        }
        let rotations = answers(done).filter(|r| r.outcome == RefreshOutcome::Rotated);
        let rotations = rotations.count();
        let generations = row.map(|row| row.state.generation as usize);
        holds(
            generations.is_none_or(|now| now == LIVE as usize + rotations),
            "rotations and generations differ",
        )?;
        let promised = self.scene.has(&[End, EndAll, Revoke, RevokeAccess, Older]);
        let over = row.is_none_or(|row| row.state.ended.is_some());
        holds(over || !promised || self.scene.dying, "the session goes on")
    }

    /// Ended is final, told once, and known here.
    async fn check_over(&self, done: &[Did], row: &Record) -> Result<(), String> {
        holds(!self.scene.is_peaceful(), "an honest client was logged out")?;
        let reason = row.state.ended.map(|ended| ended.reason);
        let ended = self.events(|kind| matches!(kind, SessionEventKind::Ended(_)));
        holds(ended == 1, "the end was not told once")?;
        let ended: usize = done.iter().map(|did| did.ended).sum();
        let others = usize::from(self.scene.has(&[Evict]));
        let by_logout = reason == Some(EndReason::Logout);
        holds(
            ended <= 1 + others && (ended > 0 || !by_logout),
            "who has ended it?",
        )?;
        let admission = admit(&self.world.sessions, &self.token);
        holds(admission == Admission::Ended, "an access token lives on")?;
        for wait in [0, 3600] {
            self.world.wait(wait);
            let given = answers(done).map(|refreshed| &refreshed.tokens);
            for held in self.tokens.iter().chain(given) {
                let answer = self.present(held).await.map(|_| ());
                let refused = SessionErrorKind::InvalidGrant(Refusal::Ended);
                let is_refused = answer.is_err_and(|error| error.kind() == refused);
                holds(is_refused, "an ended session was resurrected")?;
            }
        }
        holds(
            self.peek().as_ref() == Some(row),
            "an ended session was changed",
        )
    }

    /// Nobody has ended it: all were served, and the newest token goes on.
    async fn check_alive(&self, done: &[Did], row: &Record) -> Result<(), String> {
        let refused = done.iter().flat_map(|did| &did.answers);
        let mut refused = refused.filter_map(|answer| answer.as_ref().err());
        holds(refused.next().is_none(), "an honest client was refused")?;
        let newest =
            answers(done).find(|r| generation(&r.tokens) == u64::from(row.state.generation));
        let newest = newest.map_or(&self.tokens[LIVE as usize], |r| &r.tokens);
        let mut held = newest.clone();
        for _ in 0..2 {
            self.world.wait(3600);
            let next = self
                .present(&held)
                .await
                .map_err(|error| format!("a session was lost: {error:?}"))?;
            holds(
                next.outcome == RefreshOutcome::Rotated,
                "the newest token is not live",
            )?;
            held = next.tokens;
        }
        Ok(())
    }

    fn events(&self, wanted: impl Fn(&SessionEventKind) -> bool) -> usize {
        let own = sid(&self.tokens[0]);
        let events = self.world.events.lock().unwrap();
        let of_it = events.iter().filter(|event| event.session == own);
        of_it.filter(|event| wanted(&event.kind)).count()
    }
}

fn answers(done: &[Did]) -> impl Iterator<Item = &Refreshed> {
    done.iter().flat_map(|did| &did.answers).flatten()
}

fn holds(claim: bool, otherwise: &str) -> Result<(), String> {
    if claim {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}
