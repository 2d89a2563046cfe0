//! What a statement costs the server.

use super::*;
