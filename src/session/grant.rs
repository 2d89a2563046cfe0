use std::{net::IpAddr, time::Duration};

use serde::Serialize;

use super::{
    KeyProof, Metadata, PrivateClaims, SessionError,
    authentication::UNKNOWN,
    lifetimes::{Lifetimes, SHORTEST},
    limits::cut,
};
use crate::{
    claims::{Actor, Scope},
    clock::Timestamp,
    context::RequestContext,
    error::ConfigError,
};

/// What a login grants: to whom, which scope and for how long.
///
/// No method fails. [`Sessions::start`](super::Sessions::start) reports what is wrong with the
/// grant.
///
/// # Limits
///
/// Every store keeps a session within these limits. Sizes are in bytes.
///
/// | what | at most | if there is more |
/// | --- | --- | --- |
/// | subject | 1 KiB, and not empty | [`InvalidRequest`] |
/// | client | 1 KiB, and not empty | [`InvalidRequest`] |
/// | scope | 8 KiB | [`InvalidRequest`] |
/// | actor | 1 KiB, and not empty | [`InvalidRequest`] |
/// | authentication context class | 1 KiB, and not empty | [`InvalidRequest`] |
/// | authentication methods together | 1 KiB, and none empty | [`InvalidRequest`] |
/// | resources together | 4 KiB | [`InvalidTarget`] |
/// | each value of the metadata | 1 KiB | it is cut |
/// | metadata, names and values together | 64 KiB | [`Grant`] |
/// | claims, as JSON, with roles, groups and entitlements | 64 KiB | [`Grant`] |
/// | a lifetime | a thousand years, and not below the access lifetime, unless the session is [taken over](super::Takeover) | [`Grant`] |
/// | issuer, set once for all sessions | 512 bytes | no `Sessions` can be built |
///
/// Of these, all but the metadata and the lifetimes go into the access token, which is at most 8 KiB long. If the token
/// would be longer, that is [`InvalidRequest`] if it is too long even without the claims, and
/// otherwise [`Grant`].
///
/// A subject, a client, a scope and resources may come from a request, so [`InvalidRequest`] and
/// [`InvalidTarget`] are answered with a 400. [`Grant`] is a fault of the application, and answered with a 500.
///
/// [`InvalidTarget`]: super::SessionErrorKind::InvalidTarget
/// [`InvalidRequest`]: super::SessionErrorKind::InvalidRequest
/// [`Grant`]: super::SessionErrorKind::Grant
///
/// ```
/// use tower_bearer::{Scope, session::Grant};
///
/// const GRANTED: Scope = Scope::from_static("profile mail");
///
/// let grant = Grant::new("user-42").scope(GRANTED).metadata("device", "Anna's phone");
/// ```
#[derive(Debug)]
#[must_use]
pub struct Grant {
    pub(super) subject: String,
    pub(super) scope: Scope,
    pub(super) client_id: Option<String>,
    pub(super) auth_time: Option<Timestamp>,
    pub(super) acr: Option<String>,
    pub(super) amr: Vec<String>,
    pub(super) actor: Option<Actor>,
    pub(super) cookies_end_with_browser: bool,
    pub(super) resources: Vec<String>,
    pub(super) claims: PrivateClaims,
    roles: Vec<String>,
    groups: Vec<String>,
    entitlements: Vec<String>,
    pub(super) metadata: Metadata,
    pub(super) proof: Option<KeyProof>,
    pub(super) context: Option<RequestContext>,
    idle_lifetime: Option<Duration>,
    session_lifetime: Option<Duration>,
    fault: Option<ConfigError>,
}

impl Grant {
    /// A grant to `subject`, the user's identifier: the `sub` claim.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scope: Scope::empty(),
            client_id: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            actor: None,
            cookies_end_with_browser: false,
            resources: Vec::new(),
            claims: PrivateClaims::default(),
            roles: Vec::new(),
            groups: Vec::new(),
            entitlements: Vec::new(),
            metadata: Metadata::new(),
            proof: None,
            context: None,
            idle_lifetime: None,
            session_lifetime: None,
            fault: None,
        }
    }

    /// Adds this scope to the granted one (RFC 6749 §3.3).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = self.scope.union(&scope);
        self
    }

    /// Binds the session to this OAuth client. Without it the session is bound to no client, and the `client_id`
    /// of its access tokens is the issuer's [`default_client_id`](crate::Issuer::default_client_id).
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Binds the session to the key that the client has just proved to hold. Its refresh tokens are
    /// then of no use without that key, and copies of the client that share the key never log each
    /// other out. See [the manual](crate::manual::protocol#bound-sessions).
    ///
    /// A binding cannot be undone. A session that begins without one can be
    /// [bound](super::Sessions::bind) later.
    pub fn bound_to(mut self, proof: KeyProof) -> Self {
        self.proof = Some(proof);
        self
    }

    /// When the user authenticated, if not right now: the `auth_time` claim (RFC 9068 §2.2.1).
    pub fn auth_time(mut self, at: Timestamp) -> Self {
        self.auth_time = Some(at);
        self
    }

    /// How the user authenticated, as an authentication context class: the `acr` claim (RFC 9068 §2.2.1).
    /// Resource servers can [require](crate::bearer::BearerLayer::require_acr) one.
    ///
    /// A session keeps its class through all refreshes, as it keeps its [`auth_time`](Self::auth_time). When the user
    /// has authenticated again or in a stronger way, [say so](super::Sessions::reauthenticate): whoever holds an older
    /// token gains nothing.
    pub fn acr(mut self, class: impl Into<String>) -> Self {
        self.acr = Some(class.into());
        self
    }

    /// By what methods the user authenticated, such as `pwd` and `otp` (RFC 8176 §2): the `amr` claim (RFC 9068 §2.2.1).
    /// They are kept as the [class](Self::acr) is, and change with it.
    ///
    /// ```
    /// use tower_bearer::session::Grant;
    ///
    /// let grant = Grant::new("user-42").acr("mfa").amr(["pwd", "otp"]);
    /// ```
    pub fn amr<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.amr = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Who acts for the user in this session, such as an administrator who looks into the user's account: the claim
    /// `act` (RFC 8693 §4.1) of each of its access tokens. The subject is still the user.
    ///
    /// The user has not authenticated for it. So unless [`auth_time`](Self::auth_time) says something else, the
    /// session's is 1970, and a route that asks for a [recent login](crate::bearer::BearerLayer::require_max_age)
    /// refuses the actor. A route that is for the user alone says
    /// [`require_no_actor`](crate::bearer::BearerLayer::require_no_actor). The user sees the session in the
    /// [list](super::Sessions::list), with the actor's name, and can end it. It is one of the user's sessions
    /// where their [number](super::SessionsBuilder::max_sessions) is limited.
    ///
    /// Neither a refresh nor its hook changes the actor. Give the session a short
    /// [lifetime](Self::session_lifetime), and let the hook ask whether the actor may go on.
    ///
    /// While servers are upgraded from a version that did not know actors, wait with this call until all of
    /// them are: an older one gives such a session tokens that seem to be the user's own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_bearer::{Claims, TokenResponse, session::{Grant, SessionError, Sessions}};
    ///
    /// const QUARTER: Duration = Duration::from_secs(15 * 60);
    ///
    /// /// The application has checked that this administrator may do so, and that nobody acts for them.
    /// async fn look_into(sessions: &Sessions, admin: &Claims, user: &str) -> Result<TokenResponse, SessionError> {
    ///     let grant = Grant::new(user).actor(&admin.sub).idle_lifetime(QUARTER).session_lifetime(QUARTER);
    ///     sessions.start(grant).await
    /// }
    /// ```
    pub fn actor(mut self, actor: impl Into<Actor>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// The resources that the user has granted access to (RFC 8707), each an absolute URI without a
    /// fragment: the `resource` parameters of the login. The access tokens of the session are for them, and
    /// not for the [audience](crate::Issuer::audience) of the issuer, unless it is one of them. At a refresh
    /// the client can ask for a token for some of them only, so that none can use it at another.
    ///
    /// Without this call the tokens are for the audience of the issuer.
    ///
    /// A token for one resource can do nothing at another but this: whoever holds it, the resource
    /// included, can end the whole session at the
    /// [revocation endpoint](crate::endpoint::RevocationEndpoint), unless clients have to
    /// [authenticate](crate::endpoint::EndpointOptions::require_client_authentication) there.
    ///
    /// While servers are upgraded from a version that did not know resources, wait with this call until all
    /// of them are: an older one gives the tokens of such a session the audience of the issuer.
    ///
    /// ```
    /// use tower_bearer::session::Grant;
    ///
    /// let grant = Grant::new("user-42").resources(["https://mail.example", "https://files.example"]);
    /// ```
    pub fn resources<R: Into<String>>(mut self, resources: impl IntoIterator<Item = R>) -> Self {
        self.resources.extend(resources.into_iter().map(Into::into));
        self
    }

    /// Adds roles of the user: the claim [`roles`](crate::Claims::roles) (RFC 9068 §2.2.3.1) of each access token.
    ///
    /// They are kept among the [claims](Self::claims), and like those they go on until the refresh hook gives others.
    /// To ask for the user's roles of now at each refresh:
    ///
    /// ```
    /// use tower_bearer::session::{Grant, SessionInfo};
    /// use tower_bearer::claims::PrivateClaims;
    ///
    /// # fn roles_of(user: &str) -> Vec<String> { vec!["editor".to_owned()] }
    /// let grant = Grant::new("user-42").roles(roles_of("user-42"));
    ///
    /// /// What `on_refresh` answers.
    /// async fn refreshed(session: SessionInfo) -> PrivateClaims {
    ///     session.claims.with_roles(roles_of(&session.subject))
    /// }
    /// ```
    pub fn roles<V: Into<String>>(mut self, roles: impl IntoIterator<Item = V>) -> Self {
        self.roles.extend(roles.into_iter().map(Into::into));
        self
    }

    /// Adds groups of the user: the claim [`groups`](crate::Claims::groups), kept as [roles](Self::roles) are.
    pub fn groups<V: Into<String>>(mut self, groups: impl IntoIterator<Item = V>) -> Self {
        self.groups.extend(groups.into_iter().map(Into::into));
        self
    }

    /// Adds what the user is entitled to: the claim [`entitlements`](crate::Claims::entitlements), kept as
    /// [roles](Self::roles) are.
    pub fn entitlements<V: Into<String>>(
        mut self,
        entitlements: impl IntoIterator<Item = V>,
    ) -> Self {
        self.entitlements
            .extend(entitlements.into_iter().map(Into::into));
        self
    }

    /// The application's own claims. They go into each access token of the session until the
    /// [refresh hook](super::SessionsBuilder::on_refresh) gives others. [Roles](Self::roles), groups and entitlements
    /// may be among them, if they are not told by the methods of those names.
    pub fn claims(mut self, claims: &impl Serialize) -> Self {
        match PrivateClaims::new(claims) {
            Ok(claims) => self.claims = claims,
            Err(error) => _ = self.fault.get_or_insert(error),
        }
        self
    }

    /// Adds a note that is shown when sessions are listed, such as a device label, a user agent or
    /// an address.
    ///
    /// The value may come from a request as it is. If it is longer than 1 KiB, it is cut before the
    /// character that would go beyond, and nothing tells of that. The names should be the
    /// application's own.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), cut(value.into()));
        self
    }

    /// Lets the cookies of this session go when the browser is closed: "remember me" that was not ticked, or a
    /// machine that others use too. They are then set without `Max-Age`, at the login and at each refresh (RFC 6265
    /// §5.3). The [lifetimes](Self::idle_lifetime) are as they are, so set short ones as well: the session
    /// does not end by this, and a browser that continues where the user left off brings its cookies back.
    /// [The manual](crate::manual::context#cookies-that-end-with-the-browser) says which do.
    ///
    /// It does nothing for clients whose tokens are in no cookie.
    pub fn cookies_end_with_browser(mut self) -> Self {
        self.cookies_end_with_browser = true;
        self
    }

    /// What is known of the request that logs in. The [event](super::SessionEvent) of the login tells its address.
    /// Of a user who is [taken over](super::Takeover) it is by default the request that brings the foreign token.
    ///
    /// ```
    /// use http::Request;
    /// use tower_bearer::session::Grant;
    ///
    /// fn granted<B>(request: &Request<B>, user: &str) -> Grant {
    ///     Grant::new(user).context(request)
    /// }
    /// ```
    pub fn context(mut self, context: impl Into<RequestContext>) -> Self {
        self.context = Some(context.into());
        self
    }

    /// How long an unused refresh token of this session lives, rounded down to whole
    /// milliseconds. Use it for "stay signed in", or for a device that is trusted less. Without it
    /// the [configured](super::SessionsBuilder::idle_lifetime) lifetime applies.
    ///
    /// It must be at least the access lifetime, unless the session is [taken over](super::Takeover), and at most the
    /// session's own lifetime.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_bearer::session::Grant;
    ///
    /// const HOUR: Duration = Duration::from_secs(60 * 60);
    /// let on_a_borrowed_device = Grant::new("user-42").idle_lifetime(HOUR).session_lifetime(8 * HOUR);
    /// ```
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.idle_lifetime = Some(lifetime);
        self
    }

    /// How long after the login this session expires, however often it is refreshed. Without it
    /// the [configured](super::SessionsBuilder::session_lifetime) lifetime applies.
    ///
    /// It must be at least the access lifetime, unless the session is [taken over](super::Takeover), and at most a
    /// thousand years. If it is below the configured idle lifetime, refresh tokens live as long as the session.
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = Some(lifetime);
        self
    }

    /// The session's own idle lifetime, if it has one, and its session lifetime.
    pub(super) fn lifetimes(
        &self,
        configured: Lifetimes,
    ) -> Result<(Option<Duration>, Duration), ConfigError> {
        let own = configured.of_a_session(self.idle_lifetime, self.session_lifetime);
        own.check()?;
        Ok((self.idle_lifetime.map(|_| own.idle), own.session))
    }

    /// Of a session that another program has begun. `None` if nothing is left of it. Less than a second counts as one.
    pub(super) fn of_what_is_left(self) -> Option<Self> {
        let (idle, session) = (self.idle_lifetime, self.session_lifetime);
        if idle.is_some_and(|idle| idle.is_zero()) || session.is_some_and(|rest| rest.is_zero()) {
            return None;
        }
        let a_second_at_least = |lifetime: Duration| lifetime.max(SHORTEST);
        let idle = idle.map(|idle| idle.min(session.unwrap_or(idle)));
        Some(Self {
            idle_lifetime: idle.map(a_second_at_least),
            session_lifetime: session.map(a_second_at_least),
            ..self
        })
    }

    /// When the user authenticated. If somebody else logs in, the user has not done so.
    pub(super) fn authenticated_at(&self, now: Timestamp) -> Timestamp {
        let by_this_login = match self.actor {
            None => now,
            Some(_) => UNKNOWN,
        };
        self.auth_time.unwrap_or(by_this_login)
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        self.context.as_ref().and_then(RequestContext::address)
    }

    pub(super) fn validated(mut self) -> Result<Self, SessionError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
        }
        let whole = self.with_user_attributes()?;
        whole.check()?;
        Ok(whole)
    }

    /// Puts roles and the like among the claims, where a store keeps them.
    fn with_user_attributes(mut self) -> Result<Self, ConfigError> {
        let roles = std::mem::take(&mut self.roles);
        let groups = std::mem::take(&mut self.groups);
        let entitlements = std::mem::take(&mut self.entitlements);
        self.claims = self
            .claims
            .adding("roles", roles)?
            .adding("groups", groups)?
            .adding("entitlements", entitlements)?;
        Ok(self)
    }
}
