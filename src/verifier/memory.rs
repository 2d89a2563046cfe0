//! How much memory a verified token takes: what the cache's limit in bytes counts.

use serde_json::{Map, Number, Value};

use crate::claims::{Audience, Claims, VerifiedToken};

/// What an allocation costs beside what is asked for.
const ALLOCATION: usize = 16;
/// A map lies in nodes that are taken whole, with room for so many members. But for a single one
/// they are at least so full.
///
/// Where another crate of the application turns on serde_json's `preserve_order`, a map is a list
/// and a table instead, both grown by doubling. Of up to so many members that takes no more than a
/// node, of more no more than the nodes that are counted for them.
const NODE_MEMBERS: usize = 11;
const LEAST_MEMBERS: usize = 5;
const LISTED_MEMBERS: usize = 7;
/// Where another crate turns on `arbitrary_precision`, a number holds its text.
const NUMBER: usize = match size_of::<Number>() < size_of::<String>() {
    true => 0,
    false => 16 + ALLOCATION,
};
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
        1..=LISTED_MEMBERS => 1,
        more => more.div_ceil(LEAST_MEMBERS),
    };
    let held = members.iter();
    let held = held.map(|(name, held)| text(name) + value(held));
    nodes * (NODE + ALLOCATION) + held.sum::<usize>()
}

/// A token has 8 KiB and JSON a limit of depth, so that this ends soon.
fn value(one: &Value) -> usize {
    match one {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(_) => NUMBER,
        Value::String(string) => text(string),
        Value::Array(items) => list(items, value),
        Value::Object(object) => members(object),
    }
}
