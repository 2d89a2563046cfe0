use super::ProtectedResource;
use crate::paths::axum_route;

impl ProtectedResource {
    /// A router with nothing but the metadata at their [`path`](Self::path), to be merged into the
    /// outermost router of an application.
    ///
    /// ```
    /// use axum::{Router, routing::post};
    /// use tower_bearer::{Verifier, bearer::BearerLayer, resource::ProtectedResource};
    ///
    /// fn app(resource: &ProtectedResource, verifier: Verifier) -> Router {
    ///     let bearer = BearerLayer::new(verifier).resource(resource);
    ///     Router::new()
    ///         .route("/mcp", post(async || "…").layer(bearer))
    ///         .merge(resource.clone().into_router())
    /// }
    /// ```
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> axum::Router<S> {
        axum::Router::new().route_service(&axum_route(self.path()), self)
    }
}
