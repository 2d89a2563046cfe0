use clap::Parser;

use crate::{
    command::{Arguments, run},
    policy::{Failures, Manner, Policy, RetryAfter},
    random::Random,
    region::Region,
    simulation::simulate,
    world::{CAPACITY, DEADLINE, Loss, MINUTE, Millis, SECOND, World},
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
            "pause.max(error.retry_after().unwrap_or_default())",
        ],
    );
    has(
        include_str!("../../crates/tower-bearer-client/src/state.rs"),
        &[
            "const FIRST_BACK_OFF: Duration = Duration::from_secs(1);",
            "const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);",
            "wait.max(error.retry_after().unwrap_or_default())",
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
            "cause.retryAfter ?? 2 ** attempt * 100 * (1 + Math.random())",
            "error.retryAfter ?? pause * (0.5 + Math.random() / 2)",
        ],
    );
    has(
        include_str!("../../src/reply/mod.rs"),
        &["insert(RETRY_AFTER, HeaderValue::from_static(\"1\"))"],
    );
}

#[test]
fn a_page_that_is_told_a_second_asks_each_second_for_ever() {
    assert_eq!(pauses(Manner::Browser, Some(SECOND)), [SECOND; 30]);
}

#[test]
fn the_layer_asks_three_times_a_refresh_and_waits_longer_after_each() {
    let pauses: [_; 21] = pauses(Manner::Layer, Some(SECOND));
    for (number, refresh) in pauses.chunks(3).enumerate() {
        let whole = (SECOND << number).min(MINUTE);
        assert_eq!(refresh[..2], [SECOND; 2]);
        assert!((whole / 2..=whole).contains(&refresh[2]), "{pauses:?}");
    }
}

#[test]
fn a_long_pause_is_not_sat_out_within_a_refresh() {
    for manner in [Manner::Layer, Manner::Browser] {
        assert_eq!(pauses(manner, Some(MINUTE)), [MINUTE; 5]);
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

#[test]
fn the_limit_of_a_pause_grows_with_refusals_and_shrinks_without() {
    let mut region = Region::new(&WORLD, RetryAfter::ByLoad);
    let mut random = Random::new(1, 1);
    let mut longest = |region: &Region| {
        let said = (0..1000).filter_map(|_| region.retry_after(&mut random));
        said.max().unwrap()
    };
    assert_eq!(longest(&region), 2 * SECOND);
    for second in 0..20 {
        region.tick(second * SECOND, &[0; 5], false);
    }
    assert_eq!(longest(&region), 2 * MINUTE);
    for second in 20..40 {
        region.tick(second * SECOND, &[], true);
    }
    assert_eq!(longest(&region), 2 * SECOND);
}
