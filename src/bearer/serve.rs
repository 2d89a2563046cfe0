use std::future::{Future, Pending};

use http::{Request, Response};

use crate::reply::ReplyBody;

/// Requests that the layer answers by itself, before it looks for a token: those to the
/// endpoints that hand tokens out.
///
/// `endpoint::Endpoints` is one. See [`BearerLayer::serve`](super::BearerLayer::serve).
pub trait Serve<ReqB> {
    /// The answer to come.
    type Future: Future<Output = Response<ReplyBody>>;

    /// Takes the request, or gives it back untouched where it is none of its own. Whatever it
    /// takes has **not** been checked for a token.
    ///
    /// # Errors
    ///
    /// The request, where somebody else has to answer it.
    #[expect(
        clippy::result_large_err,
        reason = "the request goes on from here, it is no failure"
    )]
    fn serve(&self, request: Request<ReqB>) -> Result<Self::Future, Request<ReqB>>;
}

/// No endpoints: each request needs its token.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEndpoints;

impl<ReqB> Serve<ReqB> for NoEndpoints {
    type Future = Pending<Response<ReplyBody>>;

    fn serve(&self, request: Request<ReqB>) -> Result<Self::Future, Request<ReqB>> {
        Err(request)
    }
}
