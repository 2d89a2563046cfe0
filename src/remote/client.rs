//! [`HttpClient`], the HTTP client for those who do not bring one.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tower_service::Service;

use super::proxy::ProxyConnector;
use crate::error::{BoxError, ConfigError, ConfigErrorKind};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

type Inner = Client<HttpsConnector<ProxyConnector>, Full<Bytes>>;

/// An HTTP client with TLS, for [`RemoteKeys`](super::RemoteKeys). It is cheap to clone, and clones
/// share its connections.
///
/// 1. It speaks HTTP/1.1, and TLS 1.2 and 1.3 by rustls with aws-lc-rs, also where tokens are verified
///    by the other back end.
/// 2. It trusts the root certificates of the operating system, or of the file and folder that the
///    environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name, or those that it is
///    [given](Self::with_roots).
/// 3. `https` requests go through the proxy of `HTTPS_PROXY` or `ALL_PROXY`, unless `NO_PROXY` names
///    the host; each may be in lower case. The proxy is asked for a tunnel (`CONNECT`), so that it
///    sees the host's name and nothing more. The variables are read when the client is made.
/// 4. It follows no redirects, keeps no cookies, and gives up connecting after 5 seconds. Other
///    limits are those of whoever uses it.
///
/// ```no_run
/// use tower_bearer::remote::{HttpClient, RemoteKeys};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = RemoteKeys::discover("https://id.example", HttpClient::new()?).fetch().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClient(Inner);

impl HttpClient {
    /// Creates a client that trusts the roots of the operating system.
    ///
    /// # Errors
    ///
    /// [`Tls`](ConfigErrorKind::Tls) if there are no roots, as in a container without the package
    /// `ca-certificates`; [`Url`](ConfigErrorKind::Url) if the environment names a proxy that is neither `http` nor `https`.
    pub fn new() -> Result<Self, ConfigError> {
        let loaded = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(loaded.certs);
        if added == 0 {
            let none = "no root certificates of the operating system can be read: install \
                        ca-certificates, or give the client its roots";
            let error = ConfigError::new(ConfigErrorKind::Tls, none);
            return Err(match loaded.errors.into_iter().next() {
                Some(cause) => error.with_source(cause),
                None => error,
            });
        }
        Self::trusting(roots)
    }

    /// Creates a client that trusts these roots and no others, for issuers with a certificate of their
    /// own. `pem` has one or more certificates in PEM.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and if there is no certificate in `pem` or one that cannot be read.
    pub fn with_roots(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let refused = |what: &'static str| ConfigError::new(ConfigErrorKind::Tls, what);
        let unreadable = "a root certificate cannot be read";
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(pem.as_ref()) {
            let root = root.map_err(|error| refused(unreadable).with_source(error))?;
            let added = roots.add(root);
            added.map_err(|error| refused(unreadable).with_source(error))?;
        }
        if roots.is_empty() {
            return Err(refused("there is no root certificate in the PEM"));
        }
        Self::trusting(roots)
    }

    fn trusting(roots: RootCertStore) -> Result<Self, ConfigError> {
        let refused = |error: rustls::Error| {
            let versions = "rustls supports no version of TLS";
            ConfigError::new(ConfigErrorKind::Tls, versions).with_source(error)
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = ProxyConnector::from_env(http, tls.clone())?;
        let connector = HttpsConnector::from((connector, tls));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .build(connector);
        Ok(Self(client))
    }
}

impl Service<Request<Bytes>> for HttpClient {
    type Response = Response<HttpBody>;
    type Error = BoxError;
    type Future = HttpFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(BoxError::from)
    }

    fn call(&mut self, request: Request<Bytes>) -> HttpFuture {
        HttpFuture(self.0.call(request.map(Full::new)))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// The response future of [`HttpClient`].
pub struct HttpFuture(hyper_util::client::legacy::ResponseFuture);

impl Future for HttpFuture {
    type Output = Result<Response<HttpBody>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(cx);
        answer
            .map_ok(|answer| answer.map(HttpBody))
            .map_err(BoxError::from)
    }
}

impl fmt::Debug for HttpFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpFuture")
    }
}

/// The body of an answer to an [`HttpClient`].
pub struct HttpBody(hyper::body::Incoming);

impl Body for HttpBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpBody")
    }
}
