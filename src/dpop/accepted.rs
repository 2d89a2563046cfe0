//! What is known of a request whose proof was accepted, so that it can be checked in several places.

use std::sync::Arc;

use http::Extensions;

use super::verifier::Memories;
use crate::claims::KeyThumbprint;

/// A proof that came with a request, and the memory in which it was noted.
#[derive(Clone)]
pub(crate) struct Accepted {
    memory: Arc<Memories>,
    key: KeyThumbprint,
    jti: Arc<str>,
}

/// In the extensions of a request, where no client can put anything.
#[derive(Clone, Default)]
struct OfRequest(Vec<Accepted>);

impl Accepted {
    pub(super) fn new(memory: &Arc<Memories>, key: &KeyThumbprint, jti: &str) -> Self {
        Self {
            memory: memory.clone(),
            key: key.clone(),
            jti: jti.into(),
        }
    }

    /// Notes with the request that this proof has come with it, and was accepted.
    pub(crate) fn note(self, extensions: &mut Extensions) {
        let OfRequest(noted) = extensions.get_or_insert_default();
        noted.push(self);
    }

    /// Whether it was accepted for this request, by the same memory.
    pub(super) fn is_noted(&self, extensions: &Extensions) -> bool {
        extensions.get().is_some_and(|OfRequest(noted)| {
            noted.iter().any(|noted| {
                let is_same_proof = (&noted.key, &noted.jti) == (&self.key, &self.jti);
                is_same_proof && Arc::ptr_eq(&noted.memory, &self.memory)
            })
        })
    }
}
