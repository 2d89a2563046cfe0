//! What an administrator sees: the sessions of any user, each of which they can end.

use axum::{
    Router,
    extract::{FromRef, Path, State},
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use http::StatusCode;
use tower_bearer::{Scope, bearer::BearerLayer, context::RequestContext, session::EndRequest};

use crate::shared::auth::{self, Auth, Failure};

const ADMIN: Scope = Scope::from_static("admin");

pub(crate) fn router<S>(bearer: &BearerLayer) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Auth: FromRef<S>,
{
    Router::new()
        .route("/admin/users/{user}/sessions", get(list))
        .route("/admin/users/{user}/sessions/{sid}", delete(end))
        .route_layer(bearer.clone().require_scope(ADMIN))
}

async fn list(State(auth): State<Auth>, Path(user): Path<String>) -> Result<Response, Failure> {
    let page = auth.sessions.list(user.as_str()).await?;
    Ok(auth::json(StatusCode::OK, &page.sessions).into_response())
}

async fn end(
    State(auth): State<Auth>,
    Path((user, sid)): Path<(String, String)>,
    context: RequestContext,
) -> Result<StatusCode, Failure> {
    let sid = sid.parse().map_err(|_| Failure::NotFound)?;
    let request = EndRequest::new(user.as_str()).by_admin().context(context);
    match auth.sessions.end(sid, request).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Failure::NotFound),
    }
}
