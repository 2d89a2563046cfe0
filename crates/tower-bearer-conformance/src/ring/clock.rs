//! The case of the clock, which must be the same for all servers.

use std::time::Instant;

use super::{
    Fixture,
    trial::{NAME, Trial, ring},
};
use crate::trial::{HOUR, MINUTE};

pub(super) async fn every_load_tells_the_time_by_one_clock<F: Fixture>(trial: Trial<F>) {
    let begin = Instant::now();
    let mut least = trial.now(NAME).await;
    trial.begin(NAME, &ring(1, "first")).await;
    let mut last = least;
    for _ in 0..2 {
        trial.advance(HOUR).await;
        least = least + HOUR;
        last = last.max(least);
        for (turn, name) in [(0, NAME), (1, NAME), (0, "none"), (1, "none"), (0, NAME)] {
            let now = trial.by_turns(turn).now(name).await;
            let most = least + begin.elapsed() + 2 * MINUTE;
            assert!(now >= last, "a load gave {now:?}, after {last:?}");
            assert!(now <= most, "a load gave {now:?}, {least:?} was due");
            last = now;
        }
    }
}
