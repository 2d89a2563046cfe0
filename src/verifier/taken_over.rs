//! The access tokens of another program, whose users are taken over.

use super::{TrustedIssuer, Verifier};
use crate::{
    claims::Scope,
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    jws::{KeyError, VerifyingKey, VerifyingKeys},
    profile::TokenProfile,
};

/// The access tokens that another program has given out, and that are accepted until they expire, but no
/// longer than to a date. They are signed by HS256 with a secret and have no `iss`, as
/// `jwt.sign({ id }, secret, { expiresIn: "15m" })` writes them. Where they have no `iat` either, as those of Rust's
/// `jsonwebtoken` unless a program adds one, it is 1970.
///
/// ```
/// use tower_bearer::{
///     ForeignAccessTokens, TokenProfile, Verifier,
///     clock::Timestamp,
///     profile::Discriminator,
/// };
///
/// # fn verifier(own: Verifier, old_secret: &str) -> Result<Verifier, Box<dyn std::error::Error>> {
/// // The user is the claim `id`. Links to reset a password are signed with the same secret, and have `purpose`.
/// let shape = TokenProfile::jwt(Discriminator::absent(["purpose"])).subject_claims(["id"]);
/// const END_OF_2027: Timestamp = Timestamp::from_secs(1_830_297_600);
/// let old = ForeignAccessTokens::danger_from_any_secret(old_secret, shape, END_OF_2027)?;
/// let verifier = own.danger_take_over(old)?;
/// # Ok(verifier)
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ForeignAccessTokens {
    keys: VerifyingKeys,
    profile: TokenProfile,
    scope: Scope,
    until: Timestamp,
}

/// Foreign tokens, as a verifier trusts them.
#[derive(Clone, Debug)]
pub(super) struct TakenOver {
    pub(super) issuer: TrustedIssuer,
    pub(super) until: Timestamp,
}

impl ForeignAccessTokens {
    /// Tokens that are signed by HS256 with this secret, however short it is, and that look as `profile` says,
    /// except that they have no `iss` and their `aud` is not compared. From `until` on, by the verifier's
    /// clock, none is accepted.
    ///
    /// This is dangerous: whoever has one of the tokens can find a short secret out by trial, and then sign
    /// tokens for any user. So a token gets no more than its [scope](Self::scope) here: its roles, its client,
    /// its `acr` and its `auth_time` do not count, and what is left among the private claims is as weak as the
    /// secret. The other program has lived with that; here it ends at `until`, which
    /// should be no later than the last of its tokens expires.
    ///
    /// The same secret must sign nothing else that could pass for an access token. If it does, say by the
    /// [`Discriminator`](crate::profile::Discriminator) of the profile what tells them apart.
    ///
    /// # Errors
    ///
    /// [`Weak`](crate::jws::KeyErrorKind::Weak) if the secret is empty.
    pub fn danger_from_any_secret(
        secret: impl AsRef<[u8]>,
        profile: TokenProfile,
        until: Timestamp,
    ) -> Result<Self, KeyError> {
        let keys = VerifyingKeys::new([VerifyingKey::of_any_length(secret.as_ref())?])?;
        Ok(Self {
            keys,
            profile,
            scope: Scope::empty(),
            until,
        })
    }

    /// The most that these tokens allow, which is also the scope of those that name none. The default is none.
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

impl Verifier {
    /// Also accepts the access tokens of another program, whose users are
    /// [taken over](crate::manual::taking_over). Their claims have the `iss` of this verifier's issuer, so that
    /// handlers find the same users; no `aud` and no `sid`. As nobody knows their session, no logout ends
    /// them before they expire. Where all of a user's have to go at once, as after a change of the password, call
    /// [`Sessions::expire_access_tokens`](crate::session::Sessions::expire_access_tokens) as well, which refuses
    /// them too, but for this issuer's access lifetime and 10 minutes only: take over no tokens that live longer.
    ///
    /// A token with an `iss` is not one of them.
    ///
    /// # Errors
    ///
    /// [`Profile`](ConfigErrorKind::Profile) if the verifier does not trust exactly one issuer by one name, or has
    /// taken over the tokens of a program already.
    pub fn danger_take_over(self, tokens: ForeignAccessTokens) -> Result<Self, ConfigError> {
        let only = self.0.issuers.only_name().map(str::to_owned);
        let name = only.ok_or_else(|| {
            let unclear = "a verifier that takes over foreign access tokens has to trust exactly one issuer, by one name: \
                           its name is given to them";
            ConfigError::new(ConfigErrorKind::Profile, unclear)
        })?;
        if self.0.issuers.takes_over() {
            let twice = "a verifier takes over the tokens of one other program only";
            return Err(ConfigError::new(ConfigErrorKind::Profile, twice));
        }
        let ForeignAccessTokens {
            keys,
            profile,
            scope,
            until,
        } = tokens;
        // The audience is not compared.
        let issuer = TrustedIssuer::new(&*name, &*name, keys)?
            .profile(profile.of_another_program(name.clone(), scope));
        Ok(self.with(|inner| inner.issuers.take_over(TakenOver { issuer, until })))
    }
}
