//! Rendezvous hashing: each shard draws a number for a session, and the highest has it. So a shard that
//! joins takes its share of the sessions from all others, and a session never moves between two that stay.
//!
//! Which shard has a session is kept by the databases, so these functions never change.

use super::layout::Shard;
use crate::claims::SessionId;

/// The shard that a session belongs to.
pub(super) fn choose<'a>(
    shards: impl Iterator<Item = &'a Shard>,
    id: SessionId,
) -> Option<&'a Shard> {
    // Between equal numbers the name decides, so that the order of the shards does not.
    shards.max_by_key(|shard| (draw(&shard.name, id), &shard.name))
}

/// The number that a shard draws for a session.
fn draw(name: &str, id: SessionId) -> u64 {
    let (high, low) = id.as_uuid().as_u64_pair();
    mix(mix(hash(name) ^ high) ^ low)
}

/// A hash of all names in any order, to tell one set of shards from another.
pub(super) fn of_all<'a>(names: impl Iterator<Item = &'a str>) -> u32 {
    let sum = names.fold(0_u64, |sum, name| sum.wrapping_add(mix(hash(name))));
    let [a, b, c, d, ..] = mix(sum).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// FNV-1a with 64 bits.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finalizer of SplitMix64: each bit of the result depends on each bit of the number.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
