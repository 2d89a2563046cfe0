//! Refresh: a browser proves its key and gets a new access cookie.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::WWW_AUTHENTICATE};

use super::{
    binding::DeviceBinding,
    field,
    identifier::{self, Identifier},
    proof::{self, Proof},
};
use crate::{
    claims::SessionId,
    cookie::Found,
    error::ErrorCode,
    reply,
    session::{KeyProof, RefreshRequest, SessionError, SessionErrorKind, Sessions},
    store::SessionStore,
    token::RefreshToken,
    trace,
};

/// Why a refresh brings no cookie.
enum Refused {
    /// The session is over, for this browser at least: it forgets its key.
    Over,
    CrossOrigin,
    /// The store, the hook or a key of the server: it is tried again.
    Failed(SessionError),
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        match error.kind() {
            SessionErrorKind::InvalidGrant(_) => Self::Over,
            _ => Self::Failed(error),
        }
    }
}

impl Refused {
    fn into_response(self) -> Response<Bytes> {
        match self {
            Self::CrossOrigin => {
                reply::error(ErrorCode::CrossOrigin, ErrorCode::CrossOrigin.description())
            }
            Self::Failed(error) => error.to_response(),
            Self::Over => {
                trace::debug!("a device's session is over");
                let mut response = reply::error(ErrorCode::InvalidGrant, "the session is over");
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                let challenge = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                response
            }
        }
    }
}

pub(super) async fn answer<St: SessionStore, B>(
    binding: &DeviceBinding,
    sessions: &Sessions<St>,
    request: &Request<B>,
) -> Response<Bytes> {
    match Asked::read(binding, request) {
        Ok(asked) => match asked.proof(binding, request) {
            Some(proof) => asked.refresh(binding, sessions, proof).await,
            None => Ok(asked.challenged(binding)),
        }
        .unwrap_or_else(Refused::into_response),
        Err(refused) => refused.into_response(),
    }
}

/// What a browser asks to refresh.
struct Asked<'a> {
    identifier: Identifier<'a>,
    session: SessionId,
    token: RefreshToken,
    /// Whether the refresh token says already that the session is bound to this key.
    is_bound: bool,
}

impl<'a> Asked<'a> {
    /// The session whose refresh cookie came along, if its key is the one that the browser names. That of
    /// another login has taken the place of the cookie otherwise, or nobody is logged in any more.
    fn read<B>(binding: &DeviceBinding, request: &'a Request<B>) -> Result<Self, Refused> {
        let cookie = binding.cookie();
        let token = match cookie.find(request.headers()) {
            Found::Absent => return Err(Refused::Over),
            _ if !cookie.origins().admits(request) => return Err(Refused::CrossOrigin),
            Found::Malformed => return Err(Refused::Over),
            Found::Token(token) => token,
        };
        let own = binding.reader().read(token).ok_or(Refused::Over)?;
        let named = field::only(request.headers(), &field::SESSION_ID, identifier::MAX_BYTES);
        let named = named.ok().flatten().and_then(Identifier::read);
        let identifier = named.ok_or(Refused::Over)?;
        let is_bound = own.bound_to == Some(proof::thumbprint(&identifier.key));
        match is_bound || identifier.is_vouched(binding.sealer(), own.session) {
            true => Ok(Self {
                identifier,
                session: own.session,
                token: RefreshToken::new(token),
                is_bound,
            }),
            false => Err(Refused::Over),
        }
    }

    /// The evidence that the key is there, if there is a proof for a challenge that is not too old. A
    /// browser with a wrong one gets another challenge, like one with none.
    fn proof<B>(&self, binding: &DeviceBinding, request: &Request<B>) -> Option<KeyProof> {
        let proof = Proof::read(request.headers(), Some(&self.identifier.key));
        let proof = proof.ok().flatten()?;
        let longest = binding.challenge_lifetime();
        let is_fresh = proof.answers(binding.sealer(), self.session, longest);
        is_fresh.then(|| proof.of_key())
    }

    fn challenged(&self, binding: &DeviceBinding) -> Response<Bytes> {
        let code = ErrorCode::DeviceBound;
        let mut response = reply::error(code, "sign the challenge");
        binding.challenge(self.session, self.identifier.text, response.headers_mut());
        response
    }

    async fn refresh<St: SessionStore>(
        self,
        binding: &DeviceBinding,
        sessions: &Sessions<St>,
        proof: KeyProof,
    ) -> Result<Response<Bytes>, Refused> {
        if !self.is_bound {
            sessions.bind(self.session, &proof).await?;
        }
        let request = RefreshRequest::new(self.token).proof(proof);
        let refreshed = sessions.refresh(request).await?;
        let cookies = binding.cookie().set_refreshed(&refreshed)?;
        let mut response = binding.config(self.session, self.identifier.text);
        cookies.append_to(response.headers_mut());
        Ok(response)
    }
}
