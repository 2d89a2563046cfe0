use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use super::{
    ShardedStore,
    layout::{Layout, Role, Shard, Step},
    marks,
};
use crate::store::{AnyStore, OpenError, OpenErrorKind, SessionStore};

/// The longest name of a shard, in bytes.
const LONGEST_NAME: usize = 64;

/// Names the shards of a [`ShardedStore`].
#[derive(Debug, Default)]
#[must_use]
pub struct ShardedStoreBuilder {
    shards: Vec<Shard>,
    moves: bool,
}

impl ShardedStoreBuilder {
    /// Adds a shard. The name, of at most 64 bytes, stays with the database for good, wherever the
    /// database goes: it decides which sessions belong there. The order of the shards has no meaning.
    pub fn shard(self, name: impl Into<String>, store: impl SessionStore) -> Self {
        self.with(name, store, Role::Stays)
    }

    /// Adds a shard that [joins](ShardedStore#more-shards-or-fewer) the others, and has no sessions yet.
    pub fn joining(self, name: impl Into<String>, store: impl SessionStore) -> Self {
        self.with(name, store, Role::Joins)
    }

    /// Adds a shard that [leaves](ShardedStore#more-shards-or-fewer), and gives its sessions to the others.
    pub fn leaving(self, name: impl Into<String>, store: impl SessionStore) -> Self {
        self.with(name, store, Role::Leaves)
    }

    /// Adds a shard like [`shard`](Self::shard) that is empty although the others are not: because its
    /// database was lost with its sessions, or because the very first start was interrupted. Whoever had a
    /// session there has to log in again. Name it by `shard` again in the next release: as long as this stays, a
    /// wrong database that is empty is not noticed.
    pub fn danger_emptied(self, name: impl Into<String>, store: impl SessionStore) -> Self {
        let mut builder = self.shard(name, store);
        if let Some(shard) = builder.shards.last_mut() {
            shard.is_emptied = true;
        }
        builder
    }

    /// Whether sessions move to where they belong after the [change](ShardedStore#more-shards-or-fewer), each
    /// as it is used. The default is `false`. All servers must have been told of the change before.
    pub fn move_sessions(mut self, moves: bool) -> Self {
        self.moves = moves;
        self
    }

    /// Checks that each shard is the one that it is said to be, and opens the store.
    ///
    /// # Errors
    ///
    /// - [`Address`](OpenErrorKind::Address): a name is empty, too long or used twice, no shard was given,
    ///   or none is left or was there before, or sessions are to move and no shard joins or leaves.
    /// - [`Unsuitable`](OpenErrorKind::Unsuitable): a shard was known by another name, or as one of other
    ///   shards, without a change that leads from those to these; one of them is empty although the others are
    ///   not; or sessions are to move to a shard that was never announced. Also if the shards are opened for the
    ///   first time and one of several has sessions already: name it by [`shard`](Self::shard), and the others by
    ///   [`joining`](Self::joining). This is not noticed of a store that
    ///   [cannot tell](SessionStore::has_sessions).
    /// - [`Unreachable`](OpenErrorKind::Unreachable): a shard could not be asked.
    pub async fn open(self) -> Result<ShardedStore, OpenError> {
        self.validate()?;
        let changes = self.shards.iter().any(|shard| shard.role != Role::Stays);
        let step = match (changes, self.moves) {
            (false, false) => Step::Settled,
            (true, false) => Step::Announced,
            (true, true) => Step::Moving,
            (false, true) => {
                return Err(unusable("no shard joins or leaves, so no session can move"));
            }
        };
        let layout = Layout::new(self.shards, step);
        marks::check(&layout).await?;
        Ok(ShardedStore(Arc::new(layout)))
    }

    fn with(mut self, name: impl Into<String>, store: impl SessionStore, role: Role) -> Self {
        self.shards.push(Shard {
            name: name.into(),
            store: AnyStore::new(store),
            role,
            is_emptied: false,
        });
        self
    }

    fn validate(&self) -> Result<(), OpenError> {
        let mut names = BTreeSet::new();
        for Shard { name, .. } in &self.shards {
            if name.is_empty() {
                return Err(unusable("the name of a shard is empty"));
            }
            if name.len() > LONGEST_NAME {
                return Err(unusable("the name of a shard has more than 64 bytes"));
            }
            if !names.insert(name) {
                return Err(unusable(format!("two of its shards are called `{name}`")));
            }
        }
        let any = |role| self.shards.iter().any(|shard| shard.role == role);
        match self.shards.is_empty() {
            true => Err(unusable("no shard was given")),
            false if any(Role::Stays) || any(Role::Joins) && any(Role::Leaves) => Ok(()),
            false => Err(unusable(
                "all its shards join, or all leave: name those that stay by `shard`",
            )),
        }
    }
}

fn unusable(why: impl Into<Cow<'static, str>>) -> OpenError {
    OpenError::new(OpenErrorKind::Address, why)
}
