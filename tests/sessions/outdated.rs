//! A user's access tokens are expired at once on all servers, and the sessions go on.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use serde_json::json;
use tokio::time::{sleep, timeout};
use tower_bearer::{
    TokenResponse, VerifiedToken,
    bearer::Admission,
    clock::{Clock, ManualClock, SystemClock},
    session::{
        FeedOptions, Grant, OverReason, Overflow, PrivateClaims, Reauthentication, RefreshDecision,
        Sessions, SessionsBuilder,
    },
    store::{MemoryStore, SessionStore, StoreErrorKind},
    testing::{Fault, StoreCall},
};

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);

/// The roles as the application's database has them.
#[derive(Clone)]
struct Roles(Arc<Mutex<&'static str>>);

impl Roles {
    fn new() -> Self {
        Self(Arc::new(Mutex::new("admin")))
    }

    fn demote(&self) {
        *self.0.lock().unwrap() = "reader";
    }

    fn read(&self) -> &'static str {
        *self.0.lock().unwrap()
    }

    fn hook<St>(&self, builder: SessionsBuilder<St>) -> SessionsBuilder<St> {
        let roles = self.clone();
        builder.on_refresh(move |_, _| {
            let role = roles.read();
            async move { PrivateClaims::new(&json!({ "role": role })).map(RefreshDecision::from) }
        })
    }
}

/// Two servers on one store, whose application has these roles.
fn two(roles: &Roles) -> (World, World, MemoryStore) {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let one = world_on(store.clone(), clock.clone(), |builder| roles.hook(builder));
    let other = world_on(store.clone(), clock, |builder| roles.hook(builder));
    (one, other, store)
}

async fn admin<St: SessionStore>(world: &World<St>) -> TokenResponse {
    let grant = Grant::new("anna").claims(&json!({ "role": "admin" }));
    world.sessions.start(grant).await.unwrap()
}

async fn other_user<St: SessionStore>(world: &World<St>) -> TokenResponse {
    world.sessions.start(Grant::new("bert")).await.unwrap()
}

async fn expire<St: SessionStore>(world: &World<St>) {
    assert!(world.sessions.expire_access_tokens("anna").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_old_tokens_of_a_demoted_admin_are_refused_on_all_servers() {
    let roles = Roles::new();
    let (here, there, _) = two(&roles);
    let (old, second, other) = (
        admin(&here).await,
        admin(&there).await,
        other_user(&here).await,
    );
    let feed = there.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    roles.demote();
    expire(&here).await;
    for tokens in [&old, &second] {
        admits(&here, &tokens.access_token, Admission::Outdated);
        admits(&there, &tokens.access_token, Admission::Admitted);
    }
    sleep(SECOND).await;
    for world in [&here, &there] {
        admits(world, &old.access_token, Admission::Outdated);
        admits(world, &second.access_token, Admission::Outdated);
        admits(world, &other.access_token, Admission::Admitted);
    }

    // Each of the sessions goes on, with the new role, and wherever it is refreshed.
    for (world, tokens) in [(&there, &old), (&here, &second)] {
        let new = rotate(world, tokens).await;
        assert_eq!(access_payload(&new)["role"], "reader");
        admits(&here, &new.access_token, Admission::Admitted);
        admits(&there, &new.access_token, Admission::Admitted);
        admits(&here, &tokens.access_token, Admission::Outdated);
    }
}

#[tokio::test]
async fn a_server_that_starts_knows_of_it_and_counts_no_session() {
    let (_folder, store, clock) = sqlite().await;
    let before = world_on(store.clone(), clock.clone(), |builder| builder);
    let (old, other) = (admin(&before).await, other_user(&before).await);
    let out = admin(&before).await;
    before.sessions.end(sid(&out), "anna").await.unwrap();
    expire(&before).await;
    before.wait(500);

    let after = world_on(store, clock, |builder| builder);
    admits(&after, &old.access_token, Admission::Admitted);
    assert_eq!(after.sessions.load_ended().await.unwrap(), 1, "of a user");
    admits(&after, &old.access_token, Admission::Outdated);
    admits(&after, &out.access_token, Admission::Ended);
    admits(&after, &other.access_token, Admission::Admitted);
    let new = rotate(&after, &old).await;
    admits(&after, &new.access_token, Admission::Admitted);
    assert_eq!(after.listed().await, 1);
}

#[tokio::test]
async fn nothing_is_listed_counted_or_told() {
    let world = world_with(|builder| builder.max_sessions(2, Overflow::Refuse));
    let old = admin(&world).await;
    for _ in 0..5 {
        expire(&world).await;
        world.wait(1);
    }
    assert_eq!(world.listed().await, 1);
    assert_eq!(world.kinds().len(), 1, "the login");
    let second = admin(&world).await;
    admits(&world, &second.access_token, Admission::Admitted);
    assert_eq!(world.sessions.end_all("anna").await.unwrap(), 2);
    admits(&world, &old.access_token, Admission::Ended);

    // What it has left in the store goes by itself.
    world.wait(2 * 24 * 60 * 60);
    let left = world.sessions.store().delete_expired(100).await.unwrap();
    assert_eq!(left, 5);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_the_same_second_is_refused_and_the_next_one_is_good_at_once() {
    let roles = Roles::new();
    let (here, there, _) = two(&roles);
    here.clock.advance(Duration::from_millis(200));
    expire(&here).await;
    here.clock.advance(Duration::from_millis(200));
    // This server does not know of it.
    let unlucky = admin(&there).await;
    admits(&here, &unlucky.access_token, Admission::Outdated);
    // This one does, and waits for the next second. As this clock stands still, it is only said to have come.
    for good in [admin(&here).await, rotate(&here, &unlucky).await] {
        let (issued, expires) = (&access_payload(&good)["iat"], &access_payload(&good)["exp"]);
        assert_eq!(
            (issued, expires),
            (&json!(2_000_000_001), &json!(2_000_000_601))
        );
        admits(&here, &good.access_token, Admission::Admitted);
        admits(&there, &good.access_token, Admission::Admitted);
    }
    let other = other_user(&here).await;
    assert_eq!(access_payload(&other)["iat"], 2_000_000_000);
    // In the next second it is so without help.
    here.clock.advance(SECOND);
    admits(
        &here,
        &admin(&there).await.access_token,
        Admission::Admitted,
    );
}

/// The roles change twice in a second, and a client refreshes in between.
#[tokio::test(start_paused = true)]
async fn no_token_outlives_the_second_change_of_a_second() {
    let roles = Roles::new();
    let (here, _, _) = two(&roles);
    let held = admin(&here).await;
    expire(&here).await;
    here.clock.advance(Duration::from_millis(300));
    let refreshing = rotate(&here, &held);
    let changing = async {
        here.clock.advance(Duration::from_millis(300));
        roles.demote();
        expire(&here).await;
        here.clock.advance(Duration::from_millis(400));
    };
    let (new, ()) = tokio::join!(refreshing, changing);
    admits(&here, &new.access_token, Admission::Admitted);
    assert_eq!(access_payload(&new)["role"], "reader");
}

#[tokio::test(start_paused = true)]
async fn nor_does_one_of_a_user_who_authenticates_again() {
    let roles = Roles::new();
    let (here, _, _) = two(&roles);
    let claims = here.claims(&admin(&here).await.access_token);
    expire(&here).await;
    here.clock.advance(Duration::from_millis(300));
    let again = here
        .sessions
        .reauthenticate(&claims, Reauthentication::new());
    let changing = async {
        here.clock.advance(Duration::from_millis(300));
        roles.demote();
        expire(&here).await;
        here.clock.advance(Duration::from_millis(400));
    };
    let (new, ()) = tokio::join!(again, changing);
    let new = new.unwrap();
    admits(&here, &new.access_token, Admission::Admitted);
    assert_eq!(access_payload(&new)["role"], "reader");
}

/// A token by which the demoted admin acts for another user is one of the admin's too.
#[tokio::test]
async fn whoever_acts_for_others_is_refused_at_that_too() {
    let world = world();
    let acting = Grant::new("bob").actor("anna");
    let acting = world.sessions.start(acting).await.unwrap();
    let own = world.sessions.start(Grant::new("bob")).await.unwrap();
    let mut over = std::pin::pin!(world.sessions.over(&world.verified(&acting.access_token)));
    assert!(timeout(Duration::from_millis(20), &mut over).await.is_err());
    expire(&world).await;
    admits(&world, &acting.access_token, Admission::Outdated);
    admits(&world, &own.access_token, Admission::Admitted);
    assert_eq!(over.await, OverReason::Outdated);
}

#[tokio::test]
async fn once_more_is_once_more() {
    let world = world();
    let mut held = admin(&world).await;
    for _ in 0..3 {
        world.wait(10);
        let new = rotate(&world, &held).await;
        admits(&world, &new.access_token, Admission::Admitted);
        expire(&world).await;
        admits(&world, &new.access_token, Admission::Outdated);
        held = new;
    }
}

/// Also if the same user is told of by two servers.
#[tokio::test]
async fn all_calls_of_a_second_are_one() {
    let roles = Roles::new();
    let (here, there, store) = two(&roles);
    let old = admin(&here).await;
    expire(&here).await;
    expire(&there).await;
    here.clock.advance(Duration::from_millis(999));
    expire(&there).await;
    admits(&there, &old.access_token, Admission::Outdated);
    let ended = store
        .ended_since(here.clock.now() - SECOND, None, 10)
        .await
        .unwrap();
    assert_eq!(ended.len(), 1);
}

#[tokio::test]
async fn a_user_is_one_of_an_issuer() {
    let world = world();
    let old = admin(&world).await;
    let (issuer, verifier) = world.another_issuer();
    let claims = issuer.claims("anna", world.clock.now(), 600 * SECOND);
    let verified = verifier
        .verify(issuer.sign(&claims).unwrap().expose())
        .unwrap();
    // A name that is this issuer's, and one that is not.
    let mut foreign = verified.claims().clone();
    foreign.iss = "https://other.example".to_owned();
    assert!(!world.sessions.expire_access_tokens(&foreign).await.unwrap());
    admits(&world, &old.access_token, Admission::Admitted);
    assert!(
        world
            .sessions
            .expire_access_tokens(&verified)
            .await
            .unwrap()
    );
    admits(&world, &old.access_token, Admission::Outdated);
    // So is a token of this issuer without a session.
    assert_eq!(admit(&world.sessions, &verified), Admission::Outdated);
    // Names that are alike are others.
    for name in ["Anna", "anna ", "ann", "", "anna\0"] {
        let tokens = world
            .sessions
            .start(Grant::new(format!("x{name}")))
            .await
            .unwrap();
        admits(&world, &tokens.access_token, Admission::Admitted);
    }
}

#[tokio::test]
async fn another_issuer_on_the_same_store_is_not_concerned() {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let world = world_on(store.clone(), clock.clone(), |builder| builder);
    expire(&world).await;
    let other = other_issuer(store, &clock);
    other.load_ended().await.unwrap();
    let tokens = other.start(Grant::new("anna")).await.unwrap();
    assert_eq!(access_payload(&tokens)["iat"], clock.now().as_secs());
}

fn other_issuer(
    store: MemoryStore,
    _clock: &ManualClock,
) -> tower_bearer::session::Sessions<MemoryStore> {
    use tower_bearer::{Algorithm, Issuer, KeySet, SigningKey, session::RefreshKey};
    let key = SigningKey::from_secret(Algorithm::HS256, [6; 32]).unwrap();
    let issuer = Issuer::new("https://other.example", AUDIENCE, KeySet::new(key)).unwrap();
    let key = RefreshKey::from_secret([8; 32]).unwrap();
    SessionsBuilder::new(issuer, key, store).build().unwrap()
}

#[tokio::test]
async fn a_failure_is_told_and_the_next_call_makes_up_for_it() {
    let clock = clock();
    let store = failing(&clock);
    let here = world_on(store.clone(), clock.clone(), |builder| builder);
    let there = world_on(store.inner().clone(), clock, |builder| builder);
    let old = admin(&here).await;

    store.inject(down().on([StoreCall::Now]));
    unavailable(here.sessions.expire_access_tokens("anna").await);
    admits(&here, &old.access_token, Admission::Admitted);
    for fault in [
        down().on([StoreCall::Insert]),
        down().on([StoreCall::End]),
        Fault::lost_answer(StoreErrorKind::Unavailable).on([StoreCall::Insert]),
    ] {
        store.heal();
        store.inject(fault);
        unavailable(here.sessions.expire_access_tokens("anna").await);
        admits(&here, &old.access_token, Admission::Outdated);
        there.sessions.load_ended().await.unwrap();
        admits(&there, &old.access_token, Admission::Admitted);
        // A call of the same second would find the row there.
        here.clock.advance(SECOND);
    }
    store.heal();
    expire(&here).await;
    there.sessions.load_ended().await.unwrap();
    admits(&there, &old.access_token, Admission::Outdated);
    assert_eq!(there.listed().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_carried_out() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let old = admin(&world).await;
    store.inject(Fault::delay(SECOND / 20).on([StoreCall::Insert]));
    let call = world.sessions.expire_access_tokens("anna");
    timeout(SECOND / 100, call).await.unwrap_err();
    sleep(SECOND / 5).await;
    let later = world_on(store.inner().clone(), world.clock.clone(), |builder| {
        builder
    });
    later.sessions.load_ended().await.unwrap();
    admits(&later, &old.access_token, Admission::Outdated);
}

/// Roles that the hook has read before must not get into a token that passes.
#[tokio::test]
async fn a_refresh_under_way_gives_no_good_token_with_the_old_roles() {
    for (loses, passes) in [(0, 0), (0, 3), (1, 0), (1, 3), (3, 1)] {
        let clock = clock();
        let store = failing(&clock);
        let (roles, sessions) = (Roles::new(), Arc::new(OnceLock::new()));
        let (read, known, ticks) = (roles.clone(), sessions.clone(), clock.clone());
        let here = world_on(store.clone(), clock.clone(), |builder| {
            builder.on_refresh(move |_, _| {
                let (roles, sessions, clock) = (read.clone(), known.clone(), ticks.clone());
                async move {
                    let role = roles.read();
                    // While the hook is at work, or just after it.
                    if role == "admin" {
                        roles.demote();
                        let sessions: &Sessions<Failing> = sessions.get().unwrap();
                        sessions.expire_access_tokens("anna").await.unwrap();
                        clock.advance(passes * SECOND);
                    }
                    PrivateClaims::new(&json!({ "role": role })).map(RefreshDecision::from)
                }
            })
        });
        sessions.set(here.sessions.clone()).unwrap();
        let there = world_on(store.inner().clone(), clock, |builder| builder);
        let old = admin(&here).await;
        store.inject(Fault::lost_swap().times(loses));
        let late = rotate(&here, &old).await;
        assert_eq!(access_payload(&late)["role"], "admin");
        there.sessions.load_ended().await.unwrap();
        for world in [&here.sessions as &dyn Admits, &there.sessions] {
            let verified = here.verified(&late.access_token);
            assert_eq!(
                world.says(&verified),
                Admission::Outdated,
                "{loses} {passes}"
            );
        }
        let new = rotate(&here, &late).await;
        assert_eq!(access_payload(&new)["role"], "reader");
        admits(&here, &new.access_token, Admission::Admitted);
        admits(&there, &new.access_token, Admission::Admitted);
    }
}

trait Admits {
    fn says(&self, token: &VerifiedToken) -> Admission;
}

impl<St: SessionStore> Admits for Sessions<St> {
    fn says(&self, token: &VerifiedToken) -> Admission {
        admit(self, token)
    }
}

/// The future goes by the system's clock.
#[tokio::test(start_paused = true)]
async fn what_is_open_is_over_and_what_was_opened_by_a_new_token_is_not() {
    let clock = ManualClock::new(SystemClock.now());
    let world = world_on(MemoryStore::with_clock(clock.clone()), clock, |builder| {
        builder
    });
    let (old, other) = (admin(&world).await, other_user(&world).await);
    let over = |tokens: &TokenResponse| world.sessions.over(&world.verified(&tokens.access_token));
    let (one, two, mut others) = (over(&old), over(&old), over(&other));
    expire(&world).await;
    assert_eq!(timeout(SECOND, one).await, Ok(OverReason::Outdated));
    assert_eq!(timeout(SECOND, two).await, Ok(OverReason::Outdated));
    assert_eq!(
        timeout(SECOND, over(&old)).await,
        Ok(OverReason::Outdated),
        "at once"
    );
    assert!(timeout(SECOND, &mut others).await.is_err());

    let mut new = over(&rotate(&world, &old).await);
    assert!(timeout(SECOND, &mut new).await.is_err());
    world.wait(5);
    expire(&world).await;
    assert_eq!(timeout(SECOND, new).await, Ok(OverReason::Outdated));
    world.sessions.end(sid(&old), "anna").await.unwrap();
    assert_eq!(timeout(SECOND, over(&old)).await, Ok(OverReason::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_stream_at_another_server_is_over_after_the_next_read() {
    let clock = ManualClock::new(SystemClock.now());
    let store = MemoryStore::with_clock(clock.clone());
    let here = world_on(store.clone(), clock.clone(), |builder| builder);
    let there = world_on(store, clock, |builder| builder);
    let feed = there.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    let token = there.verified(&admin(&here).await.access_token);
    let over = there.sessions.over(&token);
    expire(&here).await;
    assert_eq!(timeout(SECOND, over).await, Ok(OverReason::Outdated));
}
