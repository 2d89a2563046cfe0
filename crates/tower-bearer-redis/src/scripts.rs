//! The scripts that run on the server. Each script uses only one key, as a cluster requires.

use std::sync::LazyLock;

use redis::{Cmd, cmd};

/// The size in bytes of the arguments of a swap, the largest call that is frequent.
const CALL: usize = 224;

pub(super) struct Script {
    code: &'static str,
    hash: String,
}

type Lazy = LazyLock<Script>;

macro_rules! script {
    ($first_line:literal, $($file:literal),+) => {
        LazyLock::new(|| Script::new(concat!($first_line, "\n", $(include_str!($file)),+)))
    };
}

// A script that changes a row in place takes no memory, so it may run even if the memory is full. One
// that ends a session takes some, or frees some, and must not fail for that.
pub(super) static LOAD: Lazy = script!("#!lua flags=allow-oom", "load.lua");
pub(super) static PEEK: Lazy = script!("#!lua flags=allow-oom", "peek.lua");
pub(super) static SWAP: Lazy = script!("#!lua flags=allow-oom", "swap.lua");
pub(super) static SWAP_END: Lazy = script!("#!lua flags=allow-oom", "close.lua", "swap_end.lua");
pub(super) static CONFIRM: Lazy = script!("#!lua flags=allow-oom", "now.lua", "confirm.lua");
pub(super) static END: Lazy = script!("#!lua flags=allow-oom", "close.lua", "end.lua");
pub(super) static NOTE: Lazy = script!("#!lua flags=allow-oom", "now.lua", "note.lua");
pub(super) static PAGE: Lazy = script!("#!lua flags=allow-oom", "page.lua");
pub(super) static WALK: Lazy = script!("#!lua flags=allow-oom", "walk.lua");
// It takes little, and a key that is to be retired must not wait for memory.
pub(super) static RING: Lazy = script!("#!lua flags=allow-oom", "ring.lua");
pub(super) static ENLIST: Lazy = script!("#!lua", "now.lua", "enlist.lua");

impl Script {
    fn new(code: &'static str) -> Self {
        let hash = redis::Script::new(code).get_hash().to_owned();
        Self { code, hash }
    }

    /// A command that runs the script on no key, but on all of a server.
    pub(super) fn on_all(&self, arguments: &[&[u8]]) -> Cmd {
        let mut call = Cmd::new();
        call.arg("EVALSHA").arg(&self.hash).arg(0).arg(arguments);
        call
    }

    /// A command that runs the script. It fails if the server does not have the script.
    pub(super) fn on(&self, key: &[u8], arguments: &[&[u8]]) -> Cmd {
        let mut call = Cmd::with_capacity(4 + arguments.len(), CALL);
        call.arg("EVALSHA")
            .arg(&self.hash)
            .arg(1)
            .arg(key)
            .arg(arguments);
        call
    }
}

/// The commands that load all scripts into the server.
pub(super) fn load() -> impl Iterator<Item = Cmd> {
    let all = [
        &LOAD, &PEEK, &SWAP, &SWAP_END, &CONFIRM, &END, &NOTE, &PAGE, &WALK, &ENLIST, &RING,
    ];
    all.into_iter().map(|script| {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(script.code);
        load
    })
}
