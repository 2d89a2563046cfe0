use std::ops::Range;

use clap::Parser;

use crate::{
    command::{Arguments, run},
    policy::{Failures, Manner, Policy, RetryAfter},
    random::Random,
    region::Region,
    simulation::simulate,
    world::{CAPACITY, DEADLINE, Loss, MINUTE, Millis, PROCESSES, SECOND, World},
};

/// A region of it can do one refresh a second.
const WORLD: World = World {
    loss: Loss::Database,
    outage: MINUTE,
    sample: CAPACITY,
    admission: 0.0,
    seed: 1,
};

fn printed(arguments: &[&str]) -> String {
    let arguments = Arguments::parse_from([&["region_lost"], arguments].concat());
    let mut printed = Vec::new();
    run(&arguments, &mut printed).unwrap();
    String::from_utf8(printed).unwrap()
}

/// The pauses of a client whose requests fail one after the other.
#[track_caller]
fn pauses<const N: usize>(manner: Manner, said: Option<Millis>) -> [Millis; N] {
    let (mut failures, mut random) = (Failures::default(), Random::new(1, 1));
    [(); N].map(|()| manner.pause(&mut failures, said, &mut random))
}

#[test]
fn the_manual_and_the_chart_are_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("charts/region_lost.svg");
    let printed = printed(&["--chart", chart.to_str().unwrap()]);
    let manual = include_str!("../../src/manual/scale.md");
    for line in printed.lines().filter(|line| line.starts_with('|')) {
        assert!(manual.contains(line), "the manual lacks {line}");
    }
    let drawn = std::fs::read_to_string(chart).unwrap();
    assert!(
        drawn == include_str!("../../docs/region_lost.svg"),
        "draw the chart again: cargo run --release -p examples --features study --bin region_lost"
    );
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let arrivals = |seed| {
        let world = World {
            loss: Loss::Region { spread: MINUTE },
            sample: 20_000.0,
            seed,
            ..WORLD
        };
        let policies = Policy::compared().into_iter().step_by(4);
        let tallies = policies.map(|policy| simulate(&world, &policy));
        let arrivals = tallies.map(|tally| tally.arrivals(1).collect::<Vec<_>>());
        arrivals.collect::<Vec<_>>()
    };
    assert_eq!(arrivals(1), arrivals(1));
    assert_ne!(arrivals(1), arrivals(2));
}

#[test]
fn the_clients_are_simulated_as_they_are() {
    let has = |source: &str, lines: &[&str]| {
        for line in lines {
            assert!(source.contains(line), "this has changed: {line}");
        }
    };
    has(
        include_str!("../../crates/tower-bearer-client/src/endpoints.rs"),
        &[
            "const TRIES: u32 = 3;",
            "const FIRST_PAUSE: Duration = Duration::from_millis(300);",
            "const LONGEST_PAUSE: Duration = Duration::from_secs(5);",
            "if follows_failure { 1 } else { TRIES }",
            "told > Some(LONGEST_PAUSE)",
            "back_off(tried, FIRST_PAUSE, LONGEST_PAUSE, told)",
        ],
    );
    has(
        include_str!("../../crates/tower-bearer-client/src/state.rs"),
        &[
            "const FIRST_BACK_OFF: Duration = Duration::from_secs(1);",
            "const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);",
            "back_off(self.failures, FIRST_BACK_OFF, LONGEST_BACK_OFF, told)",
        ],
    );
    has(
        include_str!("../../crates/tower-bearer-client/src/schedule.rs"),
        &[
            "let half = own.max(told) / 2;",
            "half.max(told) + half.mul_f64(random())",
        ],
    );
    has(
        include_str!("../browser/tower-bearer.js"),
        &[
            "const REFRESH_AT = 0.8;",
            "const JITTER = 0.1;",
            "const ATTEMPTS = 3;",
            "const PATIENCE = 5 * SECOND;",
            "const LONGEST_PAUSE = 60 * SECOND;",
            "this.#pause?.wait ? 1 : ATTEMPTS",
            "(cause.retryAfter ?? 0) > PATIENCE",
            "pauseOf(2 ** attempt * 200, cause.retryAfter)",
            "pauseOf(pause, error.retryAfter)",
            "const half = Math.max(own, told ?? 0) / 2;",
            "Math.max(half, told ?? 0) + half * Math.random()",
        ],
    );
    has(
        include_str!("../../src/reply/retry_after.rs"),
        &["getrandom::u32().map_or(limit, |random| 1 + random % limit)"],
    );
}

#[test]
fn our_clients_ask_three_times_and_then_less_and_less_often() {
    for manner in [Manner::Layer, Manner::Browser] {
        let pauses: [_; 23] = pauses(manner, Some(SECOND));
        let (within, after) = pauses.split_at(2);
        let soon = SECOND..SECOND * 3 / 2;
        assert!(within.iter().all(|pause| soon.contains(pause)));
        for (refresh, pause) in after.iter().enumerate() {
            let whole = (SECOND << refresh).min(MINUTE);
            let range = match refresh {
                0 => soon.clone(),
                _ => whole / 2..whole,
            };
            assert!(range.contains(pause), "{pauses:?}");
        }
    }
}

#[test]
fn a_long_pause_is_not_sat_out_within_a_refresh() {
    for manner in [Manner::Layer, Manner::Browser] {
        let pauses: [_; 5] = pauses(manner, Some(MINUTE));
        let range = MINUTE..MINUTE * 3 / 2;
        assert!(pauses.iter().all(|pause| range.contains(pause)));
        assert_ne!(pauses[0], pauses[1]);
    }
}

#[test]
fn a_region_serves_what_it_can_and_refuses_who_has_waited_too_long() {
    let mut region = Region::new(&WORLD, RetryAfter::Nothing);
    let (mut served, mut refused) = (Vec::new(), Vec::new());
    let mut now = 0;
    while now <= 2 * DEADLINE {
        let arrivals: &[usize] = if now == 0 {
            &[0, 1, 2, 3, 4, 5, 6, 7]
        } else {
            &[]
        };
        let done = region.tick(now, arrivals, true);
        served.extend(done.served);
        refused.extend(done.refused);
        now += SECOND / 10;
    }
    assert_eq!((served, refused), (vec![0, 1, 2, 3], vec![4, 5, 6, 7]));
}

/// The longest pause that is told in the last of so many seconds, in each of which a process refuses as many.
fn longest(region: &mut Region, seconds: Range<Millis>, refusals: f64) -> Millis {
    let mut random = Random::new(1, 1);
    let a_second = (refusals * PROCESSES) as usize;
    let told = seconds.map(|second| {
        let told = (0..a_second).filter_map(|_| region.retry_after(second * SECOND, &mut random));
        told.max().unwrap()
    });
    told.last().unwrap()
}

#[test]
fn the_limit_of_a_pause_is_that_of_the_servers() {
    let world = World {
        sample: 1.0,
        ..WORLD
    };
    let mut region = Region::new(&world, RetryAfter::ByLoad);
    assert_eq!(longest(&mut region, 0..9, 99.0), SECOND);
    assert_eq!(longest(&mut region, 9..20, 101.0), 2 * MINUTE);
    assert_eq!(longest(&mut region, 20..30, 99.0), SECOND);
}
