/// How much a [`Verifier`](crate::Verifier) may remember of the tokens that it has accepted.
///
/// ```
/// use tower_bearer::CacheLimits;
///
/// // A small server: some thousand users at a time.
/// let limits = CacheLimits::default().entries(10_000).bytes(16 * 1024 * 1024);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl Default for CacheLimits {
    /// 131 072 tokens and 128 MiB.
    fn default() -> Self {
        Self {
            entries: 128 * 1024,
            bytes: 128 * 1024 * 1024,
        }
    }
}

impl CacheLimits {
    /// Sets the maximum number of tokens. Choose as many as are in use at a time, because all
    /// others are verified anew on each request. With 0, nothing is remembered.
    #[must_use]
    pub fn entries(self, entries: usize) -> Self {
        Self { entries, ..self }
    }

    /// Sets the maximum size in bytes. Each token counts with its text and its claims, and the
    /// table of all tokens counts with the places that it has, free ones included. A token of 400
    /// bytes takes about 1 KiB; claims of the application's own add 700 bytes and more. Memory is
    /// allocated as tokens arrive. If no token fits, nothing is remembered.
    #[must_use]
    pub fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }
}
