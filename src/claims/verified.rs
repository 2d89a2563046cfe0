use std::{fmt, hint::black_box, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use super::{Audience, Claims};
use crate::{json, realm::Realm};

/// An access token that a [`Verifier`](crate::Verifier) accepted. Cheap to clone.
///
/// The layer puts one into the extensions of each request that it lets through.
///
/// ```
/// use tower_bearer::VerifiedToken;
///
/// fn who(request: &http::Request<()>) -> Option<&str> {
///     let token = request.extensions().get::<VerifiedToken>()?;
///     Some(&token.claims().sub)
/// }
/// ```
#[derive(Clone)]
pub struct VerifiedToken {
    /// Shared by all requests that bring the token.
    content: Arc<Content>,
    /// That of the layer which let the request through.
    realm: Realm,
}

/// What is in a token.
pub(crate) struct Content {
    pub(crate) claims: Claims,
    pub(crate) private: Map<String, Value>,
}

impl VerifiedToken {
    pub(crate) fn new(content: Arc<Content>) -> Self {
        Self {
            content,
            realm: Realm::default(),
        }
    }

    pub(crate) fn in_realm(mut self, realm: &Realm) -> Self {
        self.realm = realm.clone();
        self
    }

    #[cfg_attr(not(feature = "axum"), allow(dead_code))] // extractors ask, nobody else does
    pub(crate) fn realm(&self) -> &Realm {
        &self.realm
    }

    /// Starts to load the count of owners, so that it comes while the token is compared. A clone,
    /// which adds to it atomically, would begin to wait for it only then.
    pub(crate) fn prefetch_count(&self) {
        black_box(Arc::strong_count(&self.content));
    }

    /// About how many bytes of memory it holds.
    pub(crate) fn memory(&self) -> usize {
        let Content { claims, private } = &*self.content;
        let texts = [&claims.client_id, &claims.sid].into_iter().flatten();
        let audience = match &claims.aud {
            Audience::One(one) => text(one),
            Audience::Many(many) => list(many, |one| text(one)),
        };
        let named = text(&claims.iss) + text(&claims.sub) + text(&claims.jti);
        size_of::<Content>()
            + named
            + audience
            + text(claims.scope.as_str())
            + texts.map(|held| text(held)).sum::<usize>()
            + members(private)
    }

    /// The registered claims.
    pub fn claims(&self) -> &Claims {
        &self.content.claims
    }

    /// The registered claims and the application's own.
    ///
    /// # Errors
    ///
    /// Where the token's other members do not fit `P`.
    pub fn claims_as<P: DeserializeOwned>(&self) -> Result<Claims<P>, PrivateClaimsError> {
        let private = json::from_members(&self.content.private).map_err(PrivateClaimsError)?;
        Ok(self.content.claims.clone().with_private(private))
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedToken")
            .field(&self.content.claims.sub)
            .finish()
    }
}

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

/// The token's private members do not have the shape that the application asked for.
#[derive(Debug, thiserror::Error)]
#[error("the token's private claims do not fit the type that was asked for")]
pub struct PrivateClaimsError(#[source] pub(crate) serde_json::Error);
