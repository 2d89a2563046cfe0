use http::Request;

/// How the body of a request can be had a second time, if the token is refused.
///
/// [`CloneBody`] and [`NeverReplay`] implement it, and so does any function from `&B` to
/// `Option<B>`. See [`RefreshLayer::replay_with`](crate::RefreshLayer::replay_with).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot copy a request body of type `{B}`",
    label = "cannot copy `{B}` for the retry after a refused token",
    note = "`RefreshLayer` clones bodies by default, so they have to be `Clone`",
    note = "for other bodies call `RefreshLayer::never_replay` or `RefreshLayer::replay_with`"
)]
pub trait Replay<B> {
    /// A copy of a body that has not been sent yet, or `None` if it cannot be copied. A request
    /// without a copy is not sent again: the caller gets the refusal.
    fn copy(&self, body: &B) -> Option<B>;
}

/// Clones bodies. That is cheap for those that are in memory as a whole: `Full<Bytes>`, `Empty`,
/// `Bytes`, `()`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneBody;

/// Copies no body, so that each is sent only once.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverReplay;

/// A copy of the request, if its body can be copied.
pub(crate) fn copy<B>(replay: &impl Replay<B>, request: &Request<B>) -> Option<Request<B>> {
    let mut copy = Request::new(replay.copy(request.body())?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

#[diagnostic::do_not_recommend]
impl<B: Clone> Replay<B> for CloneBody {
    fn copy(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

impl<B> Replay<B> for NeverReplay {
    fn copy(&self, _body: &B) -> Option<B> {
        None
    }
}

#[diagnostic::do_not_recommend]
impl<B, F: Fn(&B) -> Option<B>> Replay<B> for F {
    fn copy(&self, body: &B) -> Option<B> {
        self(body)
    }
}
