//! Random histories. They are plain data, so that a failing one shrinks to a few readable steps.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};
use tower_bearer::{
    clock::Timestamp,
    session::{ConfirmBy, Overflow},
};

pub(super) const ACCESS: Duration = Duration::from_secs(600);
pub(super) const IDLE: Duration = Duration::from_secs(6 * 60 * 60);
const LIFETIMES: [Duration; 2] = [
    Duration::from_secs(15 * 60 * 60),
    Duration::from_secs(40 * 60 * 60),
];

/// How the sessions are configured, and what happens to them.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) setting: Setting,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) window: Duration,
    pub(super) late_budget: u32,
    pub(super) late_span: u32,
    pub(super) confirm_by: ConfirmBy,
    pub(super) max_sessions: Option<(usize, Overflow)>,
    pub(super) end_on_reuse: bool,
    /// How long a session lives at most.
    pub(super) longest: Duration,
}

/// One step of a history. `session` is taken modulo the number of sessions, and 0 is the newest
/// one. A `back` of 0 is the newest token that the client has; others are those of its copies.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Start {
        subject: usize,
        /// Whether the session is bound to the client's key.
        bound: bool,
    },
    /// The application binds the session to the client's key.
    Bind {
        session: usize,
        server: usize,
    },
    Refresh {
        session: usize,
        server: usize,
        back: usize,
        /// Whether the answer gets lost, so that the client goes on with the tokens that it has.
        lost: bool,
        /// Whether the request has a proof of the client's key.
        proves: bool,
    },
    /// One token, presented to both servers at once.
    Twice {
        session: usize,
        back: usize,
        proves: bool,
    },
    /// A token signed with the real key, with a `jti` that the session never had.
    Forged {
        session: usize,
        server: usize,
        ahead: bool,
    },
    /// The client uses an access token.
    Use {
        session: usize,
        server: usize,
        back: usize,
    },
    /// The server writes its waiting confirmations.
    Flush {
        server: usize,
    },
    End {
        session: usize,
        server: usize,
        /// Whether someone other than the user tries to end the session.
        other: bool,
    },
    EndAll {
        subject: usize,
        server: usize,
    },
    /// The store ends all sessions of the user but this one.
    EndOthers {
        session: usize,
        server: usize,
    },
    Revoke {
        session: usize,
        server: usize,
        back: usize,
        access: bool,
    },
    CleanUp {
        server: usize,
    },
    /// A failover of the store loses the last writes to the session's row.
    LoseWrites {
        session: usize,
        back: usize,
    },
    Wait(Jump),
}

/// How the clock moves: by just under, exactly or just over a length of time that makes a
/// difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jump {
    pub(super) by: Length,
    pub(super) off: i64,
    pub(super) backward: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    Nothing,
    Window,
    TwoWindows,
    Access,
    /// To the expiry of the newest session, wherever the clock is. `End` goes to its end.
    Expiry,
    End,
    Millis(i64),
}

impl Jump {
    /// The time after the jump. `newest` is the expiry and the end of the newest session.
    pub(super) fn from(
        self,
        now: Timestamp,
        newest: Option<(Timestamp, Timestamp)>,
        setting: &Setting,
    ) -> Timestamp {
        let window = setting.window.as_millis() as i64;
        let (expiry, end) = newest.unwrap_or((now, now));
        let length = match self.by {
            Length::Nothing => 0,
            Length::Window => window,
            Length::TwoWindows => 2 * window,
            Length::Access => ACCESS.as_millis() as i64,
            Length::Expiry => expiry.millis_since(now),
            Length::End => end.millis_since(now),
            Length::Millis(millis) => millis,
        };
        let is_length = !matches!(self.by, Length::Expiry | Length::End);
        let millis = length + self.off;
        let millis = if self.backward && is_length {
            -millis
        } else {
            millis
        };
        Timestamp::from_millis(now.as_millis() + millis)
    }
}

pub(super) fn histories() -> impl Strategy<Value = History> {
    (settings(), vec(scenes(), 1..50)).prop_map(|(setting, scenes)| {
        let (subject, bound) = (0, false);
        let mut steps = vec![Step::Start { subject, bound }];
        steps.extend(scenes.into_iter().flatten());
        History { setting, steps }
    })
}

/// One step, or a few steps that would seldom come together by chance.
fn scenes() -> impl Strategy<Value = Vec<Step>> {
    let refresh = |server, lost| Step::Refresh {
        session: 0,
        server,
        back: 0,
        lost,
        proves: true,
    };
    let lost_answer = (0_usize..2, jumps(), 0_usize..2).prop_map(move |(server, jump, other)| {
        vec![
            refresh(server, true),
            Step::Wait(jump),
            refresh(other, false),
        ]
    });
    // Another tab has the successor already, and uses it.
    let overtaken_tab = (jumps(), jumps()).prop_map(move |(before, after)| {
        vec![
            refresh(0, false),
            Step::Wait(before),
            Step::Use {
                session: 0,
                server: 0,
                back: 0,
            },
            Step::Flush { server: 0 },
            Step::Wait(after),
            Step::Refresh {
                session: 0,
                server: 1,
                back: 1,
                lost: false,
                proves: true,
            },
        ]
    });
    // Copies that share nothing but the key, one of them after a failover.
    let copies =
        (jumps(), 0_usize..4, 0_usize..4, back()).prop_map(move |(jump, one, other, lost)| {
            let copy = |back| Step::Refresh {
                session: 0,
                server: 1,
                back,
                lost: false,
                proves: true,
            };
            vec![
                Step::Bind {
                    session: 0,
                    server: 0,
                },
                refresh(0, false),
                Step::Wait(jump),
                copy(one),
                Step::LoseWrites {
                    session: 0,
                    back: lost,
                },
                copy(other),
            ]
        });
    let clean_up_at_the_end = (-1_i64..=1).prop_map(|off| {
        let (by, backward) = (Length::End, false);
        vec![
            Step::Wait(Jump { by, off, backward }),
            Step::CleanUp { server: 0 },
            Step::Start {
                subject: 0,
                bound: false,
            },
        ]
    });
    prop_oneof![
        30 => steps().prop_map(|step| vec![step]),
        4 => lost_answer,
        2 => overtaken_tab,
        1 => clean_up_at_the_end,
        1 => copies,
    ]
}

fn settings() -> impl Strategy<Value = Setting> {
    let budgets = select(vec![
        (3, 20),
        (3, 20),
        (0, 20),
        (1, 2),
        (1, 3),
        (2, 4),
        (31, 32),
    ]);
    let max = (
        1_usize..4,
        select(vec![Overflow::EvictOldest, Overflow::Refuse]),
    );
    (
        select(vec![10, 10, 10, 0, 300]),
        budgets,
        prop::bool::weighted(0.8),
        option::weighted(0.5, max),
        prop::bool::weighted(0.9),
        select(LIFETIMES.as_slice()),
    )
        .prop_map(
            |(window, (late_budget, late_span), by_access, max_sessions, end_on_reuse, longest)| {
                Setting {
                    window: Duration::from_secs(window),
                    late_budget,
                    late_span,
                    confirm_by: match by_access {
                        true => ConfirmBy::AccessToken,
                        false => ConfirmBy::Successor,
                    },
                    max_sessions,
                    end_on_reuse,
                    longest,
                }
            },
        )
}

/// Mostly refreshes and waits. Steps that end a session are rare, so that sessions live for a
/// while.
fn steps() -> impl Strategy<Value = Step> {
    let (session, server, subject) = (|| session(), || 0_usize..2, || 0_usize..2);
    prop_oneof![
        9 => (subject(), prop::bool::weighted(0.3))
            .prop_map(|(subject, bound)| Step::Start { subject, bound }),
        1 => (session(), server()).prop_map(|(session, server)| Step::Bind { session, server }),
        40 => (session(), server(), back(), prop::bool::weighted(0.3), proves()).prop_map(
            |(session, server, back, lost, proves)| {
                Step::Refresh { session, server, back, lost, proves }
            }
        ),
        5 => (session(), back(), proves())
            .prop_map(|(session, back, proves)| Step::Twice { session, back, proves }),
        2 => (session(), server(), any::<bool>())
            .prop_map(|(session, server, ahead)| Step::Forged { session, server, ahead }),
        12 => (session(), server(), back())
            .prop_map(|(session, server, back)| Step::Use { session, server, back }),
        8 => server().prop_map(|server| Step::Flush { server }),
        1 => (session(), server(), any::<bool>())
            .prop_map(|(session, server, other)| Step::End { session, server, other }),
        1 => (subject(), server()).prop_map(|(subject, server)| Step::EndAll { subject, server }),
        1 => (session(), server())
            .prop_map(|(session, server)| Step::EndOthers { session, server }),
        1 => (session(), server(), back(), any::<bool>()).prop_map(
            |(session, server, back, access)| Step::Revoke { session, server, back, access }
        ),
        2 => server().prop_map(|server| Step::CleanUp { server }),
        3 => (session(), 1_usize..6)
            .prop_map(|(session, back)| Step::LoseWrites { session, back }),
        40 => jumps().prop_map(Step::Wait),
    ]
}

/// Mostly the newest session.
fn session() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 1 => 0_usize..4]
}

fn proves() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.9)
}

fn back() -> impl Strategy<Value = usize> {
    prop_oneof![30 => Just(0_usize), 5 => Just(1), 1 => 2_usize..6]
}

fn jumps() -> impl Strategy<Value = Jump> {
    let by = prop_oneof![
        1 => Just(Length::Nothing),
        8 => Just(Length::Window),
        8 => Just(Length::TwoWindows),
        4 => Just(Length::Access),
        1 => Just(Length::Expiry),
        1 => Just(Length::End),
        8 => (0_i64..30_000).prop_map(Length::Millis),
        8 => (0_i64..3 * 60 * 60 * 1000).prop_map(Length::Millis),
    ];
    (by, -1_i64..=1, prop::bool::weighted(0.1)).prop_map(|(by, off, backward)| Jump {
        by,
        off,
        backward,
    })
}
