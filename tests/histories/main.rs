//! Histories of one session in which earlier drafts of the protocol failed, on the pure
//! decision. Each is the shortest that shows its fault.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use tests_shared as _;
use tower_bearer::{
    SessionId,
    claims::KeyThumbprint,
    clock::Timestamp,
    session::{
        Possession, PresentedToken, Record, RefreshVerdict, Refusal, Reuse, RotationPolicy,
        Session, SessionSecret, decide,
    },
};

/// A session, its clock and the store under it.
struct World {
    record: Record,
    now: Timestamp,
    policy: RotationPolicy,
    /// Of whoever presents a token.
    possession: Possession,
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_secs(1_000_000);
        let id = SessionId::from_uuid(uuid::Uuid::from_u128(1));
        let secret = SessionSecret::from_bytes([3; 32]);
        let mut record = Record::new(Session::new(id, "https://id.example", "anna", secret, now));
        record.session.ends_at = now + Duration::from_secs(180 * 24 * 60 * 60);
        record.state.expires_at = now + Duration::from_secs(30 * 24 * 60 * 60);
        Self {
            record,
            now,
            policy: RotationPolicy::default(),
            possession: Possession::Unbound,
        }
    }

    /// The session is bound to a key, which everybody has who presents a token.
    fn bound() -> Self {
        let mut world = Self::new();
        world.record.state.bound_to = Some(KeyThumbprint::from_bytes([7; 32]));
        world.possession = Possession::Proven;
        world
    }

    fn wait(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    /// Presents a token that the session has minted; tells the verdict and the token got.
    fn present(&mut self, generation: u32) -> (RefreshVerdict, Option<u32>) {
        let token = PresentedToken::new(generation, self.record.state.expires_at, true)
            .with_possession(self.possession);
        let verdict = decide(&self.record, token, self.now, &self.policy);
        if let Some(next) = verdict.apply(&self.record, token, self.now, &self.policy) {
            self.record.state = next;
        }
        (
            verdict,
            verdict
                .is_accepted()
                .then_some(self.record.state.generation),
        )
    }

    #[track_caller]
    fn gets(&mut self, generation: u32, expected: RefreshVerdict) -> u32 {
        let (verdict, got) = self.present(generation);
        assert_eq!(verdict, expected);
        got.unwrap_or(generation)
    }

    /// What the layer does when it sees an access token of this generation.
    fn use_access_token(&mut self, generation: u32) {
        if self.record.state.generation == generation {
            self.record.state.confirmed_at.get_or_insert(self.now);
        }
    }
}

#[test]
fn two_tabs_after_one_lost_answer_stay_logged_in() {
    // The answer of the rotation is lost. Much later one tab retries and gets the successor;
    // it presents that within twice the window, while the other tab still has the old token.
    let mut world = World::new();
    world.gets(0, RefreshVerdict::Rotate);
    world.wait(3600);
    let first_tab = world.gets(0, RefreshVerdict::Late);
    world.wait(10);
    assert_eq!(world.gets(first_tab, RefreshVerdict::Current), 1);
    assert_eq!(world.gets(0, RefreshVerdict::Neighbour), 1);
}

#[test]
fn the_live_token_just_delivered_is_not_rotated_under_a_slower_tab() {
    // Tab A gets the successor at the end of the window and presents it at once. If that
    // rotated, tab B's token would be two generations old.
    let mut world = World::new();
    world.gets(0, RefreshVerdict::Rotate);
    world.wait(10);
    assert_eq!(world.gets(0, RefreshVerdict::Neighbour), 1);
    world.wait(10);
    assert_eq!(world.gets(1, RefreshVerdict::Current), 1);
}

/// After a lost answer both tabs retry at the end of the window. One gets the successor and
/// uses it while the other's request is still on its way.
fn overtaken(confirm: impl FnOnce(&mut World)) {
    let mut world = World::new();
    world.gets(0, RefreshVerdict::Rotate);
    world.wait(10);
    let overtaking = world.gets(0, RefreshVerdict::Neighbour);
    confirm(&mut world);
    world.wait(1);
    assert_eq!(world.gets(0, RefreshVerdict::Late), overtaking);
    world.wait(10);
    assert_eq!(world.gets(0, RefreshVerdict::Neighbour), overtaking);
    assert_eq!(world.gets(1, RefreshVerdict::Current), overtaking);
}

#[test]
fn an_overtaken_tab_stays_logged_in() {
    overtaken(|world| world.use_access_token(1));
    overtaken(|world| assert_eq!(world.gets(1, RefreshVerdict::Current), 1));
}

#[test]
fn a_front_runner_within_the_window_of_a_confirmation_is_seen_after_the_budget() {
    // The thief rotates first, and uses the access token just before the victim presents, so
    // that the victim is taken for an overtaken tab.
    let mut world = World::new();
    let mut held = 0;
    for rotations in 1.. {
        world.wait(600);
        let live = world.gets(held, RefreshVerdict::Rotate);
        world.wait(300);
        world.use_access_token(live);
        world.wait(10);
        let (verdict, got) = world.present(held);
        match got {
            Some(got) => held = got,
            None => {
                assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::BudgetSpent));
                assert_eq!(rotations, world.policy.late_budget + 1);
                return;
            }
        }
    }
}

#[test]
fn a_polling_front_runner_does_not_slide_the_window() {
    // The thief rotates first and then presents the victim's token again and again to keep
    // its window open. The window must close all the same.
    let mut world = World::new();
    let thief = world.gets(0, RefreshVerdict::Rotate);
    world.use_access_token(thief);
    for _ in 0..2 {
        world.wait(5);
        world.gets(0, RefreshVerdict::Neighbour);
    }
    world.wait(1);
    world.gets(0, RefreshVerdict::Reuse(Reuse::Confirmed));
}

#[test]
fn after_a_failover_the_second_tab_stays_logged_in() {
    // Both tabs hold generation 1; the store falls back to generation 0.
    let mut world = World::new();
    let before = world.record.clone();
    let held = world.gets(0, RefreshVerdict::Rotate);
    world.wait(3600);
    world.record = before;
    assert_eq!(world.gets(held, RefreshVerdict::Restore), held);
    world.wait(5);
    assert_eq!(world.gets(held, RefreshVerdict::Current), held);
}

#[test]
fn a_front_runner_is_seen_after_the_budget() {
    // The thief always refreshes first and never uses the access token; the victim gets a
    // late redelivery each time, until the budget is spent.
    let mut world = World::new();
    let mut held = 0;
    for rotations in 1.. {
        world.wait(600);
        let (verdict, _) = world.present(held);
        assert_eq!(verdict, RefreshVerdict::Rotate, "the thief");
        world.wait(300);
        let (verdict, got) = world.present(held);
        match got {
            Some(got) => held = got,
            None => {
                assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::BudgetSpent));
                assert_eq!(rotations, world.policy.late_budget + 1);
                return;
            }
        }
    }
}

#[test]
fn a_tab_that_is_late_by_a_moment_at_the_end_of_the_idle_lifetime_stays_logged_in() {
    // One tab refreshes in the token's last second and uses what it got; the other presents
    // the same token two seconds later, when its own `exp` has passed.
    let mut world = World::new();
    let old = PresentedToken::new(0, world.record.state.expires_at, true);
    world.wait(30 * 24 * 60 * 60 - 1);
    let got = world.gets(0, RefreshVerdict::Rotate);
    world.use_access_token(got);
    world.wait(2);
    let verdict = decide(&world.record, old, world.now, &world.policy);
    assert_eq!(verdict, RefreshVerdict::Neighbour);
}

#[test]
fn a_follower_is_seen_at_once() {
    // The thief presents the old token 90 s after the victim rotated and used the successor.
    let mut world = World::new();
    let victim = world.gets(0, RefreshVerdict::Rotate);
    world.use_access_token(victim);
    world.wait(90);
    world.gets(0, RefreshVerdict::Reuse(Reuse::Confirmed));
}

#[test]
fn answers_lost_within_the_budget_never_log_out() {
    // Three in twenty generations lose their answer and are retried hours later, for ever.
    let mut world = World::new();
    let mut held = 0;
    for step in 0..200 {
        world.wait(600);
        let got = world.gets(held, RefreshVerdict::Rotate);
        if step % 20 < 3 {
            world.wait(7200);
            assert_eq!(world.gets(held, RefreshVerdict::Late), got);
        }
        world.use_access_token(got);
        held = got;
    }
}

/// Three processes were given one token and share nothing from then on. The second wakes up after an
/// hour, the third when a week is over, and all go on in turns.
fn three_copies(mut world: World) -> Option<RefreshVerdict> {
    let mut held = [0; 3];
    for round in 0..200 {
        let copy = match round {
            150.. => round % 3,
            6.. => round % 2,
            _ => 0,
        };
        world.wait(if round == 150 { 7 * 24 * 3600 } else { 600 });
        let (verdict, got) = world.present(held[copy]);
        match got {
            Some(got) => held[copy] = got,
            None => return Some(verdict),
        }
        world.use_access_token(held[copy]);
    }
    None
}

#[test]
fn copies_of_a_client_log_each_other_out_unless_they_have_a_key() {
    let reuse = RefreshVerdict::Reuse(Reuse::Older);
    assert_eq!(three_copies(World::new()), Some(reuse));
    assert_eq!(three_copies(World::bound()), None);
}

#[test]
fn a_copy_goes_on_after_a_failover_whatever_it_holds() {
    let mut world = World::bound();
    let mut live = 0;
    for _ in 0..3 {
        world.wait(600);
        live = world.gets(live, RefreshVerdict::Rotate);
    }
    let before = world.record.clone();
    for _ in 0..2 {
        world.wait(600);
        live = world.gets(live, RefreshVerdict::Rotate);
    }
    world.record = before;
    world.wait(3600);
    assert_eq!(world.gets(1, RefreshVerdict::Overtaken), 3);
    assert_eq!(world.gets(4, RefreshVerdict::Restore), 4);
    assert_eq!(world.gets(3, RefreshVerdict::Overtaken), 4);
    assert_eq!(world.gets(5, RefreshVerdict::Restore), 5);
    assert_eq!(world.gets(4, RefreshVerdict::Overtaken), 5);
}

#[test]
fn a_thief_without_the_key_changes_nothing() {
    let mut world = World::bound();
    for _ in 0..3 {
        world.wait(600);
        world.gets(world.record.state.generation, RefreshVerdict::Rotate);
    }
    let before = world.record.clone();
    world.possession = Possession::Unproven;
    for generation in 0..=4 {
        world.wait(600);
        world.gets(generation, RefreshVerdict::Refused(Refusal::Unproven));
    }
    assert!(world.record == before);
    world.possession = Possession::Proven;
    world.gets(0, RefreshVerdict::Overtaken);
}
