//! Registration: a browser shows the key that it has made for a session.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use super::{binding::DeviceBinding, identifier, proof::Proof};
use crate::{
    claims::SessionId,
    cookie::{CrossOrigin, Found, SetCookies},
    error::ErrorCode,
    reply,
    session::{SessionError, Sessions},
    store::SessionStore,
    trace,
};

/// What is left of the access cookie's life after a registration. Below two minutes Chromium refreshes
/// beside the next request, and that refresh binds the session.
const UNTIL_FIRST_REFRESH: Duration = Duration::from_secs(60);

/// Answers a registration. It writes nothing: the session is bound by the first refresh, when it is
/// certain that the browser has got this answer and kept its key.
pub(super) async fn answer<St: SessionStore, B>(
    binding: &DeviceBinding,
    sessions: &Sessions<St>,
    request: &Request<B>,
) -> Response<Bytes> {
    match register(binding, sessions, request).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(),
    }
}

/// Why a device cannot be registered.
enum Refused {
    /// The request is at fault.
    Request(ErrorCode, &'static str),
    /// The session is not to be bound to this key, or that cannot be told now.
    Session(SessionError),
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self::Request(code, code.description())
    }
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl Refused {
    fn into_response(self) -> Response<Bytes> {
        match self {
            Self::Request(code, description) => {
                trace::debug!(description, "a device cannot be registered");
                reply::error(code, description)
            }
            Self::Session(error) => {
                trace::debug!(%error, "a device cannot be registered");
                error.to_response()
            }
        }
    }
}

fn refused(description: &'static str) -> Refused {
    Refused::Request(ErrorCode::InvalidRequest, description)
}

async fn register<St: SessionStore, B>(
    binding: &DeviceBinding,
    sessions: &Sessions<St>,
    request: &Request<B>,
) -> Result<Response<Bytes>, Refused> {
    let headers = request.headers();
    let token = match binding.cookie().find(request) {
        Ok(Found::Absent) => return Err(refused("the refresh cookie is missing")),
        Err(CrossOrigin) => return Err(ErrorCode::CrossOrigin.into()),
        Ok(Found::Malformed) => return Err(refused("the cookie is repeated or malformed")),
        Ok(Found::Token(token)) => token,
    };
    let own = binding.reader().read(token)?;
    let session = own.ok_or(ErrorCode::InvalidGrant)?.session;
    let proof = Proof::read(headers, binding.provider(), None);
    let proof = proof.map_err(|_| refused("the proof is malformed"))?;
    let proof = proof.ok_or(refused("the proof is missing"))?;
    let sealer = binding.sealer();
    if !proof.takes_offer(sealer, session, binding.offer_lifetime())
        || !proof.answers(
            sealer,
            session,
            binding.challenge_lifetime().max(binding.offer_lifetime()),
        )
    {
        return Err(refused("the proof is for no offer of this session"));
    }
    let identifier = identifier::write(sealer, session, &proof.key);
    let identifier = identifier.ok_or(refused("the proof has no key"))?;
    sessions.is_bound_to(session, &proof.of_key()).await?;
    let mut response = binding.config(session, &identifier);
    if let Some(cookie) = for_a_while(binding, sessions, session, headers) {
        cookie.append_to(response.headers_mut());
    }
    Ok(response)
}

/// The access cookie that the browser has, until its first refresh. A token of another session, or one
/// that is not good, is left as it is.
fn for_a_while<St: SessionStore>(
    binding: &DeviceBinding,
    sessions: &Sessions<St>,
    session: SessionId,
    headers: &HeaderMap,
) -> Option<SetCookies> {
    let Found::Token(token) = binding.access().find_in(headers) else {
        return None;
    };
    let now = binding.sealer().now();
    let verified = sessions.verifier().verify_at(token, now).ok()?;
    let claims = verified.claims();
    let left = claims.exp.saturating_since(now).min(UNTIL_FIRST_REFRESH);
    let is_own = claims.session_id() == Some(session) && !left.is_zero();
    let set = || binding.access().set_for(token, left).ok();
    is_own.then(set).flatten()
}
