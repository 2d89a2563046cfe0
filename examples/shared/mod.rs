//! What the example servers share: settings, keys, users, and stores, starting and stopping.

pub(crate) mod auth;
pub(crate) mod config;
pub(crate) mod keys;
mod provider;
pub(crate) mod server;
pub(crate) mod store;
pub(crate) mod users;
