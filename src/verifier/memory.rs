//! Estimates the memory that a verified token takes, for the limit of the cache in bytes.

use serde_json::{Map, Number, Value};

use crate::claims::{Actor, Audience, Claims, Confirmation, Content};

/// The overhead of an allocation in bytes.
const ALLOCATION: usize = 16;
/// A map consists of nodes with room for `NODE_MEMBERS` members each. If there is more than one
/// node, each has at least `LEAST_MEMBERS`.
const NODE_MEMBERS: usize = 11;
const LEAST_MEMBERS: usize = 5;
/// If another crate of the application turns on serde_json's `preserve_order`, a map is a list and a table of
/// places in it instead. The table has room for seven of eight buckets, and the list for as many.
const IS_LISTED: bool = size_of::<Map<String, Value>>() > 3 * size_of::<usize>();
const LISTED: usize = size_of::<(String, Value)>() + size_of::<usize>();
/// What each bucket of the table takes, and all of them once.
const BUCKET: usize = size_of::<usize>() + 1;
const BUCKETS: usize = 16;
/// If another crate turns on serde_json's `arbitrary_precision`, a number contains its text.
const NUMBER: usize = match size_of::<Number>() < size_of::<String>() {
    true => 0,
    false => 16 + ALLOCATION,
};
const NODE: usize = NODE_MEMBERS * size_of::<(String, Value)>() + 14 * size_of::<usize>();

/// About how many bytes of memory the claims of a token take.
pub(crate) fn held_by(content: &Content) -> usize {
    let (claims, private) = (&content.claims, &content.private);
    let texts = [&claims.client_id, &claims.sid, &claims.jti, &claims.acr];
    let texts = texts.into_iter().flatten();
    let audience = match &claims.aud {
        Audience::One(one) => text(one),
        Audience::Many(many) => list(many, |one| text(one)),
    };
    let named = text(&claims.iss) + text(&claims.sub);
    size_of::<Content>()
        + named
        + audience
        + text(claims.scope.as_str())
        + texts.map(|held| text(held)).sum::<usize>()
        + claims.act.as_ref().map_or(0, actor)
        + claims.cnf.as_ref().map_or(0, confirmation)
        + methods(&claims.amr)
        + user_attributes(claims)
        + members(private)
}

fn actor(act: &Actor) -> usize {
    act.sub().map_or(0, text) + members(act.others())
}

fn methods(amr: &Vec<String>) -> usize {
    match amr.is_empty() {
        true => 0,
        false => list(amr, |method| text(method)),
    }
}

fn user_attributes(claims: &Claims) -> usize {
    let held = claims.user_attributes().into_iter();
    let held = held.filter(|(_, values)| !values.is_empty());
    let held = held.map(|(_, values)| {
        let values = values.iter().map(|value| size_of::<String>() + text(value));
        ALLOCATION + values.sum::<usize>()
    });
    held.sum()
}

fn confirmation(cnf: &Confirmation) -> usize {
    let thumbprint = cnf.jkt().map_or(0, |_| size_of::<[u8; 32]>() + ALLOCATION);
    thumbprint + members(cnf.others())
}

fn text(held: &str) -> usize {
    held.len() + ALLOCATION
}

/// The memory of a list, unused capacity included.
fn list<T>(items: &Vec<T>, item: impl Fn(&T) -> usize) -> usize {
    items.capacity() * size_of::<T>() + ALLOCATION + items.iter().map(item).sum::<usize>()
}

fn members(members: &Map<String, Value>) -> usize {
    let held = members.iter();
    let held = held.map(|(name, held)| text(name) + value(held));
    places(members.len()) + held.sum::<usize>()
}

/// The memory of a map of so many members, apart from what they hold.
fn places(members: usize) -> usize {
    match members {
        0 => 0,
        _ if IS_LISTED => {
            let buckets = match members {
                1..=3 => 4,
                4..=7 => 8,
                more => (more * 8 / 7 + 1).next_power_of_two(),
            };
            let room = buckets - buckets.div_ceil(8);
            room * LISTED + buckets * BUCKET + BUCKETS + 2 * ALLOCATION
        }
        1..=NODE_MEMBERS => NODE + ALLOCATION,
        more => more.div_ceil(LEAST_MEMBERS) * (NODE + ALLOCATION),
    }
}

/// The recursion is short: a token has at most 8 KiB by default, and serde_json limits the depth.
fn value(one: &Value) -> usize {
    match one {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(_) => NUMBER,
        Value::String(string) => text(string),
        Value::Array(items) => list(items, value),
        Value::Object(object) => members(object),
    }
}
