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
    context::RequestContext,
    cookie::{CrossOrigin, Found},
    error::ErrorCode,
    reply::{self, Pause},
    session::{KeyProof, RefreshRequest, Refusal, SessionError, SessionErrorKind, Sessions},
    store::SessionStore,
    token::RefreshToken,
    trace,
};

/// Why a refresh brings no cookie.
enum Refused {
    /// The browser has no session for which this key is good. It forgets the key.
    NotItsKey,
    /// The session is over. The browser forgets the key and removes the cookies, so that pages learn
    /// it.
    Over,
    CrossOrigin,
    /// There are two cookies of the name, one of which somebody else may have planted. It is tried
    /// again once that is gone.
    Planted,
    /// The store, the hook or a key of the server: it is tried again.
    Failed(SessionError),
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        match error.kind() {
            SessionErrorKind::InvalidGrant(Refusal::Unproven | Refusal::UnprovenDevice) => {
                Self::NotItsKey
            }
            SessionErrorKind::InvalidGrant(_) => Self::Over,
            _ => Self::Failed(error),
        }
    }
}

impl Refused {
    fn into_response(self, binding: &DeviceBinding) -> Response<Bytes> {
        match self {
            Self::CrossOrigin => {
                reply::error(ErrorCode::CrossOrigin, ErrorCode::CrossOrigin.description())
            }
            Self::Planted => reply::error_because(
                ErrorCode::TemporarilyUnavailable,
                "the cookie is repeated or malformed",
                None,
                Pause::Second,
            ),
            Self::Failed(error) => error.to_response(),
            Self::NotItsKey => forget("the session is not of this key"),
            Self::Over => {
                let mut response = forget("the session is over");
                binding.cookie().clear().append_to(response.headers_mut());
                response
            }
        }
    }
}

/// The answer at which a browser forgets its key.
fn forget(description: &'static str) -> Response<Bytes> {
    trace::debug!(description, "a device is told to forget its key");
    let mut response = reply::error(ErrorCode::InvalidGrant, description);
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

pub(super) async fn answer<St: SessionStore, B>(
    binding: &DeviceBinding,
    sessions: &Sessions<St>,
    request: &Request<B>,
) -> Response<Bytes> {
    match Asked::read(binding, request) {
        Ok(asked) => match asked.proof(binding, request) {
            Some(proof) => {
                asked
                    .refresh(binding, sessions, proof, request.into())
                    .await
            }
            None => Ok(asked.challenged(binding)),
        }
        .unwrap_or_else(|refused| refused.into_response(binding)),
        Err(refused) => refused.into_response(binding),
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
        let token = match binding.cookie().find(request) {
            Ok(Found::Absent) => return Err(Refused::NotItsKey),
            Err(CrossOrigin) => return Err(Refused::CrossOrigin),
            Ok(Found::Malformed) => return Err(Refused::Planted),
            Ok(Found::Token(token)) => token,
        };
        let own = binding.reader().read(token)?.ok_or(Refused::NotItsKey)?;
        let named = field::only(request.headers(), &field::SESSION_ID, identifier::MAX_BYTES);
        let named = named
            .ok()
            .flatten()
            .and_then(|named| Identifier::read(named, binding.provider()));
        let identifier = named.ok_or(Refused::NotItsKey)?;
        let is_bound = own.bound_to == Some(proof::thumbprint(&identifier.key));
        match is_bound || identifier.is_vouched(binding.sealer(), own.session) {
            true => Ok(Self {
                identifier,
                session: own.session,
                token: RefreshToken::new(token),
                is_bound,
            }),
            false => Err(Refused::NotItsKey),
        }
    }

    /// The evidence that the key is there, if there is a proof for a challenge that is not too old. A
    /// browser with a wrong one gets another challenge, like one with none.
    fn proof<B>(&self, binding: &DeviceBinding, request: &Request<B>) -> Option<KeyProof> {
        let proof = Proof::read(
            request.headers(),
            binding.provider(),
            Some(&self.identifier.key),
        );
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

    /// Binds the session, if it is not bound yet and the key was registered a short while ago. A key
    /// that somebody has registered at the login and kept must not bind it later.
    async fn bind<St: SessionStore>(
        &self,
        binding: &DeviceBinding,
        sessions: &Sessions<St>,
        proof: &KeyProof,
        context: &RequestContext,
    ) -> Result<(), Refused> {
        let (sealer, longest) = (binding.sealer(), binding.binding_time());
        if self.identifier.is_younger(sealer, longest) {
            let address = context.address();
            sessions.bind_from(self.session, proof, address).await?;
        } else if !sessions.is_bound_to(self.session, proof).await? {
            return Err(Refused::NotItsKey);
        }
        Ok(())
    }

    async fn refresh<St: SessionStore>(
        self,
        binding: &DeviceBinding,
        sessions: &Sessions<St>,
        proof: KeyProof,
        context: RequestContext,
    ) -> Result<Response<Bytes>, Refused> {
        if !self.is_bound {
            self.bind(binding, sessions, &proof, &context).await?;
        }
        let request = RefreshRequest::new(self.token)
            .proof(proof)
            .context(context);
        let refreshed = sessions.refresh(request).await?;
        let cookies = binding.cookie().set_refreshed(&refreshed)?;
        let mut response = binding.config(self.session, self.identifier.text);
        cookies.append_to(response.headers_mut());
        Ok(response)
    }
}
