use std::{fmt, sync::Arc};

use super::source::IssuerKeys;
use crate::{
    claims::{Content, Scope},
    error::{ConfigError, ConfigErrorKind, TokenError},
    issuer::check_names,
    json,
    profile::TokenProfile,
    trace,
};

/// Where the address of an issuer has the tenant (Microsoft writes it so in its own documents).
const TENANT: &str = "{tenantid}";

/// An issuer whose tokens a [`Verifier`](super::Verifier) accepts: its name, its keys, the audience
/// that its tokens have to name, and how they look.
///
/// ```
/// use tower_bearer::{
///     Algorithm, KeySet, Scope, SigningKey, TokenProfile, TrustedIssuer, Verifier,
/// };
///
/// # let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?).verifying();
/// # let partner_keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?).verifying();
/// const READ: Scope = Scope::from_static("read");
///
/// let own = TrustedIssuer::new("https://id.example", "https://api.example", keys)?;
/// let partner = TrustedIssuer::new("https://partner.example", "https://api.example", partner_keys)?
///     .profile(TokenProfile::rfc9068())
///     .limit_scope(READ);
/// let verifier = Verifier::trusting([own, partner])?;
/// # let _ = verifier;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TrustedIssuer {
    /// The values of `iss`, which are compared byte for byte. They are sorted: a provider may have thousands
    /// of tenants.
    names: Vec<Name>,
    audiences: Vec<String>,
    pub(super) keys: IssuerKeys,
    pub(super) profile: TokenProfile,
    limit: Option<Scope>,
}

#[derive(Clone, Debug)]
struct Name {
    issuer: String,
    tenant: Option<String>,
}

/// Whether the tenant is a segment of the issuer's path.
pub(crate) fn has_tenant(issuer: &str, tenant: &str) -> bool {
    !tenant.is_empty() && issuer.split('/').any(|part| part == tenant)
}

impl Name {
    /// Whether this is the name of the issuer of this tenant. An issuer that was not made from a template
    /// has its tenant as a segment of its path.
    fn is_of(&self, tenant: &str) -> bool {
        match &self.tenant {
            Some(own) => own == tenant,
            None => has_tenant(&self.issuer, tenant),
        }
    }

    /// Whether a key that is bound to this issuer, or to all issuers of a template, may sign for it.
    fn is_named_by(&self, key_issuer: &str) -> bool {
        let Some((before, after)) = key_issuer.split_once(TENANT) else {
            return key_issuer == self.issuer;
        };
        let rest = self.issuer.strip_prefix(before);
        match (rest.and_then(|rest| rest.strip_suffix(after)), &self.tenant) {
            (None, _) => false,
            (Some(tenant), Some(own)) => tenant == own,
            (Some(tenant), None) => !tenant.is_empty() && !tenant.contains('/'),
        }
    }
}

/// Metadata has to name the issuer as its tokens do (RFC 8414 §3.3), so no token would pass.
fn of_another(discovered: &str, issuer: &str) -> ConfigError {
    let other = format!(
        "the keys were discovered as those of {discovered:?}, and the issuer is {issuer:?}: give both \
         the same name, or the address of the keys to RemoteKeys::at"
    );
    ConfigError::new(ConfigErrorKind::KeysOfAnotherIssuer, other)
}

impl TrustedIssuer {
    /// Trusts tokens whose `iss` is `issuer`, byte for byte, and that are meant for `audience`, which
    /// is the name of this API.
    ///
    /// # Errors
    ///
    /// [`EmptyIssuer`](ConfigErrorKind::EmptyIssuer) or
    /// [`EmptyAudience`](ConfigErrorKind::EmptyAudience) if the name is empty, and
    /// [`KeysOfAnotherIssuer`](ConfigErrorKind::KeysOfAnotherIssuer) if the keys were discovered by
    /// another name than `issuer`, be it only by a slash.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: impl Into<IssuerKeys>,
    ) -> Result<Self, ConfigError> {
        let (issuer, keys) = (issuer.into(), keys.into());
        let name = Name {
            issuer: issuer.clone(),
            tenant: None,
        };
        let trusted = Self::named(vec![name], audience.into(), keys)?;
        match trusted.keys.issuer() {
            Some(discovered) if discovered != issuer => Err(of_another(discovered, &issuer)),
            _ => Ok(trusted),
        }
    }

    /// Trusts tokens of some tenants of a provider that serves all of them with the same keys.
    /// `template` is the value of `iss` with `{tenantid}` in the place of the tenant. Tokens of tenants
    /// that are not listed are refused, and so are those whose
    /// [tenant claim](TokenProfile::tenant_claim) names another tenant than their issuer does, and those
    /// that are signed with a key whose JWK has a member `issuer` for another one. In that member,
    /// `{tenantid}` stands for any tenant.
    ///
    /// ```
    /// # use tower_bearer::{Algorithm, KeySet, SigningKey};
    /// use tower_bearer::TrustedIssuer;
    ///
    /// # let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?).verifying();
    /// let issuer = TrustedIssuer::of_tenants(
    ///     "https://login.example/{tenantid}/v2.0",
    ///     ["72f988bf-0000", "9188040d-0000"],
    ///     "https://api.example",
    ///     keys,
    /// )?;
    /// # let _ = issuer;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EmptyIssuer`](ConfigErrorKind::EmptyIssuer) if the template does not have `{tenantid}`
    /// exactly once, or if there is no tenant or an empty one;
    /// [`EmptyAudience`](ConfigErrorKind::EmptyAudience) if the audience is empty.
    pub fn of_tenants<T: Into<String>>(
        template: &str,
        tenants: impl IntoIterator<Item = T>,
        audience: impl Into<String>,
        keys: impl Into<IssuerKeys>,
    ) -> Result<Self, ConfigError> {
        let refused = |why: &'static str| ConfigError::new(ConfigErrorKind::EmptyIssuer, why);
        if template.matches(TENANT).count() != 1 {
            return Err(refused("the template needs {tenantid} exactly once"));
        }
        let tenants: Vec<String> = tenants.into_iter().map(Into::into).collect();
        if tenants.is_empty() || tenants.iter().any(String::is_empty) {
            return Err(refused("list the tenants whose tokens are accepted"));
        }
        let named = |tenant: String| Name {
            issuer: template.replace(TENANT, &tenant),
            tenant: Some(tenant),
        };
        let names = tenants.into_iter().map(named).collect();
        Self::named(names, audience.into(), keys.into())
    }

    fn named(
        mut names: Vec<Name>,
        audience: String,
        keys: IssuerKeys,
    ) -> Result<Self, ConfigError> {
        for name in &names {
            check_names(&name.issuer, &audience)?;
        }
        names.sort_unstable_by(|one, other| one.issuer.cmp(&other.issuer));
        Ok(Self {
            names,
            audiences: vec![audience],
            keys,
            profile: TokenProfile::default(),
            limit: None,
        })
    }

    /// Also accepts tokens for this audience.
    ///
    /// # Errors
    ///
    /// [`EmptyAudience`](ConfigErrorKind::EmptyAudience) if it is empty.
    pub fn audience(mut self, audience: impl Into<String>) -> Result<Self, ConfigError> {
        let audience = audience.into();
        for name in &self.names {
            check_names(&name.issuer, &audience)?;
        }
        self.audiences.push(audience);
        Ok(self)
    }

    /// How the tokens of this issuer look. The default is RFC 9068.
    #[must_use]
    pub fn profile(self, profile: TokenProfile) -> Self {
        Self { profile, ..self }
    }

    /// The most that the tokens of this issuer may allow. Other scope tokens that they name are left
    /// out of [`Claims::scope`](crate::Claims::scope). The default is no limit. It limits neither
    /// [roles](crate::VerifiedToken::roles) nor private claims: which issuer's roles count is the
    /// application's to decide, by [`Claims::iss`](crate::Claims::iss).
    #[must_use]
    pub fn limit_scope(self, scope: Scope) -> Self {
        Self {
            limit: Some(scope),
            ..self
        }
    }

    /// The values of `iss` that its tokens have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| name.issuer.as_str())
    }

    fn name(&self, iss: &str) -> Option<&Name> {
        let found = self
            .names
            .binary_search_by(|name| name.issuer.as_str().cmp(iss));
        self.names.get(found.ok()?)
    }

    /// Reads the payload of a token that the issuer has signed, with a key that may be bound to one
    /// issuer.
    pub(super) fn read(
        &self,
        payload: &[u8],
        key_issuer: Option<&str>,
    ) -> Result<Arc<Content>, TokenError> {
        let mut content = self.profile.read(payload)?;
        self.check(&content, key_issuer)?;
        if let Some(limit) = &self.limit {
            // Nobody else has the claims yet.
            let content = Arc::get_mut(&mut content).ok_or(TokenError::Claims)?;
            content.claims.scope = content.claims.scope.intersection(limit);
        }
        Ok(content)
    }

    /// Nothing is shown of the token, which anybody may have made.
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables, clippy::unused_self))]
    pub(super) fn log_unopened(&self, token: &str, error: TokenError) {
        trace::debug!(
            issuers = ?self.names().collect::<Vec<_>>(),
            keys = self.keys.set.list().len(),
            segments = token.split('.').count(),
            bytes = token.len(),
            %error,
            "a token was not opened"
        );
    }

    /// Whether a token with these claims is one of this issuer for this API.
    fn check(&self, content: &Content, key_issuer: Option<&str>) -> Result<(), TokenError> {
        let claims = &content.claims;
        let name = self.name(&claims.iss);
        let name = name.ok_or_else(|| {
            trace::debug!(
                expected = ?self.names().collect::<Vec<_>>(),
                iss = %trace::shown(&claims.iss),
                "a token is of another issuer"
            );
            TokenError::Issuer
        })?;
        if let Some(claim) = self.profile.tenant() {
            let tenant = json::find(&content.private, claim).and_then(|held| held.as_str());
            if !tenant.is_some_and(|tenant| name.is_of(tenant)) {
                trace::debug!(claim, issuer = ?name.issuer, "a token does not name the tenant of its issuer");
                return Err(TokenError::Issuer);
            }
        }
        if key_issuer.is_some_and(|of_key| !name.is_named_by(of_key)) {
            trace::debug!(
                issuer = ?name.issuer,
                key_issuer,
                "the key of a token is bound to another issuer"
            );
            return Err(TokenError::Issuer);
        }
        let is_for_us = |audience: &String| claims.aud.contains(audience);
        if !self.audiences.iter().any(is_for_us) && !self.profile.takes_any_audience() {
            trace::debug!(
                issuer = ?name.issuer,
                expected = ?self.audiences,
                aud = %trace::shown(&claims.aud),
                "a token is meant for another audience"
            );
            return Err(TokenError::Audience);
        }
        Ok(())
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.debug_struct("TrustedIssuer")
            .field("names", &names)
            .field("audiences", &self.audiences)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
