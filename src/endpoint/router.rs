use std::collections::BTreeSet;

use super::endpoints::Endpoints;
use crate::store::SessionStore;

impl<St: SessionStore> Endpoints<St> {
    /// A router with each endpoint at its path, to be merged into the application's router.
    ///
    /// An axum route cannot contain a literal segment that starts with `:` or `*`. If the prefix
    /// has one, the route matches any segment in its place and answers a different one with 404.
    ///
    /// ```
    /// use axum::Router;
    /// use tower_bearer::{endpoint::Endpoints, session::Sessions};
    ///
    /// fn app(sessions: &Sessions) -> Router {
    ///     Router::new().merge(Endpoints::new(sessions).under("/auth").into_router())
    /// }
    /// ```
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> axum::Router<S> {
        let routes: BTreeSet<_> = self.paths().map(|path| axum_route(&path)).collect();
        let handler = move |request: axum::extract::Request| {
            let answer = self.answer(request);
            async move {
                match answer {
                    Ok(answer) => Ok(answer.await),
                    Err(_) => Err(http::StatusCode::NOT_FOUND),
                }
            }
        };
        routes.iter().fold(axum::Router::new(), |router, path| {
            router.route(path, axum::routing::any(handler.clone()))
        })
    }
}

/// The path as a route of axum, where braces have a meaning. axum panics at segments that look
/// like the parameters of its version 0.7, so these are replaced by parameters.
fn axum_route(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(at, segment)| {
        if segment.starts_with([':', '*']) {
            format!("{{segment{at}}}")
        } else {
            segment.replace('{', "{{").replace('}', "}}")
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
