//! How much memory a verified token takes: what the cache's limit in bytes counts.

use serde_json::{Map, Value};

use crate::claims::{Audience, Claims, VerifiedToken};

/// What an allocation costs beside what is asked for.
const ALLOCATION: usize = 16;
/// A map lies in nodes that are taken whole, with room for so many members. But for a single one
/// they are at least so full.
const NODE_MEMBERS: usize = 11;
const LEAST_MEMBERS: usize = 5;
const NODE: usize = NODE_MEMBERS * size_of::<(String, Value)>() + 14 * size_of::<usize>();

/// About how many bytes of memory a token's claims hold.
pub(super) fn held_by(token: &VerifiedToken) -> usize {
    let (claims, private) = (token.claims(), token.private());
    let texts = [&claims.client_id, &claims.sid].into_iter().flatten();
    let audience = match &claims.aud {
        Audience::One(one) => text(one),
        Audience::Many(many) => list(many, |one| text(one)),
    };
    let named = text(&claims.iss) + text(&claims.sub) + text(&claims.jti);
    size_of::<Claims>()
        + size_of::<Map<String, Value>>()
        + named
        + audience
        + text(claims.scope.as_str())
        + texts.map(|held| text(held)).sum::<usize>()
        + members(private)
}

fn text(held: &str) -> usize {
    held.len() + ALLOCATION
}

/// With the room that is not used.
fn list<T>(items: &Vec<T>, item: impl Fn(&T) -> usize) -> usize {
    items.capacity() * size_of::<T>() + ALLOCATION + items.iter().map(item).sum::<usize>()
}

fn members(members: &Map<String, Value>) -> usize {
    let nodes = match members.len() {
        0 => 0,
        1..=NODE_MEMBERS => 1,
        more => more.div_ceil(LEAST_MEMBERS),
    };
    let held = members.iter();
    let held = held.map(|(name, held)| text(name) + value(held));
    nodes * (NODE + ALLOCATION) + held.sum::<usize>()
}

/// A token has 8 KiB and JSON a limit of depth, so that this ends soon.
fn value(one: &Value) -> usize {
    match one {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(string) => text(string),
        Value::Array(items) => list(items, value),
        Value::Object(object) => members(object),
    }
}
