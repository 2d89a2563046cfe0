//! The proof of a login, which the program sends itself.

use http::{HeaderValue, Method, Response, Uri};

use tower_bearer::{claims::KeyThumbprint, json};

use crate::{
    challenge::{self, Blame},
    dpop::{Flaw, Key, Place, Target},
    error::ClientError,
    origin::Origin,
    session::ClientSession,
};

impl ClientSession {
    /// The value of the header `DPoP` for a login, or any other request that brings the tokens to
    /// [`sign_in`](Self::sign_in) with (RFC 9449 §5). It proves the key that the session will be
    /// bound to. Each proof is for one request with this method to this absolute URL.
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
    ///     let request = || {
    ///         let proof = session.dpop_proof(&Method::POST, &uri)?;
    ///         let request = Request::post(&uri).header("dpop", proof);
    ///         Ok::<_, Box<dyn std::error::Error>>(request.body(Bytes::from("anna's password"))?)
    ///     };
    ///     let mut answer = send(request()?).await?;
    ///     if session.dpop_retry(&uri, &answer) {
    ///         answer = send(request()?).await?;
    ///     }
    ///     Ok(session.sign_in(NewTokens::from_json(answer.body())?).await?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Proof`](crate::ClientErrorKind::Proof) if the key does not sign, or if the session was built
    /// with neither [`dpop`](crate::ClientSessionBuilder::dpop) nor
    /// [`dpop_key`](crate::ClientSessionBuilder::dpop_key).
    pub fn dpop_proof(&self, method: &Method, uri: &Uri) -> Result<HeaderValue, ClientError> {
        let key = self.required_login_key()?;
        let target = Target {
            place: &self.place_of_login(uri),
            method,
            uri,
            access_token: None,
        };
        let shared = self.shared();
        let (proof, _) = shared.dpop.prove(&key, target, shared.clock.now())?;
        Ok(proof)
    }

    /// Takes the answer to a request with a [`dpop_proof`](Self::dpop_proof) to this URL, remembers
    /// the nonce in it, and tells whether the request should be sent once more with a new proof. That
    /// is so if the server has refused the proof for a nonce that was missing (RFC 9449 §8), or for a
    /// clock that is wrong here. Ask this once for each login, so that no server has it repeated
    /// again and again.
    pub fn dpop_retry<B: AsRef<[u8]>>(&self, uri: &Uri, answer: &Response<B>) -> bool {
        let shared = self.shared();
        let sent = shared.dpop.last_sent(self.place_of_login(uri));
        shared.dpop.hear(&sent, answer.headers());
        flaw(answer).is_some_and(|flaw| {
            let now = shared.clock.now();
            shared.dpop.can_mend(flaw, &sent, answer.headers(), now)
        })
    }

    /// The thumbprint of the key that the next session will be bound to, for the parameter `dpop_jkt`
    /// of an authorization request (RFC 9449 §10).
    ///
    /// # Errors
    ///
    /// Those of [`dpop_proof`](Self::dpop_proof).
    pub fn dpop_jkt(&self) -> Result<KeyThumbprint, ClientError> {
        Ok(self.required_login_key()?.thumbprint().clone())
    }

    fn required_login_key(&self) -> Result<Key, ClientError> {
        let key = self.shared().dpop.login_key()?;
        key.ok_or_else(|| ClientError::no_proof("the session was built without one"))
    }

    /// Most logins are at the server of the token endpoint.
    fn place_of_login(&self, uri: &Uri) -> Place {
        match Origin::of(uri) {
            Ok(origin) if !origin.is_of(&self.shared().endpoints.token) => Place::Api(origin),
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
