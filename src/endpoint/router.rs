use std::collections::BTreeSet;

use super::endpoints::Endpoints;
use crate::{paths::axum_route, store::SessionStore};

impl<St: SessionStore> Endpoints<St> {
    /// A router with each endpoint at its path, to be merged into the application's router.
    ///
    /// If you `nest` it, clients find the endpoints below the path of the nest: set
    /// [`public_base`](Self::public_base), and merge a [`metadata_router`](Self::metadata_router)
    /// into the outermost router. Without a nest, `under("/api/auth")` does the same with one
    /// setting.
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
        let paths: Vec<_> = self.paths().collect();
        self.routed(paths)
    }

    /// A router with nothing but the metadata at their path, for the outermost router of an
    /// application that nests [`into_router`](Self::into_router). It is empty if there are no
    /// metadata.
    ///
    /// ```
    /// use axum::Router;
    /// use tower_bearer::{endpoint::Endpoints, error::ConfigError, session::Sessions};
    ///
    /// /// The issuer of the sessions is `https://id.example/api`.
    /// fn app(sessions: &Sessions) -> Result<Router, ConfigError> {
    ///     let endpoints = Endpoints::new(sessions)
    ///         .under("/auth")
    ///         .public_base("https://id.example/api")?;
    ///     Ok(Router::new()
    ///         .merge(endpoints.metadata_router())
    ///         .nest("/api", endpoints.into_router()))
    /// }
    /// ```
    pub fn metadata_router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        self.clone().routed(self.metadata_path())
    }

    fn routed<S: Clone + Send + Sync + 'static>(
        self,
        paths: impl IntoIterator<Item = String>,
    ) -> axum::Router<S> {
        let paths = paths.into_iter();
        let routes: BTreeSet<_> = paths.map(|path| axum_route(&path)).collect();
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
