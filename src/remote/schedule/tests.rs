use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    cooldown: seconds(30),
    refresh_every: seconds(3600),
    stale: Stale::For(seconds(86_400)),
    time_limit: seconds(10),
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A time by the clock that tokens are judged by, which began at 1 000 000.
fn clock(at: Duration) -> Timestamp {
    Timestamp::from_secs(1_000_000) + at
}

fn at(second: u64) -> Option<Timestamp> {
    Some(clock(seconds(second)))
}

impl Schedule {
    fn fetch(&mut self, now: u64, told: Option<u64>) {
        self.begin(seconds(now), clock(seconds(now)));
        self.succeeded(told.map(seconds), Duration::ZERO, 0.5);
    }

    fn fail(&mut self, now: u64) {
        self.begin(seconds(now), clock(seconds(now)));
        self.failed(seconds(now), None, 0.0);
    }

    #[track_caller]
    fn sleeps(&self, now: u64) -> u64 {
        match self.next(seconds(now)) {
            Step::Sleep(pause) => pause.as_secs(),
            step => panic!("{step:?}"),
        }
    }
}

/// A schedule whose keys were fetched at second 100.
fn fetched(rules: Rules) -> Schedule {
    let mut schedule = Schedule::new(rules, true);
    schedule.fetch(100, None);
    schedule
}

#[test]
fn the_first_fetch_comes_at_once_or_when_a_token_asks() {
    assert_eq!(Schedule::new(RULES, true).next(seconds(0)), Step::Fetch);
    let mut lazy = Schedule::new(RULES, false);
    assert_eq!(lazy.next(seconds(9)), Step::Idle);
    assert_eq!(lazy.ask(seconds(9), at(5)), Answer::WaitForNext);
    assert_eq!(lazy.next(seconds(9)), Step::Fetch);
}

#[test]
fn keys_are_fetched_before_their_lifetime_ends_within_bounds() {
    for (told, due) in [
        (None, 3060),
        (Some(0), 300),
        (Some(60), 300),
        (Some(400), 340),
        (Some(600), 510),
        (Some(86_400), 73_440),
        (Some(u64::MAX), 73_440),
    ] {
        let mut schedule = Schedule::new(RULES, true);
        schedule.fetch(100, told);
        assert_eq!(schedule.sleeps(100), due, "{told:?}");
    }
    let often = Rules {
        refresh_every: seconds(20),
        ..RULES
    };
    assert_eq!(
        fetched(often).sleeps(100),
        20,
        "less than the floor by choice"
    );
}

#[test]
fn servers_do_not_all_fetch_at_the_same_moment() {
    for (spread, due) in [(0.0, 2880), (1.0, 3240), (9.0, 3240), (-9.0, 2880)] {
        let mut schedule = Schedule::new(RULES, true);
        schedule.begin(seconds(0), clock(seconds(0)));
        schedule.succeeded(None, Duration::ZERO, spread);
        assert_eq!(schedule.sleeps(0), due);
    }
}

#[test]
fn a_token_from_before_the_fetch_has_a_key_that_the_issuer_does_not_have() {
    let mut schedule = fetched(RULES);
    assert_eq!(schedule.ask(seconds(500), at(99)), Answer::Unknown);
    assert_eq!(schedule.sleeps(500), 2660, "nobody has brought it forward");
    assert_eq!(
        schedule.ask(seconds(501), at(100)),
        Answer::WaitForNext,
        "the same second"
    );
}

#[test]
fn the_issuer_itself_is_heard_and_no_cache() {
    let mut schedule = fetched(RULES);
    assert!(schedule.has_heard());
    schedule.begin(seconds(200), clock(seconds(200)));
    schedule.succeeded(None, seconds(1), 0.5);
    assert!(!schedule.has_heard());
    schedule.fetch(300, None);
    assert!(schedule.has_heard());
    schedule.fail(400);
    assert!(!schedule.has_heard());
}

/// The set may have been in a cache for minutes, and the issuer may have a newer one.
#[test]
fn keys_from_a_cache_are_as_old_as_it_says() {
    let mut schedule = Schedule::new(RULES, true);
    schedule.begin(seconds(1000), clock(seconds(1000)));
    schedule.succeeded(None, seconds(400), 0.5);
    assert_eq!(schedule.ask(seconds(1001), at(599)), Answer::Unknown);
    assert_ne!(schedule.ask(seconds(1001), at(600)), Answer::Unknown);
    assert_eq!(schedule.begun_at(), at(1000));
    assert_eq!(schedule.ask(seconds(1030), at(600)), Answer::WaitForNext);
    assert!(schedule.begin(seconds(1030), clock(seconds(1030))));
    schedule.succeeded(None, Duration::ZERO, 0.5);
    assert_eq!(schedule.ask(seconds(1031), at(999)), Answer::Unknown);
}

#[test]
fn tokens_bring_one_fetch_forward_in_a_cooldown() {
    let mut schedule = fetched(RULES);
    for _ in 0..3 {
        assert_eq!(
            schedule.ask(seconds(101), at(101)),
            Answer::WaitForNext,
            "the fetch before came by itself"
        );
        assert_eq!(schedule.next(seconds(101)), Step::Fetch);
    }
    schedule.begin(seconds(101), clock(seconds(101)));
    assert_eq!(
        schedule.ask(seconds(102), at(102)),
        Answer::Wait,
        "it is under way"
    );
    assert_eq!(schedule.ask(seconds(102), None), Answer::Wait);
    schedule.succeeded(None, Duration::ZERO, 0.5);
    for now in [103, 130] {
        assert_eq!(schedule.ask(seconds(now), at(102)), Answer::Unavailable);
        assert_eq!(schedule.ask(seconds(now), at(101)), Answer::Unavailable);
        assert_eq!(schedule.ask(seconds(now), at(100)), Answer::Unknown);
        assert_eq!(schedule.ask(seconds(now), None), Answer::Unknown);
    }
    assert_eq!(schedule.ask(seconds(131), at(131)), Answer::WaitForNext);
}

#[test]
fn a_fetch_that_is_due_takes_nothing_from_the_next_token() {
    for now in [0, 3160] {
        let mut schedule = Schedule::new(RULES, true);
        if now > 0 {
            schedule.fetch(100, None);
            assert_eq!(schedule.next(seconds(now)), Step::Fetch);
        }
        assert_eq!(schedule.ask(seconds(now), at(now)), Answer::WaitForNext);
        schedule.fetch(now, None);
        let next = schedule.ask(seconds(now), at(now));
        assert_eq!(next, Answer::WaitForNext, "at {now}");
        schedule.fetch(now + 1, None);
        let third = schedule.ask(seconds(now + 1), at(now + 1));
        assert_eq!(third, Answer::Unavailable, "at {now}");
    }
}

#[test]
fn the_first_fetch_of_lazy_keys_is_one_that_a_token_brings_forward() {
    let mut lazy = Schedule::new(RULES, false);
    assert_eq!(lazy.ask(seconds(9), at(9)), Answer::WaitForNext);
    lazy.fetch(9, None);
    assert_eq!(lazy.ask(seconds(9), at(9)), Answer::Unavailable);
}

#[test]
fn a_due_fetch_that_fails_is_not_followed_by_those_who_have_waited_for_it() {
    let mut schedule = fetched(RULES);
    assert_eq!(schedule.ask(seconds(3160), at(3160)), Answer::WaitForNext);
    schedule.fail(3160);
    assert_eq!(schedule.ask(seconds(3160), at(3160)), Answer::Unavailable);
    assert_eq!(schedule.failures(), 1);
}

#[test]
fn without_keys_nothing_is_unknown() {
    let mut schedule = Schedule::new(RULES, true);
    assert_eq!(schedule.ask(seconds(0), at(0)), Answer::WaitForNext);
    schedule.fail(1);
    for issued in [None, at(0), at(5)] {
        assert_eq!(schedule.ask(seconds(5), issued), Answer::Unavailable);
    }
    assert_eq!(schedule.ask(seconds(31), None), Answer::WaitForNext);
}

#[test]
fn the_pause_after_a_failure_doubles() {
    let mut schedule = Schedule::new(RULES, true);
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        schedule.fail(1000);
        assert_eq!(schedule.sleeps(1000), pause);
    }
    for _ in 0..100 {
        schedule.fail(1000);
    }
    assert_eq!(schedule.failures(), 108);
    schedule.failed(seconds(1000), None, 1.0);
    assert_eq!(schedule.sleeps(1000), 45, "spread");
    schedule.fetch(2000, None);
    assert_eq!(schedule.failures(), 0);
    schedule.fail(3000);
    assert_eq!(
        schedule.sleeps(3000),
        30,
        "with keys it is no shorter than the cool-down"
    );
}

#[test]
fn an_issuer_may_ask_for_a_longer_pause() {
    let mut schedule = Schedule::new(RULES, true);
    schedule.begin(seconds(0), clock(seconds(0)));
    schedule.failed(seconds(0), Some(seconds(120)), 0.0);
    assert_eq!(schedule.sleeps(0), 120);
    schedule.failed(seconds(0), Some(seconds(u64::MAX)), 0.0);
    assert_eq!(schedule.sleeps(0), 300);
}

#[test]
fn stale_keys_are_dropped_when_they_were_to_be() {
    // Fetched at 100, with a lifetime of 3600.
    for (stale, end) in [
        (Stale::Never, Some(3700)),
        (Stale::For(seconds(1000)), Some(4700)),
        (Stale::For(Duration::MAX), None),
        (Stale::Forever, None),
    ] {
        let mut schedule = fetched(Rules { stale, ..RULES });
        schedule.fail(3500);
        let end = end.map(seconds);
        let before = end.unwrap_or(seconds(90_000_000)) - seconds(1);
        assert_ne!(schedule.next(before), Step::Drop, "{stale:?}");
        let Some(end) = end else { continue };
        assert_eq!(schedule.next(end), Step::Drop, "{stale:?}");
        schedule.dropped(end);
        assert_ne!(schedule.next(end), Step::Drop, "once");
        assert_eq!(schedule.begun_at(), None);
    }
}

#[test]
fn a_fetch_has_its_time_before_keys_are_dropped() {
    let mut schedule = Schedule::new(
        Rules {
            stale: Stale::Never,
            ..RULES
        },
        true,
    );
    schedule.fetch(0, Some(1));
    assert_eq!(schedule.next(seconds(300)), Step::Fetch);
    assert_eq!(schedule.next(seconds(309)), Step::Fetch);
    assert_eq!(schedule.next(seconds(310)), Step::Drop);
}

#[test]
fn a_fetch_that_was_stopped_is_begun_anew() {
    let mut schedule = fetched(RULES);
    schedule.begin(seconds(200), clock(seconds(200)));
    schedule.restarted(seconds(201));
    assert_eq!(schedule.next(seconds(201)), Step::Fetch);
}

#[test]
fn it_is_known_when_nobody_fetches_any_more() {
    let mut schedule = fetched(RULES);
    assert_eq!(schedule.overdue(), Some(seconds(3161)));
    assert_eq!(schedule.ask(seconds(200), at(200)), Answer::WaitForNext);
    assert_eq!(schedule.overdue(), Some(seconds(201)));
    schedule.begin(seconds(200), clock(seconds(200)));
    assert_eq!(schedule.overdue(), Some(seconds(211)));
    assert_eq!(Schedule::new(RULES, false).overdue(), None);
}

#[derive(Clone, Debug)]
enum Event {
    Ask(Option<u64>),
    Succeed(Option<u64>),
    Fail(Option<u64>),
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let number = || proptest::option::of(0..200_000_u64);
    let event = prop_oneof![
        3 => proptest::option::of(0..100_u64).prop_map(Event::Ask),
        1 => number().prop_map(Event::Succeed),
        1 => number().prop_map(Event::Fail),
    ];
    proptest::collection::vec((0..4000_u64, event), 1..60)
}

proptest! {
    /// Whatever happens: fetches that tokens bring forward are a cool-down apart from each other, a
    /// token of before the last success is told at once, and without keys nothing is unknown.
    #[test]
    fn no_order_of_events_makes_a_storm(events in events(), at_once in any::<bool>()) {
        let mut schedule = Schedule::new(RULES, at_once);
        let (mut now, mut brought, mut success): (u64, Option<u64>, Option<u64>) = (0, None, None);
        for (pause, event) in events {
            now += pause;
            let is_awaited = schedule.asked.is_some();
            let is_early = schedule.due.is_none_or(|due| due > seconds(now));
            match event {
                Event::Ask(age) => {
                    let asked = schedule.asked.is_some();
                    let issued = age.map(|age| now.saturating_sub(age));
                    let answer = schedule.ask(seconds(now), issued.and_then(at));
                    if answer == Answer::WaitForNext && !asked {
                        prop_assert!(brought.is_none_or(|brought| now - brought >= 30));
                    }
                    if success.is_none() {
                        prop_assert_ne!(answer, Answer::Unknown);
                    }
                    if let (Some(success), Some(issued)) = (success, issued) {
                        prop_assert_eq!(answer == Answer::Unknown, issued < success);
                    }
                }
                Event::Succeed(told) => {
                    brought = (is_awaited && is_early).then_some(now).or(brought);
                    schedule.fetch(now, told);
                    success = Some(now);
                    let Step::Sleep(pause) = schedule.next(seconds(now)) else {
                        return Err(TestCaseError::fail("not asleep"));
                    };
                    prop_assert!((FLOOR..=CEILING).contains(&pause));
                }
                Event::Fail(wish) => {
                    brought = is_awaited.then_some(now).or(brought);
                    schedule.begin(seconds(now), clock(seconds(now)));
                    schedule.failed(seconds(now), wish.map(seconds), 0.5);
                    let pause = schedule.due.map(|due| due - seconds(now));
                    prop_assert!(pause <= Some(LONGEST_WISH));
                    prop_assert!(success.is_none() || pause >= Some(RULES.cooldown));
                }
            }
            if schedule.next(seconds(now)) == Step::Drop {
                schedule.dropped(seconds(now));
                success = None;
            }
        }
    }
}
