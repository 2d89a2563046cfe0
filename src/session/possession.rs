/// What is known of the key that a session, or a refresh token of it, is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Possession {
    /// The token is bound to no key.
    #[default]
    Unbound,
    /// The token or its session is bound to a key, and the presenter has proved nothing, or that it
    /// holds another key.
    Unproven,
    /// The presenter has proved that it holds the key that the session is bound to.
    Proven,
}
