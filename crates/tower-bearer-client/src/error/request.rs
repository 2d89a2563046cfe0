use std::{error::Error as StdError, fmt};

use crate::error::client::{BoxError, ClientError};

/// Why a request through [`Refresh`](crate::Refresh) got no response.
///
/// This is an enum and no opaque struct, because there are two parties that can be at fault, and
/// each has an error type of its own. It is an error and no made-up response, because a response
/// would look as if the server had sent it.
///
/// `Display` does not repeat the error that it wraps: that is the [`source`](StdError::source).
/// What the sources of a [`ClientError`] are is no part of this crate's API.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError<E> {
    /// There is no access token. Either the request was not sent, or its token was refused and no
    /// other token could be had.
    Token(ClientError),
    /// The inner service failed with this error.
    Inner(E),
}

impl<E> RequestError<E> {
    /// Whether there is no session any more, so that the user has to sign in.
    pub fn is_signed_out(&self) -> bool {
        matches!(self, Self::Token(error) if error.is_signed_out())
    }
}

impl<E: Into<BoxError>> RequestError<E> {
    /// Puts the wrapped error in a box: the [`ClientError`], or the error of the inner service.
    ///
    /// Layers such as tower's timeout and buffer want errors that convert into
    /// `Box<dyn Error + Send + Sync>`. A `RequestError` does so by itself if the inner service's
    /// error implements [`Error`](StdError). If that is a box already, it does not, and this
    /// method helps.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use http::{Request, Response};
    /// # use tower::{BoxError, Service, ServiceBuilder};
    /// # use tower_bearer_client::ResponseBody;
    /// use tower_bearer_client::{RefreshLayer, RequestError};
    ///
    /// # fn client<S>(
    /// #     layer: RefreshLayer, http: S,
    /// # ) -> impl Service<Request<()>, Response = Response<ResponseBody<()>>, Error = BoxError>
    /// # where
    /// #     S: Service<Request<()>, Response = Response<()>, Error = std::io::Error> + Clone,
    /// # {
    /// ServiceBuilder::new()
    ///     .timeout(Duration::from_secs(60))
    ///     .map_err(RequestError::into_boxed)
    ///     .layer(layer)
    ///     .timeout(Duration::from_secs(20))
    ///     .service(http)
    /// # }
    /// ```
    pub fn into_boxed(self) -> Box<dyn StdError + Send + Sync> {
        match self {
            Self::Token(error) => error.into(),
            Self::Inner(error) => error.into(),
        }
    }
}

impl<E> fmt::Display for RequestError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "there is no access token for the request",
            Self::Inner(_) => "the request failed",
        })
    }
}

impl<E: StdError + 'static> StdError for RequestError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Token(error) => Some(error),
            Self::Inner(error) => Some(error),
        }
    }
}

impl<E> From<ClientError> for RequestError<E> {
    fn from(error: ClientError) -> Self {
        Self::Token(error)
    }
}
