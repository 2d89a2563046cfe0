//! What the servers on axum share: answers, and serving until told to stop.

use std::{future::IntoFuture, net::SocketAddr};

use axum::{
    Router,
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tokio::net::TcpListener;

use super::shared::{
    auth::{self, Failure, ListedSession},
    config::StartError,
    server,
};

/// The answer to `GET /auth/sessions`.
pub(crate) struct Listed(pub(crate) Vec<ListedSession>);

impl IntoResponse for Listed {
    fn into_response(self) -> Response {
        auth::json(StatusCode::OK, &self.0).into_response()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.response().into_response()
    }
}

impl From<BytesRejection> for Failure {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Incomplete,
        }
    }
}

/// The body of a request. It has to be there in time, or whoever likes could keep as many
/// connections as they like.
pub(crate) struct TimelyBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for TimelyBody {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let body = Bytes::from_request(request, state);
        match tokio::time::timeout(auth::BODY_TIMEOUT, body).await {
            Ok(body) => Ok(Self(body?)),
            Err(_) => Err(Failure::Incomplete),
        }
    }
}

/// Answers until told to stop; what is under way then is finished, within limits.
pub(crate) async fn answer(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(async {
        stop.await;
        drop(stopping);
    });
    let out_of_patience = async {
        let _ = stopped.await;
        tokio::time::sleep(server::GRACE).await;
    };
    tokio::select! {
        served = served.into_future() => served.map_err(|error| StartError::new("serve", &error)),
        () = out_of_patience => Ok(()),
    }
}
