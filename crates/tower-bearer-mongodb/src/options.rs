use std::time::Duration;

use tower_bearer::store::{OpenError, OpenErrorKind};

// With less than a millisecond, the server would take the limit of a write for none.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Options for how a [`MongoStore`](super::MongoStore) uses its server.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer_mongodb::MongoOptions;
///
/// let options = MongoOptions::new()
///     .collection("shop_sessions")
///     .timeout(Duration::from_secs(1));
/// ```
#[derive(Clone, Debug)]
pub struct MongoOptions {
    pub(crate) collection: String,
    pub(crate) timeout: Duration,
    pub(crate) linearizable_loads: bool,
}

impl MongoOptions {
    /// The defaults: the collection `tower_bearer_sessions`, a timeout of 2 seconds, and loads that
    /// ask the primary alone.
    pub fn new() -> Self {
        Self {
            collection: "tower_bearer_sessions".to_owned(),
            timeout: Duration::from_secs(2),
            linearizable_loads: false,
        }
    }

    /// The name of the collection. Stores with different collections are separate. That of key rings has `_rings` at
    /// its end. A store is
    /// opened only if the name is one that MongoDB allows: it is not empty, has no `$` and no NUL,
    /// and does not begin with `system.`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.collection = name.into();
        self
    }

    /// How long a call waits for each answer of the server, including the time to find the primary
    /// and to get a connection to it. After that it fails as
    /// [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout). The server is told of it too, so
    /// that it does not go on for much longer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(SHORTEST, LONGEST);
        self
    }

    /// Whether the primary confirms at each load, with a majority of the replica set, that it is the
    /// primary (the read concern `linearizable`). A load then also sees what was acknowledged by
    /// another primary that this one does not know of yet. It takes a round trip between the
    /// servers longer, and fails while no majority can be reached. A server that is no member of a
    /// replica set has nothing to confirm, and such a store is opened as without this option.
    ///
    /// The default is `false`.
    #[must_use]
    pub fn linearizable_loads(mut self, are_linearizable: bool) -> Self {
        self.linearizable_loads = are_linearizable;
        self
    }

    /// Refuses a name that the server would refuse, or take for something else.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let name = &self.collection;
        let is_good =
            !name.is_empty() && !name.contains(['$', '\0']) && !name.starts_with("system.");
        match is_good {
            true => Ok(()),
            false => Err(OpenError::new(
                OpenErrorKind::Address,
                "the name of its collection cannot be used",
            )),
        }
    }
}

impl Default for MongoOptions {
    fn default() -> Self {
        Self::new()
    }
}
