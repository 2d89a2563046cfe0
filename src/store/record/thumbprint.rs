/// The thumbprint of a public key, made with SHA-256 (RFC 7638).
///
/// It is the hash of what everybody may know, and no secret.
// Boxed, so that a session without one, as most are, has room for a pointer only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyThumbprint(Box<[u8; 32]>);

impl KeyThumbprint {
    /// Takes the 32 bytes of the hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Box::new(bytes))
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
