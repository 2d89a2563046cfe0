//! Which shard a session belongs to, before and after a change of the shards.

use std::fmt;

use super::rendezvous;
use crate::{claims::SessionId, store::AnyStore};

/// A store among several, by its name.
pub(super) struct Shard {
    pub(super) name: String,
    pub(super) store: AnyStore,
    pub(super) role: Role,
    /// Whether it may be empty although it was one of the shards before.
    pub(super) is_emptied: bool,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What becomes of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Leaves,
    Stays,
    Joins,
}

/// How far a change of the shards has come at this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The shards do not change.
    Settled,
    /// Sessions are looked for where they will be, and stay where they are.
    Announced,
    /// Sessions go where they will be.
    Moving,
}

pub(super) struct Layout {
    /// Those that leave, then those that stay, then those that join: sessions only move to a shard that
    /// stands further on.
    shards: Vec<Shard>,
    pub(super) step: Step,
}

/// Where a session may be.
pub(super) enum Home<'a> {
    Settled(&'a Shard),
    Changing {
        source: &'a Shard,
        target: &'a Shard,
    },
}

impl Layout {
    pub(super) fn new(mut shards: Vec<Shard>, step: Step) -> Self {
        shards.sort_by_key(|shard| shard.role);
        Self { shards, step }
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shards by what becomes of them, in the order in which sessions move.
    pub(super) fn by_role(&self) -> impl Iterator<Item = &[Shard]> {
        self.shards.chunk_by(|one, other| one.role == other.role)
    }

    /// The shards that sessions belong to before the change.
    pub(super) fn before(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.role != Role::Joins)
    }

    /// The shards that sessions belong to after the change.
    pub(super) fn after(&self) -> impl Iterator<Item = &Shard> {
        self.shards
            .iter()
            .filter(|shard| shard.role != Role::Leaves)
    }

    /// Nothing if there is no shard at all, which the builder refuses.
    pub(super) fn home(&self, id: SessionId) -> Option<Home<'_>> {
        let target = rendezvous::choose(self.after(), id)?;
        if self.step == Step::Settled {
            return Some(Home::Settled(target));
        }
        let source = rendezvous::choose(self.before(), id)?;
        Some(match source.name == target.name {
            true => Home::Settled(target),
            false => Home::Changing { source, target },
        })
    }
}
