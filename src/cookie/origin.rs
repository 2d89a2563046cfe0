//! Who sends a request that carries a cookie: a page of this origin, or another one (CSRF).

use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    header::{HOST, ORIGIN, UPGRADE},
};

use crate::{
    error::{ConfigError, ConfigErrorKind},
    trace,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page may send the cookie, decided as tower-http's csrf layer and Go's
/// `CrossOriginProtection` do.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginCheck {
    /// Beside the server's own.
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

    /// Whether a page of an origin that may do so sends this request, or no page at all.
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

/// Origins are compared byte for byte: one in another form would never match.
fn is_as_browsers_write_it(origin: &str) -> bool {
    let (default_port, authority) = match origin.split_once("://") {
        Some(("https", authority)) => (":443", authority),
        Some(("http", authority)) => (":80", authority),
        _ => return false,
    };
    // Nothing but a host and perhaps a port: no path, no query, no fragment.
    let is_whole = origin.parse::<Uri>().is_ok_and(|uri| {
        uri.authority()
            .is_some_and(|own| own.as_str() == authority && !own.host().is_empty())
    });
    is_whole && !origin.ends_with(default_port) && !origin.bytes().any(|b| b.is_ascii_uppercase())
}

/// What a request says of who sends it. A header that is not there is empty.
struct Sender<'a> {
    /// By its method it changes nothing.
    only_reads: bool,
    site: &'a [u8],
    origin: &'a [u8],
    host: &'a [u8],
}

impl<'a> Sender<'a> {
    /// `None` where one of the headers is repeated: who goes by the first and who goes by the last
    /// would see different pages.
    fn of<B>(request: &'a Request<B>) -> Option<Self> {
        let only = |name| {
            let mut values = request.headers().get_all(name).iter();
            let first = values.next().map_or(&b""[..], HeaderValue::as_bytes);
            values.next().is_none().then_some(first)
        };
        let host = only(HOST)?;
        Some(Self {
            // A WebSocket opens with a GET, and pages of all origins may open one (RFC 6455 §10.2).
            only_reads: matches!(
                *request.method(),
                Method::GET | Method::HEAD | Method::OPTIONS
            ) && !request.headers().contains_key(UPGRADE),
            site: only(SEC_FETCH_SITE)?,
            origin: only(ORIGIN)?,
            // The target's comes first (RFC 9112 §3.2.2); in HTTP/2 it is the only one.
            host: match request.uri().authority() {
                Some(authority) => authority.as_str().as_bytes(),
                None => host,
            },
        })
    }

    /// A client that is no browser, for browsers name the page's origin in each such request.
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

    /// All that the two could see differently, in each combination.
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
