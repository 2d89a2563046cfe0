//! Requests with the same foreign token at several servers, in every order of their steps: each call to
//! the store, and each to the other program's.

use std::sync::{Arc, atomic::Ordering};

use tower_bearer::{
    RefreshToken, TokenResponse,
    session::{RefreshKey, RefreshRequest, SessionError, Sessions, SessionsBuilder},
    store::MemoryStore,
};

use crate::{
    old_store::*,
    schedule::{Actor, Schedule},
    stepping::{Stepping, Steps},
    support::*,
};

type Server = Sessions<Arc<Stepping<MemoryStore>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// A server gets the token.
    Adopt,
    /// The client logs out with the token.
    LogOut,
    /// The old program replaces the token.
    OldRotates,
    /// The user changes the password, and all sessions end.
    EndAll,
}

use Act::*;

/// Who acts, and whether a server has begun the session before, and died then.
const CASTS: [(&[Act], bool); 6] = [
    (&[Adopt, Adopt], false),
    (&[Adopt, LogOut], false),
    (&[Adopt, OldRotates], false),
    (&[Adopt, EndAll], false),
    (&[Adopt, EndAll], true),
    (&[Adopt, Adopt, OldRotates], true),
];

enum Did {
    Refreshed(Result<TokenResponse, SessionError>),
    LoggedOut(Result<(), SessionError>),
    Rotated(bool),
    EndedAll(Result<usize, SessionError>),
}

fn server(store: &Arc<Stepping<MemoryStore>>, old: &OldStore) -> Server {
    let key = RefreshKey::from_secret(SECRET).unwrap();
    let builder = SessionsBuilder::new(issuer(), key, store.clone());
    builder.take_over(takeover(old)).build().unwrap()
}

async fn act(act: Act, server: &Server, old: &OldStore, token: RefreshToken) -> Did {
    match act {
        Adopt => {
            let adopted = server.adopt(RefreshRequest::new(token)).await;
            Did::Refreshed(adopted.map(|refreshed| refreshed.tokens))
        }
        LogOut => Did::LoggedOut(server.revoke(token.expose(), None).await),
        OldRotates => Did::Rotated(old.rotate("uuid", "next").await),
        EndAll => Did::EndedAll(server.end_all("anna").await),
    }
}

#[tokio::test(start_paused = true)]
async fn in_every_order_there_is_one_session_and_nobody_is_logged_out() {
    let mut schedules = 0;
    for (cast, is_begun) in CASTS {
        let mut schedule = Schedule::default();
        loop {
            let run = tokio::task::unconstrained(run(cast, is_begun, &mut schedule));
            if let Err(why) = run.await {
                panic!("{why}, in {cast:?}, steps {schedule}");
            }
            schedules += 1;
            if !schedule.next() {
                break;
            }
        }
    }
    println!("{schedules} schedules, each in full: 0 logged out, 0 sessions too many");
    assert!(schedules > 1000, "{schedules} schedules only");
}

async fn run(cast: &[Act], is_begun: bool, schedule: &mut Schedule) -> Result<(), String> {
    let (clock, old) = (clock(), OldStore::with(&["uuid"]));
    let store = MemoryStore::with_clock(clock.clone());
    let store = Arc::new(Stepping::new(store, Steps::Whole));
    let servers: Vec<_> = cast.iter().map(|_| server(&store, &old)).collect();
    if is_begun {
        old.0.only_finds.store(1, Ordering::SeqCst);
        let begun = servers[0].adopt(RefreshRequest::new(foreign("uuid")));
        unavailable(begun.await);
        old.0.only_finds.store(0, Ordering::SeqCst);
    }
    old.take_turns(&store.turns);
    let actors = cast.iter().zip(&servers);
    let actors = actors.map(|(&one, server)| -> Actor<'_, Did> {
        Box::pin(act(one, server, &old, foreign("uuid")))
    });
    let did = schedule
        .run(actors.collect(), &store.turns, || Ok(()))
        .await?;
    let sessions = servers[0].list("anna").await.unwrap().sessions;
    if let Some(Did::LoggedOut(result)) = did.iter().find(|did| matches!(did, Did::LoggedOut(_))) {
        return match (result, sessions.len(), old.has("uuid")) {
            (Ok(()), 0, false) => Ok(()),
            end => Err(format!("the logout ends with {end:?}")),
        };
    }
    if let Some(Did::EndedAll(result)) = did.iter().find(|did| matches!(did, Did::EndedAll(_))) {
        return match (result, sessions.len(), old.has("uuid")) {
            (Ok(_), 0, false) => Ok(()),
            end => Err(format!("the change of the password ends with {end:?}")),
        };
    }
    let old_was_quicker = did.iter().any(|did| matches!(did, Did::Rotated(true)));

    let mut held = Vec::new();
    for did in did {
        match did {
            Did::Refreshed(Ok(tokens)) => held.push(tokens),
            // It was replaced by the old program, before a session was begun for it.
            Did::Refreshed(Err(_)) if old_was_quicker => {}
            Did::Refreshed(Err(error)) => return Err(format!("logged out: {error:?}")),
            Did::LoggedOut(_) | Did::Rotated(_) | Did::EndedAll(_) => {}
        }
    }
    let generations: Vec<_> = held.iter().map(generation).collect();
    if generations.iter().any(|generation| *generation != 1) {
        return Err(format!("generations {generations:?}"));
    }
    if sessions.len() > 1 || sessions.len() < usize::from(!old_was_quicker) {
        return Err(format!("{} sessions", sessions.len()));
    }
    // What was answered, the old store no longer has; and whoever holds an answer goes on.
    if !held.is_empty() && old.has("uuid") {
        return Err("the old store still has the token".to_owned());
    }
    clock.advance(std::time::Duration::from_secs(3600));
    let again = match held.first() {
        Some(tokens) => tokens.refresh_token.clone(),
        None if old_was_quicker && sessions.is_empty() => foreign("next"),
        None => foreign("uuid"),
    };
    let again = servers[0].refresh(RefreshRequest::new(again)).await;
    again.map_err(|error| format!("it does not go on: {error:?}"))?;
    Ok(())
}
