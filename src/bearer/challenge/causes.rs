//! The errors that are answered by a rejection.

use super::Rejection;
#[cfg(feature = "dpop")]
use crate::{bearer::schemes::Schemes, dpop::DpopError, error::ErrorCode};
use crate::{
    error::TokenError,
    ticket::{TicketError, TicketErrorKind},
};

/// 401 `invalid_token`, or 400 `invalid_request` if the token is above the size limit.
impl From<TokenError> for Rejection {
    fn from(cause: TokenError) -> Self {
        Self {
            cause: Some(cause),
            ..Self::new(cause.into())
        }
    }
}

/// 401 `invalid_token` if the access token has expired or came by a ticket, and 400 `invalid_request` if it is too
/// long, or if the path is none, as it may be made of what the client sends. Otherwise 500: the layer does not know
/// the tickets, or the back end failed.
impl From<TicketError> for Rejection {
    fn from(error: TicketError) -> Self {
        match error.kind() {
            TicketErrorKind::Expired => TokenError::Expired.into(),
            TicketErrorKind::ByTicket => TokenError::Ticket.into(),
            TicketErrorKind::TooLong => TokenError::TooLong.into(),
            TicketErrorKind::Path => Self::malformed(),
            TicketErrorKind::Token | TicketErrorKind::Backend => Self::misconfigured(),
        }
    }
}

/// 401 `invalid_dpop_proof`, `use_dpop_nonce`, or `invalid_token` if the proof is right, but by
/// another key than the token's (RFC 9449 §7.1).
#[cfg(feature = "dpop")]
impl From<DpopError> for Rejection {
    fn from(error: DpopError) -> Self {
        let code = error.code();
        Self {
            cause: (code == ErrorCode::InvalidToken).then_some(TokenError::Unproven),
            description: Some(error.description()),
            nonce: error.nonce().cloned().map(Box::new),
            schemes: Schemes::of_passed(true),
            ..Self::new(code)
        }
    }
}
