//! The test kit: it does what it says, on every store.

#[cfg(test)]
mod challenges;
#[cfg(test)]
mod clocked;
#[cfg(test)]
mod failing;
#[cfg(test)]
#[cfg(feature = "http-client")]
mod issuer;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod turned;
