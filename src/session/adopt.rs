//! Sessions that are begun for the refresh tokens of another program.
//!
//! A token of that program counts as the one of generation 0, which no client of this crate ever gets. So
//! the row of the session tells how far the takeover has come: as long as it is of generation 0,
//! nothing was answered, and the token has to be removed from the other store (once more). If it is not
//! confirmed either, nobody has seen the token after the insert, which has to be done before.

use std::net::IpAddr;

use super::{
    EndReason, Grant, RefreshRequest, Refreshed, Refusal, SessionError, SessionErrorKind,
    SessionEventKind, Sessions,
    authentication::UNKNOWN,
    is_other_client,
    patience::within,
    refresh_token::OpenedToken,
    resources,
    takeover::{Named, Takeover},
    verdict::ended,
    write::ToTell,
};
use crate::{
    clock::Timestamp,
    context::RequestContext,
    store::{Loaded, Record, Session, SessionStore, StoreErrorKind},
    token::RefreshToken,
};

/// The error for a text that is no token of either program.
const MALFORMED: SessionErrorKind = SessionErrorKind::InvalidGrant(Refusal::Malformed);

impl<St: SessionStore> Sessions<St> {
    /// Exchanges a refresh token of another program for tokens of a session, which is begun when the
    /// token comes for the first time. See [`Takeover`].
    ///
    /// [`refresh`](Self::refresh), and so the token endpoint, does the same with each token that is
    /// no refresh token of this issuer. Call this where it is known that the token is a foreign one.
    ///
    /// The session counts like any other, but a [maximum](super::SessionsBuilder::max_sessions) neither
    /// refuses it nor lets it end another one: that is left to the next login. It is bound to no key,
    /// whatever [proof](RefreshRequest::proof) comes along, because whoever has stolen the token could have made
    /// it.
    ///
    /// # Errors
    ///
    /// Those of [`refresh`](Self::refresh), and
    /// - [`InvalidGrant`](super::SessionErrorKind::InvalidGrant) with [`Refusal::Malformed`]: there is
    ///   no takeover, or it is over, or the token cannot be one, or neither store has it.
    /// - [`Unavailable`](super::SessionErrorKind::Unavailable): the other store failed or was too slow, or
    ///   [too many](Takeover::max_calls) tokens are looked for at once. The client keeps its token.
    /// - [`InvalidRequest`](super::SessionErrorKind::InvalidRequest),
    ///   [`InvalidTarget`](super::SessionErrorKind::InvalidTarget) and
    ///   [`Grant`](super::SessionErrorKind::Grant): the grant is beyond the [limits](Grant#limits). Nothing
    ///   was written and the token was not removed.
    pub async fn adopt(&self, request: RefreshRequest) -> Result<Refreshed, SessionError> {
        let adopted = self.take_over(request).await;
        self.0.meter.refreshed(&adopted);
        adopted
    }

    /// [Adopts](Self::adopt) without counting it as a refresh of its own.
    pub(super) async fn take_over(
        &self,
        request: RefreshRequest,
    ) -> Result<Refreshed, SessionError> {
        let takeover = self.takeover_of(&request.token);
        let takeover = takeover.ok_or_else(|| SessionError::new(MALFORMED))?;
        let named = takeover.name(self.0.issuer.issuer(), &request.token);
        let record = self.begun(takeover, &named, &request).await?;
        let first = self.first_token(&record, &named);
        self.exchange(&request, first).await
    }

    /// The takeover, if this can be one of its tokens.
    fn takeover_of(&self, token: &RefreshToken) -> Option<&Takeover> {
        let takeover = self.0.takeover.as_ref();
        takeover.filter(|takeover| takeover.can_be(token) && !takeover.is_long_over())
    }

    /// The session of a foreign token, which the other store has let go of.
    async fn begun(
        &self,
        takeover: &Takeover,
        named: &Named,
        request: &RefreshRequest,
    ) -> Result<Record, SessionError> {
        let looks = takeover.may_look()?;
        let Loaded { record, now } = self.load(named.id).await?;
        if takeover.is_over(now) {
            return Err(SessionError::new(MALFORMED));
        }
        let record = match record {
            Some(record) => record,
            None => match takeover.find(&request.token, self.0.hook_timeout).await? {
                Some(grant) => {
                    drop(looks);
                    return self.begin(takeover, named, request, grant, now).await;
                }
                None => self.begun_elsewhere(named).await?,
            },
        };
        drop(looks);
        if is_unanswered(&record) {
            self.check_answerable(request, &record)?;
            return self.settled(takeover, request, record).await;
        }
        Ok(record)
    }

    /// The session of a token that the other store does not have. Another request may have begun it
    /// since it was loaded, and have removed the token after that.
    async fn begun_elsewhere(&self, named: &Named) -> Result<Record, SessionError> {
        let record = self.load_session(named.id).await?;
        record.ok_or_else(|| SessionError::new(MALFORMED))
    }

    /// Begins the session, and only then lets the other store forget the token.
    async fn begin(
        &self,
        takeover: &Takeover,
        named: &Named,
        request: &RefreshRequest,
        mut grant: Grant,
        now: Timestamp,
    ) -> Result<Record, SessionError> {
        grant.auth_time.get_or_insert(UNKNOWN);
        grant.context.get_or_insert_with(|| request.context.clone());
        let grant = grant.validated()?;
        let (proof, address) = (grant.proof.clone(), grant.address());
        let grant = grant
            .of_what_is_left()
            .ok_or_else(|| SessionError::new(MALFORMED))?;
        let lifetimes = self.0.lifetimes().of_any_rest();
        let secret = named.secret.clone();
        let record = self.new_session(grant, now, lifetimes, (named.id, secret))?;
        // What can never be answered must not be removed.
        self.check_answerable(request, &record)?;
        let _tokens = self.first_tokens(&record, now, proof.as_ref()).await?;
        let (sessions, takeover) = (self.clone(), takeover.clone());
        let token = request.token.clone();
        self.to_the_end(async move {
            let inner = &sessions.0;
            let record = match within(inner.store_timeout, inner.store.insert(&record)).await {
                Ok(()) => {
                    sessions.tell(SessionEventKind::Adopted, &record, None, address);
                    record
                }
                // Another request with the same token was quicker.
                Err(error) if error.kind() == StoreErrorKind::Duplicate => {
                    let begun = sessions.load_session(record.session.id).await?;
                    begun.ok_or_else(|| SessionError::new(MALFORMED))?
                }
                Err(error) => return Err(error.into()),
            };
            sessions.settle(&takeover, &token, record, address).await
        })
        .await
    }

    /// Refuses what the exchange would refuse whenever it comes.
    fn check_answerable(
        &self,
        request: &RefreshRequest,
        Record { session, state }: &Record,
    ) -> Result<(), SessionError> {
        if is_other_client(request.client_id.as_deref(), session) {
            return Err(SessionError::refused(Refusal::OtherClient));
        }
        if state.bound_to.is_none() && request.must_be_bound(session) {
            return Err(SessionError::refused(Refusal::Unbound));
        }
        self.narrowed(request.scope.as_ref(), &session.scope)?;
        resources::audience(&request.resources, session, self.0.issuer.audience())?;
        Ok(())
    }

    /// [Settles](Self::settle) also if the client hangs up.
    async fn settled(
        &self,
        takeover: &Takeover,
        request: &RefreshRequest,
        record: Record,
    ) -> Result<Record, SessionError> {
        let (sessions, takeover) = (self.clone(), takeover.clone());
        let (token, address) = (request.token.clone(), request.context.address());
        self.to_the_end(async move { sessions.settle(&takeover, &token, record, address).await })
            .await
    }

    /// Lets the other store forget the token of a session that nobody was answered for. Only the session of a
    /// token that was there after the insert goes on: a change of the password that came before it has removed
    /// the token, and one that came after it has ended the session.
    async fn settle(
        &self,
        takeover: &Takeover,
        token: &RefreshToken,
        record: Record,
        address: Option<IpAddr>,
    ) -> Result<Record, SessionError> {
        let _settles = takeover.may_settle()?;
        if is_unseen(&record) {
            let found = takeover.find(token, self.0.hook_timeout).await?;
            match found {
                Some(_) => self.mark_as_seen(&record).await?,
                None => self.end_if_unseen(&record, address).await?,
            }
        }
        takeover.remove(token, self.0.hook_timeout).await?;
        Ok(record)
    }

    /// Notes that the token was there after the insert. The mark is that generation 0 is confirmed, and
    /// the first rotation takes it away. If another has written meanwhile, it has seen the token too, or has ended
    /// the session.
    async fn mark_as_seen(&self, record: &Record) -> Result<(), SessionError> {
        let first = [(record.session.id, record.state.generation)];
        let confirmed = self.0.store.confirm(&first);
        Ok(within(self.0.store_timeout, confirmed).await?)
    }

    /// Ends the session, unless another request has seen the token and then removed it.
    async fn end_if_unseen(
        &self,
        record: &Record,
        address: Option<IpAddr>,
    ) -> Result<(), SessionError> {
        let Loaded { record, now } = self.load(record.session.id).await?;
        if let Some(record) = record.filter(is_unseen) {
            let ended = ended(&record.state, EndReason::Refused, now);
            // If the swap is lost, another has seen it or has ended the session.
            let to_tell = ToTell {
                event: None,
                address,
            };
            let _swap = self.write(&record, Some(&ended), to_tell).await?;
        }
        Ok(())
    }

    /// A foreign token, as the refresh token of generation 0 of its session. It is genuine if the session has
    /// the secret that the token gives.
    fn first_token(&self, record: &Record, named: &Named) -> OpenedToken {
        let session = Session {
            id: named.id,
            secret: named.secret.clone(),
            ..record.session.clone()
        };
        let idle = session.created_at + self.0.policy.idle_lifetime_of(&session);
        OpenedToken::of_generation_0(&session, session.ends_at.min(idle))
    }

    /// The session of a foreign token that is to be ended. If none was begun yet, one is, so that a request
    /// which is under way with the same token finds it ended.
    pub(super) async fn adopted(
        &self,
        token: &str,
        client_id: Option<&str>,
        context: &RequestContext,
    ) -> Result<Option<(Record, OpenedToken)>, SessionError> {
        let mut request = RefreshRequest::new(RefreshToken::new(token)).context(context.clone());
        request.client_id = client_id.map(str::to_owned);
        let Some(takeover) = self.takeover_of(&request.token) else {
            return Ok(None);
        };
        let named = takeover.name(self.0.issuer.issuer(), &request.token);
        match self.begun(takeover, &named, &request).await {
            Ok(record) => {
                let first = self.first_token(&record, &named);
                Ok(Some((record, first)))
            }
            Err(error) if error.kind() == MALFORMED => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether no client has ever got tokens of this session.
fn is_unanswered(record: &Record) -> bool {
    record.state.generation == 0
}

/// Whether it is not known that the token was there after the session was begun.
fn is_unseen(Record { state, .. }: &Record) -> bool {
    state.generation == 0 && state.ended.is_none() && state.confirmed_at.is_none()
}
