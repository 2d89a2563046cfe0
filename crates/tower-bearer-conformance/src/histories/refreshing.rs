//! The steps that refresh, with honest or forged tokens, and those that use an access token.

use http::Request;
use proptest::prelude::*;

use tower_bearer::{
    RefreshToken,
    bearer::{Admission, SessionGuard},
    clock::Timestamp,
    context::RequestHead,
    session::{
        Possession, PresentedToken, RefreshOutcome, RefreshRequest, Refreshed, Refusal,
        SessionError, SessionErrorKind, SessionInfo,
    },
};

use crate::{
    Fixture,
    tokens::{Held, proof},
};

use super::{
    table::Fate,
    world::{Checked, World},
};

/// The answer of a server to a refresh token, and the time by which it decided.
struct Given {
    server: usize,
    now: Timestamp,
    answer: Result<Answer, Refusal>,
}

struct Answer {
    outcome: RefreshOutcome,
    session: SessionInfo,
    held: Held,
}

impl<F: Fixture> World<'_, F> {
    pub(super) fn refresh(
        &mut self,
        client: usize,
        server: usize,
        (back, proves): (usize, bool),
        lost: bool,
    ) -> Checked {
        let held = self.clients[client].held(back).clone();
        let result = self.wait_for(self.servers[server].refresh(request(&held, proves)));
        let given = self.given(server, result)?;
        self.compare(client, &held, self.presented(&held, proves), [&given])?;
        if !lost {
            self.keep(client, [given]);
        }
        Ok(())
    }

    /// Presents one token to both servers at once. It is not known which of the two was first.
    pub(super) fn twice(&mut self, client: usize, (back, proves): (usize, bool)) -> Checked {
        let held = self.clients[client].held(back).clone();
        let presented = self.presented(&held, proves);
        let [one, other] = self.servers.clone().map(|server| {
            let refresh = request(&held, proves);
            self.runtime
                .spawn(async move { server.refresh(refresh).await })
        });
        let (one, other) = self.wait_for(async { (one.await.unwrap(), other.await.unwrap()) });
        let (one, other) = (self.given(0, one)?, self.given(1, other)?);
        let before = (self.reference.clone(), self.clients[client].clone());
        let in_order = self.compare(client, &held, presented, [&one, &other]);
        if in_order.is_err() || self.row(held.id).as_ref() != self.reference.rows.get(&held.id) {
            (self.reference, self.clients[client]) = before;
            self.compare(client, &held, presented, [&other, &one])?;
        }
        self.keep(client, [one, other]);
        Ok(())
    }

    /// What a server makes of the token, before it decides.
    fn presented(&self, held: &Held, proves: bool) -> PresentedToken {
        held.in_hands(self.reference.bound_to(held.id), proves)
    }

    fn given(
        &self,
        server: usize,
        result: Result<Refreshed, SessionError>,
    ) -> Result<Given, TestCaseError> {
        let now = self.told(server);
        let answer = match result {
            Ok(refreshed) => Ok(Answer {
                outcome: refreshed.outcome,
                session: refreshed.session,
                held: Held::open(refreshed.tokens, &self.verifier, now),
            }),
            Err(error) => match error.kind() {
                SessionErrorKind::InvalidGrant(refusal) => Err(refusal),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            },
        };
        Ok(Given {
            server,
            now,
            answer,
        })
    }

    /// Compares the answers, one after the other, with the oracle and the table.
    fn compare<'a>(
        &mut self,
        client: usize,
        held: &Held,
        token: PresentedToken,
        given: impl IntoIterator<Item = &'a Given>,
    ) -> Checked {
        let client = &mut self.clients[client];
        let id = client.held(0).id;
        for given in given {
            let now = given.now;
            let expected = self.reference.refresh(given.server, id, token, now);
            let expected = expected.map(|outcome| match outcome {
                // The token is from before the binding, and the one that is given names the key.
                RefreshOutcome::Current
                    if token.possession == Possession::Proven && held.key().is_none() =>
                {
                    RefreshOutcome::Redelivered
                }
                outcome => outcome,
            });
            let outcome = given.answer.as_ref().map(|answer| answer.outcome);
            prop_assert_eq!(
                outcome.map_err(|refusal| *refusal),
                expected,
                "not as the decision says"
            );
            let expected = client.watched.present(token, now, &self.setting);
            prop_assert_eq!(fate(given), expected, "not as the table says");
            if let Ok(answer) = &given.answer {
                let row = self.reference.rows.get(&id);
                let row = row.ok_or_else(|| TestCaseError::fail("an answer without a row"))?;
                client.checks_answer(&answer.held, row, now)?;
                prop_assert_eq!(&answer.session, &SessionInfo::from(row.clone()));
            }
        }
        Ok(())
    }

    /// Lets the answers arrive at the client.
    fn keep(&mut self, client: usize, given: impl IntoIterator<Item = Given>) {
        for answer in given.into_iter().filter_map(|given| given.answer.ok()) {
            self.clients[client].keep(answer.held);
        }
    }

    pub(super) fn forged(&mut self, client: usize, server: usize, ahead: bool) -> Checked {
        let held = self.clients[client].held(0);
        let (id, (token, presented)) = (held.id, held.forged(u32::from(ahead)));
        let refresh = RefreshRequest::new(token.clone());
        let result = self.wait_for(self.servers[server].refresh(refresh));
        let now = self.told(server);
        let expected = self.reference.refresh(server, id, presented, now);
        prop_assert!(matches!(expected, Err(Refusal::Forged | Refusal::Unknown)));
        let kind = result.map(|_| ()).map_err(|error| error.kind());
        let refusal = expected.map(|_| ()).map_err(SessionErrorKind::InvalidGrant);
        prop_assert_eq!(kind, refusal);
        // A forged token does not end the session if it is presented for revocation either.
        self.revokes_nothing(server, &token)
    }

    fn revokes_nothing(&self, server: usize, token: &RefreshToken) -> Checked {
        let revoke = self.servers[server].revoke(token.expose(), None);
        prop_assert!(self.wait_for(revoke).is_ok());
        Ok(())
    }

    /// Runs outside the runtime, so that what the server notes waits for the next flush.
    pub(super) fn use_access_token(
        &mut self,
        client: usize,
        server: usize,
        back: usize,
    ) -> Checked {
        let held = self.clients[client].held(back);
        let (id, generation) = (held.id, held.presented.generation);
        let bound = held.access.claims().cnf.is_some();
        let request = Request::new(());
        let admission = self.servers[server].admit(&held.access, RequestHead::from(&request));
        let admits = admission == Admission::Admitted;
        prop_assert_eq!(admits, self.reference.admits(server, id, generation, bound));
        Ok(())
    }
}

fn request(held: &Held, proves: bool) -> RefreshRequest {
    let request = RefreshRequest::new(held.tokens.refresh_token.clone());
    match proves {
        true => request.proof(proof()),
        false => request,
    }
}

/// What happened to a presented token, in the terms of the table.
fn fate(given: &Given) -> Fate {
    match &given.answer {
        Ok(answer) if answer.outcome == RefreshOutcome::Rotated => Fate::Successor,
        Ok(answer) => Fate::Live(answer.held.presented.generation),
        Err(Refusal::Reused) => Fate::Theft,
        Err(_) => Fate::Nothing,
    }
}
