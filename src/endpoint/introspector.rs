//! Who asks the introspection endpoint, and which tokens they may ask about (RFC 7662 §2.1 and §4).

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};

use super::{
    authenticate::{Authentication, CHECK_TIMEOUT},
    client::ClientCredentials,
    error_reply::ErrorReply,
};
use crate::{
    error::{BoxError, ErrorCode},
    session::LiveToken,
    token::AccessToken,
    trace,
};

type AudienceFuture = Pin<Box<dyn Future<Output = Result<Option<String>, BoxError>> + Send>>;
type Check = dyn Fn(AccessToken) -> AudienceFuture + Send + Sync;

/// The resource servers that may ask.
#[derive(Clone, Default)]
pub(super) struct Introspectors {
    /// The client that a resource server authenticates as, and its audience.
    named: Vec<(String, String)>,
    /// The check of bearer tokens that resource servers authenticate with.
    check: Option<Arc<Check>>,
}

/// Somebody who may ask. It has a name at least, as whoever asks has authenticated by one.
pub(super) struct Introspector {
    client_id: Option<String>,
    audiences: Vec<String>,
}

impl Introspectors {
    pub(super) fn add(&mut self, client_id: String, audience: String) {
        self.named.push((client_id, audience));
    }

    pub(super) fn check<F, Fut, E>(&mut self, check: F)
    where
        F: Fn(AccessToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<String>, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.check = Some(Arc::new(move |token| {
            let audience = check(token);
            Box::pin(async move { audience.await.map_err(Into::into) })
        }));
    }

    /// The value of `introspection_endpoint_auth_methods_supported` in the metadata (RFC 8414 §2).
    /// `None` if nobody may ask.
    pub(super) fn methods(&self, clients: &Authentication) -> Option<Vec<&'static str>> {
        let mut methods = Vec::new();
        if clients.is_checked() {
            methods.extend(["client_secret_basic", "client_secret_post"]);
        }
        if self.check.is_some() {
            methods.push("Bearer");
        }
        Some(methods).filter(|methods| !methods.is_empty())
    }

    /// Authenticates whoever sent the request.
    pub(super) async fn identify(
        &self,
        headers: &HeaderMap,
        client: ClientCredentials,
        clients: &Authentication,
    ) -> Result<Introspector, ErrorReply> {
        if let (Some(check), Some(token)) = (&self.check, bearer(headers)) {
            let audience = audience(check(token)).await?;
            return Ok(Introspector {
                client_id: None,
                audiences: vec![audience],
            });
        }
        let id = clients.authenticate(client).await?;
        let own = self.named.iter().filter(|(client, _)| *client == id);
        Ok(Introspector {
            audiences: own.map(|(_, audience)| audience.clone()).collect(),
            client_id: Some(id),
        })
    }
}

async fn audience(check: AudienceFuture) -> Result<String, ErrorReply> {
    let audience = tokio::time::timeout(CHECK_TIMEOUT, check).await;
    match audience.map_err(BoxError::from).flatten() {
        Ok(Some(audience)) => Ok(audience),
        Ok(None) => Err(ErrorCode::InvalidToken.into()),
        Err(_error) => {
            trace::warn!(
                error = &*_error as &(dyn std::error::Error + 'static),
                "the token of a resource server could not be checked"
            );
            Err(ErrorCode::TemporarilyUnavailable.into())
        }
    }
}

/// The bearer token of the one `Authorization` header, if it has one.
fn bearer(headers: &HeaderMap) -> Option<AccessToken> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then(|| AccessToken::new(token.trim_ascii()))
}

impl Introspector {
    /// The recipient of a signed answer (RFC 9701 §5).
    pub(super) fn name(&self) -> &str {
        let audience = self.audiences.first().map(String::as_str);
        self.client_id.as_deref().or(audience).unwrap_or_default()
    }

    /// A client sees the tokens that were issued to it, and a resource server the access tokens that
    /// are for it. To all others a token is as good as none (RFC 7662 §4).
    pub(super) fn may_see(&self, token: &LiveToken) -> bool {
        let is_own =
            |client: &Option<String>| self.client_id.is_some() && self.client_id == *client;
        match token {
            LiveToken::Refresh(session) => is_own(&session.client_id),
            LiveToken::Access(access) => {
                let claims = access.claims();
                let mut audiences = self.audiences.iter();
                is_own(&claims.client_id) || audiences.any(|audience| claims.aud.contains(audience))
            }
        }
    }
}

impl fmt::Debug for Introspectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspectors")
            .field("named", &self.named)
            .field("checked", &self.check.is_some())
            .finish()
    }
}
