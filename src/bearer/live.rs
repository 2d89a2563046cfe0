use std::mem;

/// Whether a layer asks its guard for each session: a type, so that only a layer which does so
/// needs an inner service that can be cloned. It is [`NoLiveCheck`] or [`LiveCheck`].
pub trait Live<S>: sealed::Sealed {
    /// Takes the instance that was polled ready, to wait with the request. `None` where nothing
    /// ever waits.
    fn take(&self, inner: &mut S) -> Option<S>;
}

/// Access tokens are judged by what is in them and what this process knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLiveCheck;

/// The guard is asked whether the session of each access token still runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveCheck;

impl<S> Live<S> for NoLiveCheck {
    fn take(&self, _inner: &mut S) -> Option<S> {
        None
    }
}

impl<S: Clone> Live<S> for LiveCheck {
    fn take(&self, inner: &mut S) -> Option<S> {
        // The request takes the instance that was polled ready; a clone need not be.
        let clone = inner.clone();
        Some(mem::replace(inner, clone))
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else may implement it")]
    pub trait Sealed {}
    impl Sealed for super::NoLiveCheck {}
    impl Sealed for super::LiveCheck {}
}
