/// The SHA-256 thumbprint of a public key (RFC 7638). It is not a secret.
// Boxed, since most sessions have none: they then need the room of a pointer only.
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
