/// Why there is no ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct TicketError {
    kind: TicketErrorKind,
}

/// Why there is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketErrorKind {
    /// The path does not begin with a slash, is above 1024 bytes, has a query or a fragment, or is not
    /// written as in a URL.
    #[error("a ticket is for a path as it is in a URL, without a query")]
    Path,
    /// The token was not let through by a layer that was told of the tickets.
    #[error("the token's text is not known: it did not come through a layer with these tickets")]
    Token,
    /// The token came by a ticket itself.
    #[error("a token that came by a ticket gets no other")]
    ByTicket,
    /// The access token is longer than 8 KiB.
    #[error("the access token is too long for a ticket")]
    TooLong,
    /// The access token has expired since the layer has let it through.
    #[error("the access token has expired")]
    Expired,
    /// The operating system gave no random bytes, or the back end failed.
    #[error("the crypto back end failed")]
    Backend,
}

impl TicketError {
    /// Why there is no ticket.
    pub fn kind(&self) -> TicketErrorKind {
        self.kind
    }
}

impl From<TicketErrorKind> for TicketError {
    fn from(kind: TicketErrorKind) -> Self {
        Self { kind }
    }
}
