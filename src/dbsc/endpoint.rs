//! Registration and refresh as Tower services over any request body. Browsers leave the body empty, and
//! it is not read.

use std::{
    convert::Infallible,
    fmt,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use tower_service::Service;

use super::{binding::DeviceBinding, refresh, registration};
use crate::{
    reply::{ReplyBody, ReplyFuture, ResponseFuture, method_not_allowed},
    session::Sessions,
    store::{AnyStore, SessionStore},
};

/// What a browser asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Registration,
    Refresh,
}

impl DeviceBinding {
    pub(crate) fn respond<St: SessionStore, B>(
        &self,
        step: Step,
        sessions: &Sessions<St>,
        request: Request<B>,
    ) -> ReplyFuture {
        if request.method() != Method::POST {
            return ReplyFuture::ready(method_not_allowed(request.method(), "POST"));
        }
        let (binding, sessions, request) = (self.clone(), sessions.clone(), request.map(drop));
        ReplyFuture::boxed(async move {
            let answer = match step {
                Step::Registration => registration::answer(&binding, &sessions, &request).await,
                Step::Refresh => refresh::answer(&binding, &sessions, &request).await,
            };
            answer.map(ReplyBody::from)
        })
    }
}

/// The endpoint at which a browser registers the key that it has made for a session. Put it at the
/// [registration path](DeviceBinding::registration_path) of its binding.
///
/// | what is wrong | status | `error` |
/// | --- | --- | --- |
/// | the proof or the cookie is missing or malformed, or the proof is for no offer of this session | 400 | `invalid_request` |
/// | the session has ended, is unknown, or is bound to another key | 400 | `invalid_grant` |
/// | the request comes from another origin | 403 | `access_denied` |
/// | the store does not answer, or the server may not know the key of the cookie's token yet | 503 | `temporarily_unavailable` |
///
/// After each of these the browser does not try again, and the session goes on unbound.
///
/// ```
/// use tower_bearer::{dbsc::{DeviceBinding, RegistrationEndpoint}, session::Sessions};
///
/// fn endpoint(sessions: &Sessions, binding: &DeviceBinding) -> RegistrationEndpoint {
///     RegistrationEndpoint::new(sessions.clone(), binding)
/// }
/// ```
pub struct RegistrationEndpoint<St = AnyStore> {
    sessions: Sessions<St>,
    binding: DeviceBinding,
}

/// The endpoint at which a browser proves its key and gets new cookies. Put it at the [refresh
/// path](DeviceBinding::refresh_path) of its binding.
///
/// | what the request has | status | the browser's session |
/// | --- | --- | --- |
/// | a proof of the key and the session's refresh cookie | 200, with the cookies and the next challenge | goes on |
/// | no proof, a wrong one, or one for a challenge that is unknown or too old | 403, with a challenge | goes on, with a proof at once |
/// | the refresh cookie of a session that is over | 401, which removes the cookies | is forgotten |
/// | no refresh cookie, or one whose session is not of this key | 401 | is forgotten |
/// | two refresh cookies, or a malformed one, as somebody may have planted it | 503 | goes on, and tries again |
/// | another origin | 403, without a challenge | |
/// | the store, the hook or a key of the server fails | 503 with `Retry-After`, or 500 | goes on, and tries again |
///
/// Chromium forgets its key, for good, at most other answers, 400 and 429 among them. So let no rate
/// limiter, firewall or check of access tokens answer in front of this endpoint but with 503.
///
/// ```
/// use tower_bearer::{dbsc::{DeviceBinding, RefreshEndpoint}, session::Sessions};
///
/// fn endpoint(sessions: &Sessions, binding: &DeviceBinding) -> RefreshEndpoint {
///     RefreshEndpoint::new(sessions.clone(), binding)
/// }
/// ```
pub struct RefreshEndpoint<St = AnyStore> {
    sessions: Sessions<St>,
    binding: DeviceBinding,
}

macro_rules! endpoint {
    ($name:ident, $step:expr) => {
        impl<St> $name<St> {
            /// An endpoint for these sessions.
            pub fn new(sessions: Sessions<St>, binding: &DeviceBinding) -> Self {
                let binding = binding.clone();
                Self { sessions, binding }
            }
        }

        impl<St> Clone for $name<St> {
            fn clone(&self) -> Self {
                Self {
                    sessions: self.sessions.clone(),
                    binding: self.binding.clone(),
                }
            }
        }

        impl<St> fmt::Debug for $name<St> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        impl<St: SessionStore, B> Service<Request<B>> for $name<St> {
            type Response = Response<ReplyBody>;
            type Error = Infallible;
            type Future = ResponseFuture;

            fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: Request<B>) -> ResponseFuture {
                self.binding.respond($step, &self.sessions, request).into()
            }
        }
    };
}

endpoint!(RegistrationEndpoint, Step::Registration);
endpoint!(RefreshEndpoint, Step::Refresh);
