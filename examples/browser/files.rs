//! The page's files, in the program itself, and what browsers are told about them.

use axum::{Router, extract::Request, middleware::Next, response::Response, routing::get};
use http::{
    HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [(&str, &str, &str); 8] = [
    ("/", HTML, include_str!("index.html")),
    ("/page.css", CSS, include_str!("page.css")),
    ("/page.js", JAVASCRIPT, include_str!("page.js")),
    ("/admin.js", JAVASCRIPT, include_str!("admin.js")),
    ("/devices.js", JAVASCRIPT, include_str!("devices.js")),
    ("/wire.js", JAVASCRIPT, include_str!("wire.js")),
    (
        "/tower-bearer.js",
        JAVASCRIPT,
        include_str!("tower-bearer.js"),
    ),
    ("/icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

/// Whoever smuggles markup into the page runs no script with it and sends nothing elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The routes of the files. They change with the program, so browsers ask each time.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let add = |router: Router<S>,
               (path, kind, text): (&'static str, &'static str, &'static str)| {
        let answer = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")];
        router.route(path, get((answer, text)))
    };
    FILES.into_iter().fold(Router::new(), add)
}

/// Puts the security headers on every answer.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}
