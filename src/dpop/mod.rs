//! Tokens that are bound to a key of the client (RFC 9449): whoever presents one proves with each
//! request that it holds the key.

mod proof_key;
mod signer;

pub use proof_key::{Proof, ProofError, ProofKey};
pub use signer::{ProofSigner, SignerError};
