//! How long a client waits after a failure, and what `Retry-After` a server sends with its 503.

use crate::{
    random::Random,
    world::{MINUTE, Millis, SECOND},
};

/// A client and the servers that it meets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) name: &'static str,
    pub(crate) client: Manner,
    pub(crate) server: RetryAfter,
}

/// What a client does after a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Waits a second each time.
    EachSecond,
    /// Waits 1, 2, 4 … 60 s, and never less than `Retry-After` says.
    Doubling(Jitter),
    /// Waits as long as `Retry-After` says; without it, as `Doubling` with jitter.
    Obeying,
    /// `tower-bearer-client` as it is: `endpoints.rs` and `state.rs`, with an application that asks for a
    /// token all the time.
    Layer,
    /// `examples/browser/tower-bearer.js` as it is, in a visible page.
    Browser,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Jitter {
    None,
    /// A random part of up to a half is taken off.
    Half,
}

/// What the servers say with a 503.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RetryAfter {
    Nothing,
    Fixed(Millis),
    /// A whole number of seconds, from one to this, at random.
    Random(Millis),
    /// The same with a limit that doubles with each second in which requests are refused, and halves with
    /// each other one: from two seconds to two minutes.
    ByLoad,
}

/// The failures of a client since its last success.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failures {
    /// Refreshes that have failed.
    refreshes: u32,
    /// Requests of the refresh that is under way.
    requests: u32,
}

const REQUESTS: u32 = 3;
const LONGEST: Millis = MINUTE;
const PATIENCE: Millis = 5 * SECOND;

impl Manner {
    /// How long to wait after one more failure.
    pub(crate) fn pause(
        self,
        failures: &mut Failures,
        said: Option<Millis>,
        random: &mut Random,
    ) -> Millis {
        match self {
            Self::EachSecond => SECOND,
            Self::Doubling(jitter) => {
                let own = failures.next_refresh(jitter, random);
                own.max(said.unwrap_or_default())
            }
            Self::Obeying => {
                let own = failures.next_refresh(Jitter::Half, random);
                said.unwrap_or(own)
            }
            Self::Layer => {
                failures.requests += 1;
                let whole = doubled(300, failures.requests - 1, PATIENCE);
                let soon = less(whole, random).max(said.unwrap_or_default());
                failures.again(soon).unwrap_or_else(|| {
                    let own = failures.next_refresh(Jitter::Half, random);
                    own.max(said.unwrap_or_default())
                })
            }
            Self::Browser => {
                failures.requests += 1;
                let whole = doubled(400, failures.requests - 1, LONGEST);
                let soon = said.unwrap_or_else(|| less(whole, random));
                failures.again(soon).unwrap_or_else(|| {
                    let own = failures.next_refresh(Jitter::Half, random);
                    said.unwrap_or(own)
                })
            }
        }
    }
}

impl Failures {
    /// The pause within a refresh, or nothing where the refresh has failed.
    fn again(&self, soon: Millis) -> Option<Millis> {
        (self.requests < REQUESTS && soon <= PATIENCE).then_some(soon)
    }

    fn next_refresh(&mut self, jitter: Jitter, random: &mut Random) -> Millis {
        let whole = doubled(SECOND, self.refreshes, LONGEST);
        self.refreshes += 1;
        self.requests = 0;
        match jitter {
            Jitter::None => whole,
            Jitter::Half => less(whole, random),
        }
    }
}

fn doubled(first: Millis, times: u32, longest: Millis) -> Millis {
    (first << times.min(16)).min(longest)
}

/// Less a random part of up to a half.
fn less(whole: Millis, random: &mut Random) -> Millis {
    whole - random.within(0..whole / 2)
}

impl Policy {
    /// All that are compared.
    pub(crate) fn compared() -> Vec<Self> {
        let policy = |name, client, server| Self {
            name,
            client,
            server,
        };
        let one = RetryAfter::Fixed(SECOND);
        vec![
            policy(
                "no back-off: each second",
                Manner::EachSecond,
                RetryAfter::Nothing,
            ),
            policy(
                "doubling to 60 s",
                Manner::Doubling(Jitter::None),
                RetryAfter::Nothing,
            ),
            policy(
                "doubling to 60 s, jitter",
                Manner::Doubling(Jitter::Half),
                RetryAfter::Nothing,
            ),
            policy("`Retry-After: 1`, obeyed", Manner::Obeying, one),
            policy(
                "`Retry-After: 30`, obeyed",
                Manner::Obeying,
                RetryAfter::Fixed(30 * SECOND),
            ),
            policy(
                "`Retry-After` 1 to 60, obeyed",
                Manner::Obeying,
                RetryAfter::Random(MINUTE),
            ),
            policy(
                "`Retry-After` by load, obeyed",
                Manner::Obeying,
                RetryAfter::ByLoad,
            ),
            policy("tower-bearer.js, `Retry-After: 1`", Manner::Browser, one),
            policy(
                "tower-bearer.js, 1 to 60",
                Manner::Browser,
                RetryAfter::Random(MINUTE),
            ),
            policy(
                "tower-bearer.js, by load",
                Manner::Browser,
                RetryAfter::ByLoad,
            ),
            policy("client layer, `Retry-After: 1`", Manner::Layer, one),
            policy(
                "client layer, 1 to 60",
                Manner::Layer,
                RetryAfter::Random(MINUTE),
            ),
            policy("client layer, by load", Manner::Layer, RetryAfter::ByLoad),
        ]
    }
}
