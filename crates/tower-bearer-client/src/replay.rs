/// How the body of a request is had a second time, for the retry after a 401.
///
/// It is [`CloneBody`], [`NeverReplay`], or a function: see
/// [`RefreshLayer::replay_with`](super::RefreshLayer::replay_with).
pub trait Replay<B> {
    /// A copy of a body that has not been sent yet, or nothing where it cannot be had. A request
    /// without a copy is not retried: its 401 comes through.
    fn copy(&self, body: &B) -> Option<B>;
}

/// Bodies are cloned, which is cheap for those that are whole in memory: `Full<Bytes>`,
/// `Empty`, `Bytes`, `()`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneBody;

/// Bodies are sent once.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverReplay;

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

impl<B, F: Fn(&B) -> Option<B>> Replay<B> for F {
    fn copy(&self, body: &B) -> Option<B> {
        self(body)
    }
}
