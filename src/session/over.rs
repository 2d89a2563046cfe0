use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::timeout;

use super::{
    Sessions,
    race::{first, or_never},
};
use crate::{
    claims::VerifiedToken,
    clock::{Clock, SystemClock},
    store::SessionStore,
};

/// Why a response or a connection that an access token has opened has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverReason {
    /// The access token has expired. A client that wants to go on shows a new one.
    Expired,
    /// The session was ended: by a logout, a revocation or a reuse.
    Ended,
    /// The user's access tokens [were expired](super::Sessions::expire_access_tokens), as their roles have changed.
    /// The session goes on: a client that wants to go on refreshes, and shows the new access token.
    Outdated,
}

/// The future of [`Sessions::over`]. It must not be polled again after it was ready.
#[must_use = "it does nothing unless it is awaited"]
pub struct SessionOver(Pin<Box<dyn Future<Output = OverReason> + Send + Sync>>);

impl Future for SessionOver {
    type Output = OverReason;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<OverReason> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for SessionOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionOver")
    }
}

impl<St: SessionStore> Sessions<St> {
    /// A future that is ready when an access token no longer opens anything: when it has expired, or
    /// when this process learns that its session was ended or that the user's access tokens
    /// [were expired](Self::expire_access_tokens), by itself or from the [feed](Self::follow). It is for what lives longer than a request: WebSockets, server-sent events,
    /// streams of gRPC, long downloads. The layer has checked the token when they began, and does not do so
    /// again.
    ///
    /// ```
    /// use tower_bearer::{VerifiedToken, session::Sessions};
    ///
    /// # struct Socket;
    /// # impl Socket {
    /// #     async fn close(self, why: &str) {}
    /// # }
    /// # async fn serve(socket: &mut Socket) {}
    /// async fn talk(sessions: Sessions, token: VerifiedToken, mut socket: Socket) {
    ///     let over = sessions.over(&token);
    ///     tokio::select! {
    ///         () = serve(&mut socket) => {}
    ///         reason = over => socket.close(&format!("{reason:?}")).await,
    ///     }
    /// }
    /// ```
    ///
    /// Without a new token, everything ends after an access lifetime at the latest. A client that holds its
    /// connection for longer sends a new token over it; verify that, and let its future take the place of the
    /// old one.
    ///
    /// A token of another issuer, or without a session, is over when it expires. The system's clock counts, and
    /// no leeway: a token that the layer has accepted within its leeway is over at once. That a key was
    /// retired is not noticed before the token expires. While the feed is behind, what is open goes on.
    ///
    /// The future does not keep the sessions alive, and a few bytes of those that were dropped are removed as
    /// others are made. It needs a tokio runtime with its time driver when it is polled.
    pub fn over(&self, token: &VerifiedToken) -> SessionOver {
        let claims = token.claims();
        let ours = claims.iss == self.0.issuer.issuer();
        let session = claims.session_id().filter(|_| ours);
        let expires = claims.exp;
        let ended = or_never(session.map(|id| self.0.ended.end_of(id)));
        let outdated = or_never(ours.then(|| self.0.outdated.end_of(claims)));
        SessionOver(Box::pin(async move {
            let left = expires.saturating_since(SystemClock.now());
            let ended = async {
                ended.await;
                OverReason::Ended
            };
            let outdated = async {
                outdated.await;
                OverReason::Outdated
            };
            // An end is told first, as it says more.
            let told = first(ended, outdated);
            timeout(left, told).await.unwrap_or(OverReason::Expired)
        }))
    }
}
