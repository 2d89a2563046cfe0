use std::{fmt, net::IpAddr, sync::Arc};

use http::{Extensions, Request, request::Parts};

use super::RequestHead;

/// What is known of a request: the [address and the user agent](super) of its client, and its extensions. It is
/// cheap to clone.
///
/// It is made from a [`Request`] or its [`Parts`]. With the feature `axum` it is an extractor.
///
/// `Debug` does not show the extensions.
///
/// ```
/// use http::{Request, header::USER_AGENT};
/// use tower_bearer::context::RequestContext;
///
/// #[derive(Clone)]
/// struct Country(&'static str);
///
/// let request = Request::get("/").header(USER_AGENT, "shop/1.2").extension(Country("CH"));
/// let context = RequestContext::from(&request.body(())?);
/// assert_eq!(context.user_agent(), Some("shop/1.2"));
/// assert_eq!(context.extensions().get().map(|Country(code)| *code), Some("CH"));
/// assert_eq!(context.address(), None);
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct RequestContext(Arc<Known>);

#[derive(Default)]
struct Known {
    address: Option<IpAddr>,
    user_agent: Option<String>,
    extensions: Extensions,
}

impl RequestContext {
    /// The context of a request of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The address of the client, if it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// What the client calls itself: up to 1024 printable ASCII characters.
    pub fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// What the server, its layers and the application have put into the request.
    pub fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }
}

impl From<RequestHead<'_>> for RequestContext {
    fn from(head: RequestHead<'_>) -> Self {
        Self(Arc::new(Known {
            address: head.address(),
            user_agent: head.user_agent().map(str::to_owned),
            extensions: head.extensions().clone(),
        }))
    }
}

impl<B> From<&Request<B>> for RequestContext {
    fn from(request: &Request<B>) -> Self {
        RequestHead::from(request).into()
    }
}

impl From<&Parts> for RequestContext {
    fn from(parts: &Parts) -> Self {
        RequestHead::from(parts).into()
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("address", &self.address())
            .field("user_agent", &self.user_agent())
            .finish_non_exhaustive()
    }
}
