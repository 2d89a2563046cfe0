//! Checks the origin of the page that has made a request with a cookie, against CSRF.

use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    header::{HOST, ORIGIN, UPGRADE},
};

use crate::{
    error::{ConfigError, ConfigErrorKind},
    trace,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may send the cookie. It decides as tower-http's csrf layer and Go's
/// `CrossOriginProtection` do.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginCheck {
    /// The allowed origins besides the server's own.
    allowed: Vec<HeaderValue>,
}

impl OriginCheck {
    pub(super) fn allow(mut self, origin: &str) -> Result<Self, ConfigError> {
        match HeaderValue::from_str(origin) {
            Ok(value) if is_as_browsers_write_it(origin) => self.allowed.push(value),
            _ => return Err(ConfigError::new(ConfigErrorKind::Url, FORM)),
        }
        Ok(self)
    }

    /// Whether the request comes from a page of an allowed origin, or from no page at all.
    pub(crate) fn admits<B>(&self, request: &Request<B>) -> bool {
        let is_admitted = Sender::of(request).is_some_and(|sender| self.trusts(&sender));
        if !is_admitted {
            trace::debug!(
                "a request with a cookie comes from another origin; \
                 proxies must pass Host, Origin and Sec-Fetch-Site on as they are"
            );
        }
        is_admitted
    }

    fn trusts(&self, sender: &Sender<'_>) -> bool {
        if sender.only_reads {
            return true;
        }
        match sender.site {
            b"same-origin" | b"none" => true,
            b"" => sender.is_no_page() || sender.is_own_page() || self.allows(sender),
            _ => self.allows(sender),
        }
    }

    fn allows(&self, sender: &Sender<'_>) -> bool {
        self.allowed.iter().any(|origin| origin == sender.origin)
    }
}

const FORM: &str = "an allowed origin is scheme://host[:port]";

/// Whether an origin has the form that browsers give it. Origins are compared byte for byte, so
/// one in another form would never match.
fn is_as_browsers_write_it(origin: &str) -> bool {
    let (default_port, authority) = match origin.split_once("://") {
        Some(("https", authority)) => (":443", authority),
        Some(("http", authority)) => (":80", authority),
        _ => return false,
    };
    // A host and perhaps a port, without a path, a query and a fragment.
    let is_whole = origin.parse::<Uri>().is_ok_and(|uri| {
        uri.authority()
            .is_some_and(|own| own.as_str() == authority && !own.host().is_empty())
    });
    is_whole && !origin.ends_with(default_port) && !origin.bytes().any(|b| b.is_ascii_uppercase())
}

/// The headers that tell who has sent a request. A missing header is empty.
struct Sender<'a> {
    /// Whether the request changes nothing, according to its method.
    only_reads: bool,
    site: &'a [u8],
    origin: &'a [u8],
    host: &'a [u8],
}

impl<'a> Sender<'a> {
    /// The sender of the request. `None` if one of the headers comes twice: one reader may take
    /// the first and another the last, and so see different pages.
    fn of<B>(request: &'a Request<B>) -> Option<Self> {
        let only = |name| {
            let mut values = request.headers().get_all(name).iter();
            let first = values.next().map_or(&b""[..], HeaderValue::as_bytes);
            values.next().is_none().then_some(first)
        };
        let host = only(HOST)?;
        Some(Self {
            // A WebSocket opens with a GET, and pages of any origin may open one (RFC 6455 §10.2).
            only_reads: matches!(
                *request.method(),
                Method::GET | Method::HEAD | Method::OPTIONS
            ) && !request.headers().contains_key(UPGRADE),
            site: only(SEC_FETCH_SITE)?,
            origin: only(ORIGIN)?,
            // The host of the request target counts before `Host` (RFC 9112 §3.2.2).
            host: match request.uri().authority() {
                Some(authority) => authority.as_str().as_bytes(),
                None => host,
            },
        })
    }

    /// Whether the client is no browser: browsers send `Origin` with each such request of a page.
    fn is_no_page(&self) -> bool {
        self.origin.is_empty()
    }

    fn is_own_page(&self) -> bool {
        let Ok(origin) = Uri::try_from(self.origin) else {
            return false;
        };
        matches!(origin.scheme_str(), Some("http" | "https"))
            && (origin.authority()).is_some_and(|own| own.as_str().as_bytes() == self.host)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Response;
    use tower::{Layer, ServiceExt, service_fn};
    use tower_http::csrf::CsrfLayer;

    use super::*;

    const TRUSTED: &str = "https://app.example";

    /// Every combination of what the two implementations could treat differently.
    fn requests() -> Vec<Request<()>> {
        let sites = [
            "-",
            "",
            "same-origin",
            "none",
            "same-site",
            "cross-site",
            "None",
        ];
        let origins = [
            "-",
            "",
            "null",
            "https://id.example",
            "http://id.example",
            "ftp://id.example",
            "https://id.example:8443",
            "https://id.example/",
            "https://ID.example",
            "id.example",
            TRUSTED,
            "https://app.example.evil.example",
            "\u{e9}",
        ];
        let hosts = ["-", "", "id.example", "id.example:8443", "app.example"];
        let mut requests = Vec::new();
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "DELETE"] {
            for target in ["/", "https://id.example/", "https://evil.example/"] {
                for (site, origin, host) in triples(&sites, &origins, &hosts) {
                    let mut request = Request::builder().method(method).uri(target);
                    for (name, value) in
                        [("sec-fetch-site", site), ("origin", origin), ("host", host)]
                    {
                        if value != "-" {
                            request = request.header(name, value);
                        }
                    }
                    requests.push(request.body(()).unwrap());
                }
            }
        }
        requests
    }

    fn triples<'a>(
        sites: &'a [&str],
        origins: &'a [&str],
        hosts: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        sites.iter().flat_map(move |site| {
            let pairs = origins
                .iter()
                .flat_map(move |origin| hosts.iter().map(move |host| (*origin, *host)));
            pairs.map(move |(origin, host)| (*site, origin, host))
        })
    }

    #[tokio::test]
    async fn it_is_decided_as_tower_http_does() {
        let check = OriginCheck::default().allow(TRUSTED).unwrap();
        let layer = CsrfLayer::new().add_trusted_origin(TRUSTED).unwrap();
        let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
        let mut admitted = 0;
        for request in requests() {
            let answer = layer.layer(inner).oneshot(request.clone()).await.unwrap();
            let is_admitted = check.admits(&request);
            assert_eq!(is_admitted, answer.status().is_success(), "{request:?}");
            admitted += usize::from(is_admitted);
        }
        assert!(admitted > 1000, "{admitted}");
    }
}
