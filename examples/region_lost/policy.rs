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

impl Jitter {
    fn of(self, whole: Millis, random: &mut Random) -> Millis {
        match self {
            Self::None => whole,
            Self::Half => whole - random.within(0..whole / 2),
        }
    }
}

/// What the servers say with a 503.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RetryAfter {
    Nothing,
    Fixed(Millis),
    /// A whole number of seconds, from one to this, at random.
    Random(Millis),
    /// The same with the limit of `tower-bearer`.
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

/// Of a refresh that follows no failed one.
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
                let own = jitter.of(failures.next_refresh(), random);
                own.max(said.unwrap_or_default())
            }
            Self::Obeying => {
                let own = Jitter::Half.of(failures.next_refresh(), random);
                said.unwrap_or(own)
            }
            Self::Layer => {
                let own = failures.next(300, said);
                patient(own, said, random)
            }
            Self::Browser => {
                let own = failures.next(400, said);
                patient(own, said, random)
            }
        }
    }
}

impl Failures {
    /// The pause of a client of ours, before its random part: within a refresh, where the first one is this,
    /// and after it.
    fn next(&mut self, first: Millis, said: Option<Millis>) -> Millis {
        self.requests += 1;
        let requests = if self.refreshes > 0 { 1 } else { REQUESTS };
        match self.requests < requests && said.unwrap_or_default() <= PATIENCE {
            true => doubled(first, self.requests - 1, PATIENCE),
            false => self.next_refresh(),
        }
    }

    fn next_refresh(&mut self) -> Millis {
        let whole = doubled(SECOND, self.refreshes, LONGEST);
        self.refreshes += 1;
        self.requests = 0;
        whole
    }
}

fn doubled(first: Millis, times: u32, longest: Millis) -> Millis {
    (first << times.min(16)).min(longest)
}

/// What was said, and then a random part of up to a half of the longer of both.
fn patient(own: Millis, said: Option<Millis>, random: &mut Random) -> Millis {
    let said = said.unwrap_or_default();
    let half = own.max(said) / 2;
    half.max(said) + random.within(0..half)
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
