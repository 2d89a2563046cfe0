//! The calls of the token and revocation endpoints.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use tokio::time;

use tower_bearer::{RefreshToken, claims::Scope, transport::Transport};

use crate::{
    answer::{self, Answer, Reading},
    dpop::{DPOP, ProofChances, Prover, Sent},
    error::{ClientError, ClientErrorKind as Kind},
    identity::ClientIdentity,
    schedule::back_off,
    token_request::{EndpointKind, TokenRequest},
    trace,
};

/// How often a request is sent at most, before the refresh has failed. Where one has failed the next ones
/// send it once, so that a server in trouble gets no more than a request for each pause.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(crate) type Amend = dyn Fn(&mut TokenRequest) + Send + Sync;

/// Where and how tokens are refreshed and revoked.
#[derive(Clone)]
pub(crate) struct Endpoints {
    pub(crate) transport: Transport,
    pub(crate) token: Uri,
    pub(crate) revocation: Option<Uri>,
    pub(crate) identity: ClientIdentity,
    pub(crate) scope: Option<Scope>,
    pub(crate) amend: Option<Arc<Amend>>,
    pub(crate) timeout: Duration,
    pub(crate) answer_limit: usize,
    pub(crate) reading: Reading,
}

impl Endpoints {
    /// Presents the refresh token (RFC 6749 §6). If the answer is lost, the same token is
    /// presented again; after a refresh that has failed, by the next one.
    pub(crate) async fn refresh(
        &self,
        token: &RefreshToken,
        prover: Option<Prover<'_>>,
        follows_failure: bool,
    ) -> Result<Answer, ClientError> {
        let request = || {
            let mut request = TokenRequest::new(EndpointKind::Token);
            request.set_param("grant_type", "refresh_token");
            request.set_param("refresh_token", token.expose());
            if let Some(scope) = &self.scope {
                request.set_param("scope", scope.as_str());
            }
            request
        };
        let read = |response: &Response<Bytes>| {
            answer::refreshed(response, &self.reading, prover.is_some())
        };
        let tries = if follows_failure { 1 } else { TRIES };
        self.send(&self.token, prover, tries, request, read).await
    }

    /// Revokes the refresh token, if there is an endpoint for it (RFC 7009 §2.1). No standard asks for
    /// a proof here, but some servers revoke nothing without one.
    pub(crate) async fn revoke(
        &self,
        token: &RefreshToken,
        prover: Option<Prover<'_>>,
    ) -> Result<(), ClientError> {
        let Some(uri) = &self.revocation else {
            return Ok(());
        };
        let request = || {
            let mut request = TokenRequest::new(EndpointKind::Revocation);
            request.set_param("token", token.expose());
            request.set_param("token_type_hint", "refresh_token");
            request
        };
        self.send(uri, prover, TRIES, request, answer::revoked)
            .await
    }

    fn finish(
        &self,
        mut request: TokenRequest,
        uri: &Uri,
        prover: Option<Prover<'_>>,
    ) -> Result<(Request<Bytes>, Option<Sent>), ClientError> {
        self.identity.add_to(&mut request);
        let proven = prover.map(|prover| prover.prove(uri)).transpose()?;
        let sent = proven.map(|(proof, sent)| {
            request.headers.insert(DPOP, proof);
            sent
        });
        if let Some(amend) = &self.amend {
            amend(&mut request);
        }
        Ok((request.into_request(uri), sent))
    }

    /// Sends the request again after failures that may pass by themselves, so often in all. Each time
    /// it has a proof of its own.
    async fn send<T>(
        &self,
        uri: &Uri,
        prover: Option<Prover<'_>>,
        tries: u32,
        request: impl Fn() -> TokenRequest,
        read: impl Fn(&Response<Bytes>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut tried = 0;
        let mut chances = ProofChances::new();
        loop {
            let (request, sent) = self.finish(request(), uri, prover)?;
            let error = match self.send_once(request).await {
                Ok(response) => {
                    let headers = response.headers();
                    let proof = prover.zip(sent.as_ref());
                    proof.inspect(|(prover, sent)| prover.dpop.hear(sent, headers));
                    let error = match read(&response) {
                        Ok(read) => return Ok(read),
                        Err(error) => error,
                    };
                    let flaw = proof.and_then(|(prover, sent)| prover.flaw(&error, sent, headers));
                    if flaw.is_some_and(|flaw| chances.take(flaw)) {
                        continue;
                    }
                    error
                }
                Err(error) => error,
            };
            tried += 1;
            let told = error.retry_after();
            // If the server asks for a longer pause, the next refresh comes after it.
            let is_told_longer = told > Some(LONGEST_PAUSE);
            if tried >= tries || !error.is_transient() || is_told_longer {
                return Err(error);
            }
            let pause = back_off(tried, FIRST_PAUSE, LONGEST_PAUSE, told);
            trace::debug!(tried, error = %error, "the token endpoint is asked again");
            time::sleep(pause).await;
        }
    }

    async fn send_once(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        let exchange = self.transport.send(request, self.answer_limit);
        match time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer.map_err(ClientError::from),
            Err(_) => Err(Kind::Timeout.into()),
        }
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("token", &self.token)
            .field("revocation", &self.revocation)
            .finish_non_exhaustive()
    }
}
