//! What the example servers share: settings, keys, users, and starting and stopping.

pub(crate) mod auth;
pub(crate) mod config;
pub(crate) mod keys;
pub(crate) mod server;
pub(crate) mod users;
