//! Whoever did not get the answer to a reauthentication gains nothing by it, in whatever order things happen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use serde_json::Value;
use tower_bearer::{
    Claims, RefreshToken, TokenResponse,
    session::{Grant, Reauthentication, RefreshDecision},
};

use crate::support::*;

#[derive(Clone, Debug)]
enum Step {
    /// Somebody presents one of all tokens that were ever given out.
    Present(usize),
    /// The client shows that it has the live one.
    Use(usize),
    /// The user authenticates again.
    Authenticate,
    /// From now on the hook finds the session odd, or not any more.
    Odd(bool),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..100_usize).prop_map(Step::Present),
        2 => (0..100_usize).prop_map(Step::Use),
        2 => Just(Step::Authenticate),
        1 => any::<bool>().prop_map(Step::Odd),
        3 => prop_oneof![Just(1), Just(9), Just(15), Just(40)].prop_map(Step::Wait),
    ];
    vec(step, 1..60)
}

/// Tokens, and how often the user had authenticated again when they, or those that they come from, were given to the
/// user for it. 0 stands for those that nobody has got in that way.
struct Held {
    tokens: TokenResponse,
    knows: u32,
}

struct Life {
    world: World,
    /// Of the user, as the first access token says it.
    claims: Claims,
    is_odd: Arc<AtomicBool>,
    held: Vec<Held>,
    times: u32,
    lapsed: bool,
}

impl Life {
    async fn begin() -> Self {
        let is_odd = Arc::new(AtomicBool::new(false));
        let odd = is_odd.clone();
        // A session that goes on after a reuse has more to show.
        let world = world_with(|builder| {
            let hook = move |_, _| {
                let is_odd = odd.load(Ordering::SeqCst);
                async move {
                    match is_odd {
                        true => RefreshDecision::StepUp,
                        false => RefreshDecision::Continue,
                    }
                }
            };
            builder.danger_refuse_without_ending().on_refresh(hook)
        });
        let grant = Grant::new("anna").acr("login");
        let tokens = world.sessions.start(grant).await.unwrap();
        Self {
            claims: world.claims(&tokens.access_token),
            world,
            is_odd,
            held: vec![Held { tokens, knows: 0 }],
            times: 0,
            lapsed: false,
        }
    }

    fn pick(&self, index: usize) -> &Held {
        &self.held[index % self.held.len()]
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Present(index) => {
                let (token, knows): (RefreshToken, _) = {
                    let held = self.pick(index);
                    (held.tokens.refresh_token.clone(), held.knows)
                };
                let Ok(refreshed) = self.world.present(&token).await else {
                    return Ok(());
                };
                if self.is_odd.load(Ordering::SeqCst) {
                    (self.lapsed, self.times) = (true, self.times + 1);
                }
                // Only the last time counts, and what has lapsed counts for nobody.
                let knows = if knows == self.times { knows } else { 0 };
                self.check(&refreshed.tokens, knows)?;
                self.held.push(Held {
                    tokens: refreshed.tokens,
                    knows,
                });
            }
            Step::Use(index) => {
                let token = &self.pick(index).tokens.access_token;
                let verifier = self.world.verifier().leeway(Duration::from_secs(60));
                if let Ok(verified) = verifier.unwrap().verify(token.expose()) {
                    let _ = admit(&self.world.sessions, &verified);
                    self.world.sessions.flush().await.unwrap();
                }
            }
            Step::Authenticate => {
                let how = Reauthentication::new().acr(format!("again {}", self.times + 1));
                let Ok(tokens) = self.world.sessions.reauthenticate(&self.claims, how).await else {
                    return Ok(());
                };
                self.times += 1;
                self.check(&tokens, self.times)?;
                self.held.push(Held {
                    tokens,
                    knows: self.times,
                });
            }
            Step::Odd(is_odd) => self.is_odd.store(is_odd, Ordering::SeqCst),
            Step::Wait(secs) => self.world.wait(secs),
        }
        Ok(())
    }

    fn check(&self, tokens: &TokenResponse, knows: u32) -> Result<(), TestCaseError> {
        let payload = access_payload(tokens);
        let expected = match (knows, self.lapsed) {
            (0, true) => Value::Null,
            (0, false) => "login".into(),
            (times, _) => format!("again {times}").into(),
        };
        prop_assert_eq!(&payload["acr"], &expected);
        let is_unknown = payload["auth_time"] == 0;
        prop_assert_eq!(is_unknown, knows == 0 && self.lapsed);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_older_token_ever_leads_to_the_new_authentication(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut life = Life::begin().await;
            for step in steps {
                life.step(step).await?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }
}
