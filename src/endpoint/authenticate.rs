//! Client authentication: checks the secret of an OAuth client (RFC 6749 §2.3).

use std::{error::Error as StdError, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{
    client::{ClientCredentials, ClientSecret},
    error_reply::ErrorReply,
};
use crate::{
    error::{BoxError, ErrorCode},
    trace,
};

/// How long the application's check of a secret may take.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// What a check of client secrets may return: a `bool` (`false` refuses), or a `Result` of one if
/// the check itself can fail. An error is answered with a 503 and is no refusal.
#[diagnostic::on_unimplemented(
    message = "a check of client secrets cannot return `{Self}`",
    label = "neither `bool` nor `Result<bool, _>`",
    note = "return `bool`, or `Result<bool, E>` with an error that goes into a \
            `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoClientDecision {
    /// Whether the secret is the client's.
    ///
    /// # Errors
    ///
    /// If the application cannot tell right now.
    fn into_client_decision(self) -> Result<bool, Box<dyn StdError + Send + Sync>>;
}

impl IntoClientDecision for bool {
    fn into_client_decision(self) -> Result<bool, BoxError> {
        Ok(self)
    }
}

impl<E: Into<BoxError>> IntoClientDecision for Result<bool, E> {
    fn into_client_decision(self) -> Result<bool, BoxError> {
        self.map_err(Into::into)
    }
}

type DecisionFuture = Pin<Box<dyn Future<Output = Result<bool, BoxError>> + Send>>;
type Check = dyn Fn(String, ClientSecret) -> DecisionFuture + Send + Sync;

/// How clients authenticate: the check of their secrets, if there is one, and whether each client
/// must have a secret.
#[derive(Clone, Default)]
pub(super) struct Authentication {
    check: Option<Arc<Check>>,
    required: bool,
}

impl Authentication {
    pub(super) fn check<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoClientDecision> + Send + 'static,
    {
        self.check = Some(Arc::new(move |id, secret| {
            let decision = check(id, secret);
            Box::pin(async move { decision.await.into_client_decision() })
        }));
        self
    }

    pub(super) fn require(mut self) -> Self {
        self.required = true;
        self
    }

    /// The value of `token_endpoint_auth_methods_supported` in the metadata (RFC 8414 §2).
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match (self.required, &self.check) {
            (true, _) => &["client_secret_basic", "client_secret_post"],
            (false, Some(_)) => &["none", "client_secret_basic", "client_secret_post"],
            (false, None) => &["none"],
        }
    }

    /// Whether the secret of any client is checked.
    pub(super) fn is_checked(&self) -> bool {
        self.check.is_some()
    }

    /// The identifier of a client whose secret is right.
    pub(super) async fn authenticate(
        &self,
        client: ClientCredentials,
    ) -> Result<String, ErrorReply> {
        let (Some(id), Some(secret)) = (client.id, client.secret) else {
            return Err(ErrorCode::InvalidClient.into());
        };
        match self.accepts(&id, secret).await? {
            true => Ok(id),
            false => Err(ErrorCode::InvalidClient.into()),
        }
    }

    /// The client's identifier, if it gave one, after its secret is checked. If there is no check,
    /// a secret is refused, since its sender believes that it is checked.
    pub(super) async fn identify(
        &self,
        client: ClientCredentials,
    ) -> Result<Option<String>, ErrorReply> {
        if client.secret.is_none() && !self.required {
            return Ok(client.id);
        }
        self.authenticate(client).await.map(Some)
    }

    async fn accepts(&self, id: &str, secret: ClientSecret) -> Result<bool, ErrorCode> {
        let Some(check) = &self.check else {
            return Ok(false);
        };
        let decision = tokio::time::timeout(CHECK_TIMEOUT, check(id.to_owned(), secret)).await;
        let decision = decision.map_err(BoxError::from).flatten();
        decision.map_err(|_error| {
            trace::warn!(
                error = &*_error as &(dyn StdError + 'static),
                "a client secret could not be checked"
            );
            // Not a 401: a client may discard its secret when it is told that it is wrong.
            ErrorCode::TemporarilyUnavailable
        })
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("checked", &self.check.is_some())
            .field("required", &self.required)
            .finish()
    }
}
