//! The login of a session that is bound to a key, which the program sends itself.

use http::{HeaderValue, Method, Response, Uri};

use tower_bearer::{claims::KeyThumbprint, json};

use crate::{
    challenge::{self, Blame},
    dpop::{Flaw, Key, Place, ProofChances, Sent, Target},
    error::ClientError,
    new_tokens::NewTokens,
    origin::Origin,
    session::ClientSession,
};

/// A login that proves a key, to which the session is then bound (RFC 9449 §5).
/// [`ClientSession::dpop_login`] begins it.
///
/// Requests of the login that have to be proven, such as the one that brings the tokens, have a
/// [`proof`](Self::proof) each. A server may ask for another one, so the program sends a request in a
/// loop, which [`retry`](Self::retry) ends.
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Method, Request, Response, Uri};
/// # use tower_bearer_client::{ClientSession, NewTokens};
/// # async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, std::io::Error> {
/// #     Ok(Response::new(Bytes::new()))
/// # }
/// async fn log_in(session: &ClientSession) -> Result<(), Box<dyn std::error::Error>> {
///     let uri = Uri::from_static("https://id.example/login");
///     let mut login = session.dpop_login()?;
///     let answer = loop {
///         let request = Request::post(&uri).header("dpop", login.proof(&Method::POST, &uri)?);
///         let answer = send(request.body("anna's password".into())?).await?;
///         if !login.retry(&answer) {
///             break answer;
///         }
///     };
///     Ok(login.sign_in(NewTokens::from_json(answer.body())?).await?)
/// }
/// ```
#[derive(Debug)]
pub struct DpopLogin {
    session: ClientSession,
    key: Key,
    /// The proof that was made last.
    sent: Option<Sent>,
    chances: ProofChances,
}

impl ClientSession {
    /// Begins a login that binds the session to a key: to a new one with
    /// [`dpop`](crate::ClientSessionBuilder::dpop), and to the program's own with
    /// [`dpop_key`](crate::ClientSessionBuilder::dpop_key). Nothing is sent, and a session that runs
    /// goes on until the login [signs in](DpopLogin::sign_in).
    ///
    /// # Errors
    ///
    /// [`Proof`](crate::ClientErrorKind::Proof) if the session was built with neither, or if a key
    /// could not be made.
    pub fn dpop_login(&self) -> Result<DpopLogin, ClientError> {
        let key = self.shared().dpop.login_key()?;
        let no_key = || ClientError::no_proof("the session was built without one");
        Ok(DpopLogin {
            session: self.clone(),
            key: key.ok_or_else(no_key)?,
            sent: None,
            chances: ProofChances::new(),
        })
    }
}

impl DpopLogin {
    /// The thumbprint of the key, for the parameter `dpop_jkt` of an authorization request (RFC 9449
    /// §10).
    pub fn jkt(&self) -> &KeyThumbprint {
        self.key.thumbprint()
    }

    /// The value of the header `DPoP`, for one request with this method to this absolute URL.
    ///
    /// # Errors
    ///
    /// [`Proof`](crate::ClientErrorKind::Proof) if the URL is not absolute or the key does not sign.
    pub fn proof(&mut self, method: &Method, uri: &Uri) -> Result<HeaderValue, ClientError> {
        let shared = self.session.shared();
        let target = Target {
            place: &self.place_of(uri),
            method,
            uri,
            access_token: None,
        };
        let (proof, sent) = shared.dpop.prove(&self.key, target, shared.clock.now())?;
        self.sent = Some(sent);
        Ok(proof)
    }

    /// Takes the answer to the request with the last [`proof`](Self::proof), remembers the nonce in
    /// it, and tells whether the request should be sent once more with a new proof. That is so if the
    /// server has refused the proof for a nonce that was missing (RFC 9449 §8), or for a clock that is
    /// wrong here. Each of the two counts once for a login, so that no server has a request repeated
    /// again and again.
    pub fn retry<B: AsRef<[u8]>>(&mut self, answer: &Response<B>) -> bool {
        let Some(sent) = &self.sent else {
            return false;
        };
        let shared = self.session.shared();
        shared.dpop.hear(sent, answer.headers());
        flaw(answer).is_some_and(|flaw| {
            let now = shared.clock.now();
            shared.dpop.can_mend(flaw, sent, answer.headers(), now) && self.chances.take(flaw)
        })
    }

    /// Begins a session with the tokens that the login has brought, as
    /// [`ClientSession::sign_in`] does, and binds it to the key of this login. If the tokens could not
    /// be saved, it can be called again.
    ///
    /// # Errors
    ///
    /// Those of [`ClientSession::sign_in`].
    pub async fn sign_in(&self, tokens: impl Into<NewTokens>) -> Result<(), ClientError> {
        let key = Some(self.key.clone());
        self.session.sign_in_with(tokens.into(), key).await
    }

    /// Most logins are at the server of the token endpoint.
    fn place_of(&self, uri: &Uri) -> Place {
        match Origin::of(uri) {
            Ok(origin) if !origin.is_of(&self.session.shared().endpoints.token) => {
                Place::Api(origin)
            }
            _ => Place::TokenEndpoint,
        }
    }
}

/// What is wrong with the proof: a token endpoint says it in the body, and an API in a challenge.
fn flaw<B: AsRef<[u8]>>(answer: &Response<B>) -> Option<Flaw> {
    if !answer.status().is_client_error() {
        return None;
    }
    if let Some(Blame::Proof(flaw)) = challenge::blame(answer.headers(), true) {
        return Some(flaw);
    }
    let members = json::object(answer.body().as_ref()).ok()?;
    Flaw::named(members.get("error")?.as_str()?.as_bytes())
}
