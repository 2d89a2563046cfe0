//! The decision, apart from HTTP services and futures.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, header::CONTENT_LENGTH};

use crate::{
    claims::VerifiedToken, error::TokenError, realm::Realm, reply::ReplyBody, trace,
    verifier::Verifier,
};

use super::{
    challenge::Rejection,
    cookie::Cookie,
    credentials::{self, Credentials},
    guard::{Admission, AnyGuard, LiveFuture, Unavailable},
    scope::Required,
};

type HookFn = dyn Fn(&Rejection, &HeaderMap) -> Response<Bytes> + Send + Sync;

/// Makes the application's own answer to a refused request.
#[derive(Clone)]
pub(super) struct Hook(pub(super) Arc<HookFn>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// Left in the extensions of each request that the layer lets through without a token, so that
/// an extractor can tell "no token" from "no layer".
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) realm: Realm,
}

#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) verifier: Verifier,
    pub(super) cookie: Cookie,
    pub(super) optional: bool,
    pub(super) required: Required,
    pub(super) realm: Realm,
    pub(super) guard: Option<AnyGuard>,
    pub(super) check_live: bool,
    pub(super) on_rejection: Option<Hook>,
}

/// What becomes of a request whose token, if any, is good.
pub(super) enum Verdict {
    Pass(Option<VerifiedToken>),
    /// The guard is still to be asked whether the session runs.
    AskLive(VerifiedToken, LiveFuture),
}

impl Policy {
    pub(super) fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            cookie: Cookie::default(),
            optional: false,
            required: Required::default(),
            realm: Realm::default(),
            guard: None,
            check_live: false,
            on_rejection: None,
        }
    }

    /// Looks at the credentials for the first time, and keeps them out of what prints or compresses
    /// headers further in. The token, where it is in the `Authorization` header and the verifier
    /// remembers it: all that is left then is to [`judge`](Self::judge).
    pub(super) fn recall(&self, headers: &mut HeaderMap) -> Option<VerifiedToken> {
        self.cookie.mark_sensitive(headers);
        match Credentials::find_and_mark(headers) {
            Credentials::Token(raw) => self.verifier.recall(raw),
            Credentials::Absent | Credentials::Malformed => None,
        }
    }

    /// Judges a request by its head, as far as that can be done at once.
    pub(super) fn judge<B>(
        &self,
        recalled: Option<VerifiedToken>,
        request: &Request<B>,
    ) -> Result<Verdict, Rejection> {
        if self.required.is_malformed() {
            return Err(Rejection::misconfigured());
        }
        let token = match recalled {
            Some(token) => token,
            None => match self.verify(request)? {
                Some(token) => token,
                None => return Ok(Verdict::Pass(None)),
            },
        };
        let live = match &self.guard {
            Some(guard) => self.ask_guard(guard, &token)?,
            None => None,
        };
        match live {
            Some(live) => Ok(Verdict::AskLive(token, live)),
            None => self
                .check_scope(&token)
                .map(|()| Verdict::Pass(Some(token))),
        }
    }

    fn verify<B>(&self, request: &Request<B>) -> Result<Option<VerifiedToken>, Rejection> {
        let (credentials, verify): (_, fn(&Verifier, &str) -> _) =
            match Credentials::find(request.headers()) {
                Credentials::Absent => (self.cookie.find(request)?, Verifier::verify),
                // `recall` has looked for it already.
                in_header => (in_header, Verifier::verify_anew),
            };
        match credentials {
            Credentials::Token(raw) => {
                self.verifier.check_length(raw)?;
                let token = credentials::token(raw).ok_or_else(Rejection::malformed)?;
                Ok(Some(verify(&self.verifier, token)?))
            }
            Credentials::Absent if self.optional && self.required.is_empty() => Ok(None),
            Credentials::Absent => Err(Rejection::missing_token()),
            Credentials::Malformed => Err(Rejection::malformed()),
        }
    }

    fn ask_guard(
        &self,
        guard: &AnyGuard,
        token: &VerifiedToken,
    ) -> Result<Option<LiveFuture>, TokenError> {
        let claims = token.claims();
        if guard.admit(claims) == Admission::Ended {
            return Err(TokenError::Revoked);
        }
        if !self.check_live || claims.sid.is_none() {
            return Ok(None);
        }
        // A session that the guard could not even be asked for is none that runs.
        let id = claims.session_id().ok_or(TokenError::Revoked)?;
        Ok(Some(guard.is_live(id)))
    }

    /// Judges the rest once the guard has answered.
    pub(super) fn judge_live(
        &self,
        token: &VerifiedToken,
        live: Result<bool, Unavailable>,
    ) -> Result<(), Rejection> {
        match live {
            Ok(true) => self.check_scope(token),
            Ok(false) => Err(TokenError::Revoked.into()),
            Err(Unavailable) => Err(Rejection::unavailable()),
        }
    }

    fn check_scope(&self, token: &VerifiedToken) -> Result<(), Rejection> {
        self.required.check(&token.claims().scope)
    }

    /// Leaves in the extensions what was found, and no token that was there before.
    pub(super) fn admit(&self, extensions: &mut Extensions, token: Option<VerifiedToken>) {
        match token {
            Some(token) => drop(extensions.insert(token.in_realm(&self.realm))),
            None => {
                let realm = self.realm.clone();
                extensions.insert(Checked { realm });
                extensions.remove::<VerifiedToken>();
            }
        }
    }

    /// The answer to a request that is refused.
    pub(super) fn refuse<B>(
        &self,
        rejection: Rejection,
        request: &Request<B>,
    ) -> Response<ReplyBody> {
        let rejection = rejection.in_realm(&self.realm);
        trace::debug!(code = ?rejection.code(), cause = ?rejection.cause(), "request refused");
        let mut response = match &self.on_rejection {
            Some(Hook(hook)) => hook(&rejection, request.headers()),
            None => rejection.to_response(),
        };
        rejection.complete(response.headers_mut());
        if request.method() == Method::HEAD {
            // The headers are those of a GET (RFC 9110 §9.3.2), so the length has to be said
            // before the body goes: servers would fill in a 0.
            let length = HeaderValue::from(std::mem::take(response.body_mut()).len());
            response
                .headers_mut()
                .entry(CONTENT_LENGTH)
                .or_insert(length);
        }
        response.map(ReplyBody::from)
    }
}
