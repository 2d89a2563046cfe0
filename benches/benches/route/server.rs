//! [`Server`]: axum with the endpoints, on threads of its own.

use std::{io, net::SocketAddr};

use axum::{Router, serve::ListenerExt};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
};
use tower_bearer::{endpoint::Endpoints, session::Sessions, store::SessionStore};
use tower_bearer_benches::{
    over_http::Route,
    refreshing::{Refreshing, log_in},
    schedule::Threads,
    threads::keep_on,
};

/// Threads that serve, and on which the library is called beside.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    pub(crate) threads: Threads,
}

impl Server {
    /// One thread, on the first processor.
    pub(crate) fn on_one_processor(name: &'static str) -> io::Result<Self> {
        let mut builder = runtime::Builder::new_multi_thread();
        builder.worker_threads(1);
        builder.on_thread_start(|| keep_on(0).expect("the system lets it"));
        Self::build(builder, name)
    }

    /// A thread for each processor.
    pub(crate) fn on_all_processors(name: &'static str) -> io::Result<Self> {
        Self::build(runtime::Builder::new_multi_thread(), name)
    }

    fn build(mut builder: runtime::Builder, name: &'static str) -> io::Result<Self> {
        Ok(Self {
            runtime: builder.thread_name(name).enable_all().build()?,
            threads: Threads::named(name),
        })
    }

    /// Serves until the process ends.
    pub(crate) fn serve(&self, app: Router) -> io::Result<SocketAddr> {
        let listener = self.runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        self.runtime
            .spawn(async move { axum::serve(listener, app).await });
        Ok(address)
    }

    /// The endpoints of the sessions, and so many clients that are signed in.
    pub(crate) fn endpoints<St: SessionStore>(
        &self,
        sessions: &Sessions<St>,
        clients: usize,
    ) -> io::Result<(Route, Vec<String>)> {
        let app = Endpoints::new(sessions).under("/auth").into_router();
        let route = Route {
            server: self.serve(app)?,
            path: "/auth/token".to_owned(),
            form: "grant_type=refresh_token&client_id=web".to_owned(),
        };
        let log_in = |_| {
            let token = self.runtime.block_on(log_in(sessions));
            token.expose().to_owned()
        };
        Ok((route, (0..clients).map(log_in).collect()))
    }

    /// So many clients that call the library.
    pub(crate) fn library<St: SessionStore>(
        &self,
        sessions: &Sessions<St>,
        clients: usize,
    ) -> Vec<Refreshing<St>> {
        let log_in = |_| self.runtime.block_on(Refreshing::new(sessions.clone()));
        (0..clients).map(log_in).collect()
    }
}
