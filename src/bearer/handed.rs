//! The ways for clients that cannot set the `Authorization` header: the protocols of a WebSocket, and a ticket.

use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Request, Uri, header::SEC_WEBSOCKET_PROTOCOL};

use super::{
    challenge::Rejection,
    credentials::mark_sensitive,
    protocol::{TokenProtocol, opens_websocket},
    rules::Carriage,
};
use crate::{
    claims::VerifiedToken,
    error::TokenError,
    ticket::{self, Found, Redeemed, SecretId, Tickets},
    token::AccessToken,
    trace,
};

/// Which of the ways are open. None is, unless the application asks for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways {
    pub(super) protocol: Option<TokenProtocol>,
    pub(super) tickets: Option<Tickets>,
}

/// A token that a layer has taken, in the request's extensions. Only one layer can find a token that is taken out
/// of the request, and those inside it go by this.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    token: Arc<AccessToken>,
    way: Way,
}

#[derive(Clone, Debug)]
pub(super) enum Way {
    /// The `Authorization` header or a cookie, where each layer finds it. It is here for tickets.
    Usual,
    /// After this prefix.
    Protocol(TokenProtocol),
    /// By which secret it was opened, and whether the request for the ticket has proved the key that the token is bound to.
    Ticket { secret: SecretId, is_proved: bool },
}

impl Handed {
    pub(super) fn new(token: AccessToken, way: Way) -> Self {
        let token = Arc::new(token);
        Self { token, way }
    }

    pub(super) fn token(&self) -> &[u8] {
        self.token.expose().as_bytes()
    }

    pub(super) fn carriage(&self) -> Carriage {
        match self.way {
            Way::Usual | Way::Protocol(_) => Carriage::Bare,
            Way::Ticket { is_proved, .. } => Carriage::ByTicket { is_proved },
        }
    }
}

impl Ways {
    pub(super) fn are_closed(&self) -> bool {
        self.protocol.is_none() && self.tickets.is_none()
    }

    pub(super) fn gives_tickets(&self) -> bool {
        self.tickets.is_some()
    }

    /// Takes the token out of the request, so that nothing behind the layer logs it or sends it back. A client uses
    /// one way (RFC 6750 §2), and whether another was used is known before a ticket is used up. A cookie is not up
    /// to the client.
    pub(super) fn take<B>(
        &self,
        request: &mut Request<B>,
        has_usual: bool,
    ) -> Result<Option<Handed>, Rejection> {
        let by_protocol = self.take_protocol(request)?;
        let ticket = self.take_ticket(request)?;
        let handed = match (by_protocol, ticket) {
            (None, None) => self.taken_before(request.extensions()),
            (Some(handed), None) => Some(handed),
            (None, Some(ticket)) if !has_usual => Some(ticket.redeem(request)?),
            (_, Some(_)) => return Err(Rejection::malformed()),
        };
        match handed {
            Some(_) if has_usual => Err(Rejection::malformed()),
            handed => Ok(handed),
        }
    }

    /// What a layer around this one has taken, if this one would have taken it too.
    fn taken_before(&self, extensions: &Extensions) -> Option<Handed> {
        let handed = extensions.get::<Handed>()?;
        let is_open = match &handed.way {
            Way::Usual => false,
            Way::Protocol(prefix) => {
                let own = self.protocol.as_ref();
                own.is_some_and(|own| own.as_str() == prefix.as_str())
            }
            Way::Ticket { secret, .. } => {
                let own = self.tickets.as_ref().map(Tickets::secret_id);
                own == Some(*secret)
            }
        };
        is_open.then(|| handed.clone())
    }

    fn take_protocol<B>(&self, request: &mut Request<B>) -> Result<Option<Handed>, Rejection> {
        let Some(protocol) = &self.protocol else {
            return Ok(None);
        };
        mark_sensitive(request.headers_mut(), &SEC_WEBSOCKET_PROTOCOL);
        if !opens_websocket(request) {
            return Ok(None);
        }
        let token = protocol.take(request.headers_mut())?;
        Ok(token.map(|token| Handed::new(token, Way::Protocol(protocol.clone()))))
    }

    fn take_ticket<B>(&self, request: &mut Request<B>) -> Result<Option<Taken<'_>>, Rejection> {
        let Some(tickets) = &self.tickets else {
            return Ok(None);
        };
        let (text, rest) = match ticket::find(request.uri()) {
            Found::Absent => return Ok(None),
            Found::Malformed => return Err(Rejection::malformed()),
            Found::Ticket(text, rest) => (text, rest),
        };
        *request.uri_mut() = rest;
        let path = asked_path(request);
        Ok(Some(Taken {
            tickets,
            text,
            path,
        }))
    }

    /// The token as the application sees it, which can ask for a ticket if it did not come by one.
    #[inline]
    pub(super) fn with_text(&self, token: VerifiedToken, extensions: &Extensions) -> VerifiedToken {
        if !self.gives_tickets() {
            return token;
        }
        let handed = extensions.get::<Handed>();
        match handed.map(|handed| &handed.way) {
            Some(Way::Ticket { .. }) => token.by_ticket(),
            _ => token.with_text(handed.map(|handed| Arc::clone(&handed.token))),
        }
    }
}

/// A ticket that is taken out of its request, and not yet used up.
struct Taken<'a> {
    tickets: &'a Tickets,
    text: String,
    path: Uri,
}

impl Taken<'_> {
    fn redeem<B>(self, request: &Request<B>) -> Result<Handed, Rejection> {
        if request.method() != Method::GET && !opens_websocket(request) {
            trace::debug!("a ticket comes with another method than GET");
            return Err(TokenError::Ticket.into());
        }
        if is_foreign_link(request.headers()) {
            trace::debug!("a ticket comes in a link of another site");
            return Err(Rejection::cross_origin());
        }
        let Redeemed { token, is_proved } = self.tickets.redeem(&self.text, self.path.path())?;
        let secret = self.tickets.secret_id();
        Ok(Handed::new(token, Way::Ticket { secret, is_proved }))
    }
}

/// Whether a page of another site makes the browser go to this address, as with somebody else's ticket in it.
fn is_foreign_link(headers: &HeaderMap) -> bool {
    let is = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
    is("sec-fetch-site", "cross-site") && is("sec-fetch-mode", "navigate")
}

/// The address that the client has asked for, without the ticket: a nested router of axum keeps the whole one
/// beside the request.
#[cfg(feature = "axum")]
fn asked_path<B>(request: &mut Request<B>) -> Uri {
    let extensions = request.extensions_mut();
    match extensions.get_mut::<axum::extract::OriginalUri>() {
        Some(original) => {
            if let Found::Ticket(_, rest) = ticket::find(original) {
                original.0 = rest;
            }
            original.0.clone()
        }
        None => request.uri().clone(),
    }
}

#[cfg(not(feature = "axum"))]
fn asked_path<B>(request: &mut Request<B>) -> Uri {
    request.uri().clone()
}
