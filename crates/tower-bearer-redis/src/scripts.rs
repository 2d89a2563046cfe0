//! What runs on the server. Each script touches one key, which is all that a cluster allows.

use std::sync::LazyLock;

use redis::{Cmd, cmd};

/// The bytes of a swap's arguments, which are the most that is called often.
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

// What only changes a row in place takes no memory, and so goes on where the memory is full.
pub(super) static LOAD: Lazy = script!("#!lua flags=allow-oom", "load.lua");
pub(super) static SWAP: Lazy = script!("#!lua flags=allow-oom", "swap.lua");
pub(super) static CONFIRM: Lazy = script!("#!lua flags=allow-oom", "now.lua", "confirm.lua");
pub(super) static END: Lazy = script!("#!lua flags=allow-oom", "now.lua", "end.lua");
pub(super) static PAGE: Lazy = script!("#!lua flags=allow-oom", "page.lua");
pub(super) static ENLIST: Lazy = script!("#!lua", "now.lua", "enlist.lua");

impl Script {
    fn new(code: &'static str) -> Self {
        let hash = redis::Script::new(code).get_hash().to_owned();
        Self { code, hash }
    }

    /// A command that runs the script, if the server has it.
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

/// The commands that give the server all of the scripts.
pub(super) fn load() -> impl Iterator<Item = Cmd> {
    let all = [&LOAD, &SWAP, &CONFIRM, &END, &PAGE, &ENLIST];
    all.into_iter().map(|script| {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(script.code);
        load
    })
}
