//! What the application says of a session that is to go on.

use super::{
    EndReason, PresentedToken, PrivateClaims, RefreshDecision, Refusal, Session, SessionError,
    SessionErrorKind, SessionInfo, Sessions, authentication::Authentication, end_request::Ending,
};
use crate::{
    clock::Timestamp,
    context::RequestContext,
    store::{Record, SessionStore},
};

/// What the application has said. It is asked only once for a request, even if the swap is lost and tried again.
#[derive(Default)]
pub(super) struct Consulted(Option<Said>);

struct Said {
    decision: RefreshDecision,
    /// When an access token with it is issued. It must not be later than the question: the roles may
    /// have changed since.
    issued_at: Timestamp,
}

/// What the application is asked about.
pub(super) struct Question<'a> {
    pub(super) record: &'a Record,
    pub(super) token: PresentedToken,
    pub(super) authentication: Authentication<'a>,
    pub(super) context: &'a RequestContext,
    /// When an access token is issued if the application is asked now.
    pub(super) issued_at: Timestamp,
}

impl Consulted {
    /// Whether the user has to authenticate again.
    pub(super) fn steps_up(&self) -> bool {
        let said = self.0.as_ref().map(|said| &said.decision);
        matches!(said, Some(RefreshDecision::StepUp))
    }

    /// The application's claims for the access token.
    pub(super) fn claims<'a>(&'a self, session: &'a Session) -> &'a PrivateClaims {
        match self.0.as_ref().map(|said| &said.decision) {
            Some(RefreshDecision::ContinueWith(claims)) => claims,
            _ => &session.claims,
        }
    }

    /// When the access token is issued, if the application need not have been asked.
    pub(super) fn issued_at(&self, now: Timestamp) -> Timestamp {
        self.0.as_ref().map_or(now, |said| said.issued_at)
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Asks the application, if it wants to be asked and was not yet.
    ///
    /// # Errors
    ///
    /// If it refuses, fails or is too slow.
    pub(super) async fn consult(
        &self,
        consulted: &mut Consulted,
        question: Question<'_>,
    ) -> Result<(), SessionError> {
        let Some(hook) = &self.0.hook else {
            return Ok(());
        };
        let Question {
            record,
            token,
            context,
            ..
        } = question;
        let said = match consulted.0.take() {
            Some(said) => said,
            None => {
                let info = SessionInfo::from(record.clone());
                let info = info.with_authentication(question.authentication);
                let unavailable = SessionErrorKind::Unavailable;
                let asked = hook.ask(info, context.clone());
                let decision = tokio::time::timeout(self.0.hook_timeout, asked)
                    .await
                    .map_err(|elapsed| SessionError::with_source(unavailable, elapsed))?
                    .map_err(|error| SessionError::with_source(unavailable, error))?;
                Said {
                    decision,
                    issued_at: question.issued_at,
                }
            }
        };
        let refused = || self.refuse(Refusal::Subject, record, token, context.address());
        match &said.decision {
            RefreshDecision::RefuseAndEnd => {
                self.end_now(record, Ending::new(EndReason::Refused, context.address()))
                    .await?;
                return Err(refused());
            }
            RefreshDecision::Refuse => return Err(refused()),
            RefreshDecision::Throttle(after) => return Err(SessionError::throttled(*after)),
            RefreshDecision::Continue
            | RefreshDecision::ContinueWith(_)
            | RefreshDecision::StepUp => {}
        }
        consulted.0 = Some(said);
        Ok(())
    }
}
