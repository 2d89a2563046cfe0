//! What the servers on axum share: answers, and serving until told to stop.

use std::future::IntoFuture;

use axum::{
    Router,
    extract::rejection::BytesRejection,
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
            _ => Self::Malformed,
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
