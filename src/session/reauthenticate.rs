//! The user of a session authenticates again, or in a stronger way.

use tokio::time::Instant;

use super::{
    KeyProof, PresentedToken, RefreshVerdict, Refusal, SessionError, SessionErrorKind,
    SessionEventKind, Sessions,
    authentication::{Again, Renewal},
    consult::{Consulted, Question},
    limits::{check_class, check_methods},
    mint::{Asked, Minting},
    refresh_token::Series,
    resources,
    tries::Tries,
    write::ToTell,
};
use crate::{
    claims::{Claims, SessionId},
    clock::Timestamp,
    context::RequestContext,
    device_key::is_of_device,
    store::{Loaded, Methods, Record, SessionState, SessionStore, Swap},
    token::TokenResponse,
};

/// How and when a user has authenticated again.
///
/// ```
/// use tower_bearer::session::Reauthentication;
///
/// let by_password = Reauthentication::new();
/// let by_passkey = Reauthentication::new().acr("phr");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Reauthentication {
    acr: Option<String>,
    amr: Vec<String>,
    auth_time: Option<Timestamp>,
    proof: Option<KeyProof>,
    context: RequestContext,
}

impl Reauthentication {
    /// The user has authenticated right now, in a way that has no name.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the user has authenticated, as an authentication context class: the `acr` claim (RFC 9068 §2.2.1). It is
    /// not empty, and at most 1 KiB long. Without it the new tokens have no `acr`, whatever the login's was.
    pub fn acr(mut self, class: impl Into<String>) -> Self {
        self.acr = Some(class.into());
        self
    }

    /// By what methods the user has authenticated: the `amr` claim, as at a [login](super::Grant::amr). Without it the new
    /// tokens have no `amr`, whatever the login's was.
    pub fn amr<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.amr = methods.into_iter().map(Into::into).collect();
        self
    }

    /// When the user has authenticated, if not right now: the `auth_time` claim. A time that is still to come
    /// counts as now.
    pub fn auth_time(mut self, at: Timestamp) -> Self {
        self.auth_time = Some(at);
        self
    }

    /// The key that the client has proved to hold with this request. A session that is bound to a key of its client
    /// needs it, as at a [refresh](super::RefreshRequest::proof). One that is bound to a browser's device does not,
    /// as no page can prove that key: its new refresh token is of no use without it.
    pub fn proof(mut self, proof: KeyProof) -> Self {
        self.proof = Some(proof);
        self
    }

    /// What is known of the request, for the refresh hook and the event.
    pub fn context(mut self, context: impl Into<RequestContext>) -> Self {
        self.context = context.into();
        self
    }
}

/// A session whose user has authenticated again, and what is to be written.
struct Renewed {
    record: Record,
    /// What an event tells of: no token was presented, and the session goes on from its live one.
    token: PresentedToken,
    now: Timestamp,
    issued_at: Timestamp,
    since: Instant,
    next: SessionState,
    renewal: Renewal,
}

impl<St: SessionStore> Sessions<St> {
    /// Notes that the user of this access token has authenticated again, and gives new tokens of the session. They,
    /// and those of later refreshes, tell the new `acr` and `auth_time`, so that a
    /// [route](crate::bearer::BearerLayer::require_acr) which has asked for a stronger or newer login (RFC 9470)
    /// lets them pass. The session stays the same, with its `sid`, its notes and its lifetimes.
    ///
    /// Call it where the application has just checked the password, the passkey or the second factor of the very
    /// user whom the claims name. The answer replaces the client's tokens, as that of a login does.
    ///
    /// ```
    /// # use http::Response;
    /// # use tower_bearer::{Claims, ReplyBody, cookie::RefreshCookie, session::{SessionError, Sessions}};
    /// use tower_bearer::session::Reauthentication;
    ///
    /// # struct Passkey;
    /// # impl Passkey { async fn is_of(&self, user: &str) -> bool { true } }
    /// async fn step_up(
    ///     sessions: &Sessions,
    ///     cookie: &RefreshCookie,
    ///     claims: &Claims,
    ///     passkey: Passkey,
    /// ) -> Result<Option<Response<ReplyBody>>, SessionError> {
    ///     if !passkey.is_of(&claims.sub).await {
    ///         return Ok(None);
    ///     }
    ///     let tokens = sessions.reauthenticate(claims, Reauthentication::new().acr("phr")).await?;
    ///     cookie.response(&tokens).map(Some)
    /// }
    /// ```
    ///
    /// Whoever has an older refresh token of the session, be it a thief, gains nothing. Such a token is answered as
    /// ever, so that no second tab and no lost answer logs anybody out, but what it is answered with tells the
    /// authentication of before, and so does all that comes of it. Only the tokens that are given here know of
    /// the new one, and what they are refreshed to. If this answer is lost, or another tab has overwritten its
    /// cookie, the user authenticates once more. In a session that is bound to a key, it is the key that counts, and
    /// each copy of the client knows.
    ///
    /// The [refresh hook](super::SessionsBuilder::on_refresh) is asked, and sees the new authentication. A
    /// [`StepUp`](super::RefreshDecision::StepUp) counts as [`Continue`](super::RefreshDecision::Continue), as it has
    /// just been done.
    ///
    /// # Errors
    ///
    /// - [`InvalidGrant`](SessionErrorKind::InvalidGrant): the claims are another issuer's or of no session, the
    ///   session has ended or expired, the key was not [proved](Reauthentication::proof), or the hook refuses.
    /// - [`InvalidRequest`](SessionErrorKind::InvalidRequest): the class or a method is empty, or above 1 KiB, or somebody
    ///   [acts](super::Grant::actor) for the user, who is not there to authenticate.
    /// - [`Grant`](SessionErrorKind::Grant): the class makes the access token too long.
    /// - [`Unavailable`](SessionErrorKind::Unavailable): the store or the hook failed. The tokens of the client
    ///   are good as before; the write may have happened all the same.
    /// - [`Store`](SessionErrorKind::Store) and [`Signing`](SessionErrorKind::Signing) as at a
    ///   [refresh](Self::refresh).
    pub async fn reauthenticate<P>(
        &self,
        claims: &Claims<P>,
        authentication: Reauthentication,
    ) -> Result<TokenResponse, SessionError> {
        check_class(authentication.acr.as_deref())?;
        check_methods(&authentication.amr)?;
        let ours = claims.iss == self.0.issuer.issuer();
        let id = claims.session_id().filter(|_| ours);
        let id = id.ok_or_else(|| SessionError::refused(Refusal::Unknown))?;
        let (mut consulted, mut tries) = (Consulted::default(), Tries::default());
        loop {
            tries.begin().await?;
            let renewed = self.renewed(id, &claims.sub, &authentication).await?;
            let settled = self.answer_renewed(renewed, &authentication, &mut consulted);
            if let Some(tokens) = settled.await? {
                return Ok(tokens);
            }
        }
    }

    /// Loads the session, and renews the authentication of its user.
    async fn renewed(
        &self,
        id: SessionId,
        subject: &str,
        authentication: &Reauthentication,
    ) -> Result<Renewed, SessionError> {
        let (since, Loaded { record, now }) = self.load_in_time(id).await?;
        let own = record.filter(|record| record.session.subject == subject);
        let record = own.ok_or_else(|| SessionError::refused(Refusal::Unknown))?;
        if self.0.ended.contains(record.session.id) {
            return Err(SessionError::refused(Refusal::Ended));
        }
        check_renewable(&record, now, authentication)?;
        let state = &record.state;
        let token = PresentedToken::new(state.generation, state.expires_at, true);
        let next = RefreshVerdict::Rotate.apply(&record, token, now, &self.0.policy);
        let mut next = next.ok_or_else(|| SessionError::refused(Refusal::Exhausted))?;
        let mut renewal = Renewal::of(state)?;
        renewal.renew(Again {
            at: authentication.auth_time.map_or(now, |at| at.min(now)),
            acr: authentication.acr.clone(),
            amr: Methods::to_be_kept(authentication.amr.clone()),
            line: next.generation,
        });
        renewal.write_to(&mut next)?;
        Ok(Renewed {
            issued_at: self.0.outdated.issue_at(&record.session, now),
            record,
            token,
            now,
            since,
            next,
            renewal,
        })
    }

    /// Gives the tokens, unless the application refuses. `None` if the swap was lost or came too late.
    async fn answer_renewed(
        &self,
        renewed: Renewed,
        request: &Reauthentication,
        consulted: &mut Consulted,
    ) -> Result<Option<TokenResponse>, SessionError> {
        let (record, next) = (&renewed.record, &renewed.next);
        let (session, token) = (&record.session, renewed.token);
        let authentication = renewed.renewal.newest(session);
        let question = Question {
            record,
            token,
            authentication,
            context: &request.context,
            issued_at: renewed.issued_at,
        };
        self.consult(consulted, question).await?;
        let is_its_key = |proof: &&KeyProof| next.bound_to.as_ref() == Some(proof.thumbprint());
        let minting = Minting {
            session,
            state: next,
            jti: Series::of(session).jti(next.generation, authentication.line),
            authentication,
            now: renewed.now,
            issued_at: consulted.issued_at(renewed.issued_at),
            proof: request.proof.as_ref().filter(is_its_key),
        };
        let asked = Asked {
            scope: session.scope.clone(),
            audience: resources::audience(&[], session, self.0.issuer.audience())?,
        };
        let tokens = self
            .mint(&minting, asked, consulted.claims(session))
            .await?;
        if self.is_stale(renewed.since) {
            return Ok(None);
        }
        let to_tell = ToTell {
            event: Some((SessionEventKind::Reauthenticated, token)),
            address: request.context.address(),
        };
        let swap = self.write(record, Some(next), to_tell).await?;
        Ok((swap == Swap::Swapped).then_some(tokens))
    }
}

fn check_renewable(
    record: &Record,
    now: Timestamp,
    authentication: &Reauthentication,
) -> Result<(), SessionError> {
    let Record { session, state } = record;
    if session.extra.actor()?.is_some() {
        let away = "somebody acts for the user, who is not there to authenticate";
        return Err(SessionError::with_detail(
            SessionErrorKind::InvalidRequest,
            away,
        ));
    }
    let proved = authentication.proof.as_ref().map(KeyProof::thumbprint);
    let refusal = match &state.bound_to {
        _ if state.ended.is_some() => Refusal::Ended,
        _ if !record.is_live(now) => Refusal::Expired,
        Some(key) if !is_of_device(key) && proved != Some(key) => Refusal::Unproven,
        _ => return Ok(()),
    };
    Err(SessionError::refused(refusal))
}
