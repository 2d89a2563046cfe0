//! The decision on each request, independent of services and futures.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, header::CONTENT_LENGTH};

use crate::{
    claims::{Confirmation, Scope, VerifiedToken},
    context::RequestHead,
    error::TokenError,
    realm::ProtectionSpace,
    reply::ReplyBody,
    trace,
    verifier::{PendingToken, Verification, Verifier},
};

use super::{
    challenge::Rejection,
    cookie::Cookie,
    credentials::{Credentials, DPOP_SCHEME},
    dpop::{Dpop, NextNonce},
    guard::{Admission, AnyGuard, LiveFuture, Unavailable},
    handed::Ways,
    meter::Meter,
    params::ParametersHook,
    risk::RiskHook,
    schemes::Schemes,
    scope::RequiredScopes,
    step_up::StepUp,
};

type HookFn = dyn Fn(&Rejection, &HeaderMap) -> Response<Bytes> + Send + Sync;

/// The application's function that makes the responses to refused requests.
#[derive(Clone)]
pub(super) struct Hook(pub(super) Arc<HookFn>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// Put into the extensions of each request that the layer lets through without a token, so that
/// an extractor can tell a missing token from a missing layer.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) space: ProtectionSpace,
    pub(crate) schemes: Schemes,
}

/// The configuration of the layer.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) verifier: Verifier,
    pub(super) cookie: Cookie,
    pub(super) dpop: Dpop,
    pub(super) ways: Ways,
    pub(super) optional: bool,
    pub(super) scopes: RequiredScopes,
    pub(super) step_up: StepUp,
    /// Whether tokens by which somebody acts for the user are refused.
    pub(super) refuses_actors: bool,
    pub(super) space: ProtectionSpace,
    pub(super) guard: Option<AnyGuard>,
    pub(super) check_live: bool,
    /// Whether tokens that are bound to a key pass without a proof.
    pub(super) takes_unproven: bool,
    pub(super) risk: Option<RiskHook>,
    pub(super) parameters: Option<ParametersHook>,
    pub(super) on_rejection: Option<Hook>,
    meter: Meter,
}

/// The decision on a request that is not refused at once.
pub(super) enum Judgement {
    Pass(Option<VerifiedToken>, NextNonce),
    Wait(Waiting),
}

/// What a request waits for.
pub(super) enum Waiting {
    /// Another server has the key of the token, or knows the token.
    Token(PendingToken, Carriage),
    /// The guard knows whether the session is live.
    Guard(LiveFuture, VerifiedToken, NextNonce),
}

/// How a token has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carriage {
    /// By itself.
    Bare,
    /// By the scheme `DPoP`, with a proof.
    WithProof,
    /// By a ticket, and whether the request for that ticket has proved the key that the token is bound to.
    ByTicket { is_proved: bool },
}

impl Rules {
    pub(super) fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            cookie: Cookie::default(),
            dpop: Dpop::default(),
            ways: Ways::default(),
            optional: false,
            scopes: RequiredScopes::default(),
            step_up: StepUp::default(),
            refuses_actors: false,
            space: ProtectionSpace::default(),
            guard: None,
            check_live: false,
            takes_unproven: false,
            risk: None,
            parameters: None,
            on_rejection: None,
            meter: Meter::new(),
        }
    }

    /// Judges a request by its head, as far as that is possible without waiting, and marks the
    /// headers with credentials as sensitive.
    #[inline]
    pub(super) fn judge<B>(&self, request: &mut Request<B>) -> Result<Judgement, Rejection> {
        match self.authenticate(request)? {
            Some((Verification::Done(token), carriage)) => {
                self.judge_token(request, token, carriage)
            }
            Some((Verification::Pending(token), carriage)) => {
                Ok(Judgement::Wait(Waiting::Token(token, carriage)))
            }
            None => match self.optional && self.scopes.is_empty() && self.step_up.is_empty() {
                true => Ok(Judgement::Pass(None, NextNonce::default())),
                false => Err(Rejection::missing_token()),
            },
        }
    }

    /// Judges a request whose token is verified. Inlined, since it is a part of nearly each request.
    #[inline(always)]
    pub(super) fn judge_token<B>(
        &self,
        request: &mut Request<B>,
        token: VerifiedToken,
        carriage: Carriage,
    ) -> Result<Judgement, Rejection> {
        let (token, next_nonce) = match carriage {
            Carriage::Bare => {
                self.check_binding(&token, false)?;
                (token, NextNonce::default())
            }
            Carriage::WithProof => self.check_proof(request, token)?,
            Carriage::ByTicket { is_proved } => {
                self.check_binding(&token, is_proved)?;
                (token, NextNonce::default())
            }
        };
        let live = match &self.guard {
            Some(guard) => self.ask_guard(guard, &token, (&*request).into())?,
            None => None,
        };
        match live {
            Some(live) => Ok(Judgement::Wait(Waiting::Guard(live, token, next_nonce))),
            None => {
                self.check_claims(&token, request)?;
                Ok(Judgement::Pass(Some(token), next_nonce))
            }
        }
    }

    /// Checks that a token which came without a proof of its own may do so.
    #[inline(always)]
    fn check_binding(&self, token: &VerifiedToken, is_proved: bool) -> Result<(), TokenError> {
        match &token.claims().cnf {
            Some(cnf) if !(self.takes_unproven || is_proved && cnf.others().is_empty()) => {
                trace::debug!(
                    "a token that is bound to a key came without a proof, by the scheme Bearer, in a \
                     cookie, or by a ticket that was asked for without one"
                );
                Err(TokenError::Unproven)
            }
            None if self.dpop.is_required_for(token) => {
                trace::debug!(
                    "a token that is not bound to a key came, and its client has to bind its tokens"
                );
                Err(TokenError::Unbound)
            }
            _ => Ok(()),
        }
    }

    /// Checks the proof that came with a token.
    fn check_proof<B>(
        &self,
        request: &mut Request<B>,
        token: VerifiedToken,
    ) -> Result<(VerifiedToken, NextNonce), Rejection> {
        let next_nonce = self.dpop.check(request, &token)?;
        let names_more = |cnf: &Confirmation| !cnf.others().is_empty();
        if !self.takes_unproven && token.claims().cnf.as_ref().is_some_and(names_more) {
            trace::debug!("a token names a key or a certificate besides that of its DPoP proof");
            return Err(TokenError::Unproven.into());
        }
        Ok((token.with_proof(), next_nonce))
    }

    fn ask_guard(
        &self,
        guard: &AnyGuard,
        token: &VerifiedToken,
        request: RequestHead<'_>,
    ) -> Result<Option<LiveFuture>, Rejection> {
        let asks = match guard.admit(token, request) {
            Admission::Admitted => self.check_live,
            Admission::IfLive => true,
            Admission::Ended => return Err(TokenError::SessionEnded.into()),
            Admission::Outdated => return Err(TokenError::Outdated.into()),
            Admission::Unavailable => return Err(Rejection::unavailable()),
            Admission::OfAnotherIssuer => return Ok(None),
        };
        let claims = token.claims();
        if !asks || claims.sid.is_none() {
            return Ok(None);
        }
        // A `sid` that is not a session identifier is of no live session.
        let id = claims.session_id().ok_or(TokenError::SessionEnded)?;
        Ok(Some(guard.is_live(id)))
    }

    /// Judges the request after the guard has answered.
    pub(super) fn judge_live<B>(
        &self,
        request: &Request<B>,
        token: &VerifiedToken,
        live: Result<bool, Unavailable>,
    ) -> Result<(), Rejection> {
        match live {
            Ok(true) => self.check_claims(token, request),
            Ok(false) => Err(TokenError::SessionEnded.into()),
            Err(Unavailable) => Err(Rejection::unavailable()),
        }
    }

    #[inline]
    fn check_claims<B>(
        &self,
        token: &VerifiedToken,
        request: &Request<B>,
    ) -> Result<(), Rejection> {
        if self.refuses_actors {
            token.check_actor()?;
        }
        match self.scopes.is_empty() && self.step_up.is_empty() && self.risk.is_none() {
            true => Ok(()),
            false => self.check_what_is_required(token, request.into()),
        }
    }

    fn check_what_is_required(
        &self,
        token: &VerifiedToken,
        request: RequestHead<'_>,
    ) -> Result<(), Rejection> {
        let claims = token.claims();
        match self.scopes.check(&claims.scope) {
            Err(_) if self.space.metadata().is_some() => {
                // A client that follows the metadata is told all at once what it lacks.
                let least = self.scopes.least(&claims.scope);
                return Err(Rejection::insufficient_scope(&least));
            }
            checked => checked?,
        }
        self.step_up.check(claims, &self.verifier)?;
        match &self.risk {
            Some(RiskHook(hook)) => hook(token, request),
            None => Ok(()),
        }
    }

    /// Puts the token into the extensions, or notes that there is none and removes one that was
    /// there before.
    #[inline]
    pub(super) fn admit(&self, extensions: &mut Extensions, token: Option<VerifiedToken>) {
        self.meter.passed(token.is_some());
        match token {
            Some(token) => {
                let token = self.ways.with_text(token, extensions);
                extensions.insert(token.in_space(&self.space));
            }
            None => {
                extensions.insert(Checked {
                    space: self.space.clone(),
                    schemes: self.dpop.schemes(&HeaderMap::new()),
                });
                extensions.remove::<VerifiedToken>();
            }
        }
    }

    /// Whether the request has a token by a scheme that the layer has to be told of.
    fn is_blind_to_dpop(&self, headers: &HeaderMap) -> bool {
        let by_dpop = || Credentials::of_scheme(headers, &DPOP_SCHEME);
        self.dpop.is_off() && matches!(by_dpop(), Credentials::Token(_))
    }

    /// The response to a refused request.
    pub(super) fn refuse<B>(
        &self,
        rejection: Rejection,
        request: &Request<B>,
    ) -> Response<ReplyBody> {
        self.meter.refused(&rejection);
        let mut rejection = rejection
            .in_space(self.space.clone())
            .with_schemes(self.dpop.schemes(request.headers()))
            .for_request(request.method(), request.headers());
        if self.space.metadata().is_some() {
            rejection = rejection.asking_for(|| self.scopes.least(&Scope::empty()));
        }
        if let Some(ParametersHook(hook)) = &self.parameters {
            let parameters = hook(&rejection, request.headers());
            rejection = rejection.with_parameters(parameters);
        }
        if self.is_blind_to_dpop(request.headers()) {
            trace::debug!(
                "a token came by the scheme DPoP, and this layer was not told of it: \
                 call BearerLayer::dpop"
            );
        }
        let rejection = rejection.logged();
        let mut response = match &self.on_rejection {
            Some(Hook(hook)) => hook(&rejection, request.headers()),
            None => rejection.to_response(),
        };
        rejection.complete(response.headers_mut());
        if request.method() == Method::HEAD {
            // The headers are those of a GET (RFC 9110 §9.3.2). The length has to be set before
            // the body is dropped, as servers would set it to 0.
            let length = HeaderValue::from(std::mem::take(response.body_mut()).len());
            response
                .headers_mut()
                .entry(CONTENT_LENGTH)
                .or_insert(length);
        }
        response.map(ReplyBody::from)
    }
}
