//! Connects to a server, or to the proxy that leads to it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::error::{BoxError, ConfigError, ConfigErrorKind};

/// Gives a connection to the server of an address, on which TLS is still to be spoken.
#[derive(Clone)]
pub(super) struct ProxyConnector {
    /// To servers without a proxy, and to proxies: with TLS to those that are `https`.
    direct: HttpConnector,
    to_proxy: HttpsConnector<HttpConnector>,
    proxies: Arc<Matcher>,
}

/// To the server itself it is `Http`, whatever is spoken on it.
type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;
type Connecting = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

impl ProxyConnector {
    /// With the proxies that the environment names.
    pub(super) fn from_env(direct: HttpConnector, tls: ClientConfig) -> Result<Self, ConfigError> {
        let proxies = Matcher::from_env();
        // A name that no rule is likely to leave out.
        let any = proxies.intercept(&Uri::from_static("https://any.invalid"));
        let scheme = any.as_ref().map(|proxy| proxy.uri().scheme_str());
        if scheme.is_some_and(|scheme| !matches!(scheme, Some("http" | "https"))) {
            let socks = "a proxy of the environment is neither http nor https";
            return Err(ConfigError::new(ConfigErrorKind::Url, socks));
        }
        Ok(Self {
            to_proxy: HttpsConnector::from((direct.clone(), tls)),
            direct,
            proxies: Arc::new(proxies),
        })
    }

    /// Without TLS there is no tunnel, and no need of one but in tests.
    fn proxy(&self, to: &Uri) -> Option<Intercept> {
        let secure = to.scheme_str() == Some("https");
        secure.then(|| self.proxies.intercept(to)).flatten()
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(cx).map_err(BoxError::from)
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let Some(proxy) = self.proxy(&to) else {
            let connecting = self.direct.call(to);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        Box::pin(async move { Ok(tunnel.call(to).await?) })
    }
}

impl fmt::Debug for ProxyConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's address may have a password.
        f.write_str("ProxyConnector")
    }
}
