//! A cluster of two MariaDB servers, each of which takes writes.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::{
    ServerClock, free_port,
    mariadb::{Install, MariaDb, SET_UP},
};
use crate::skipped;

const LIBRARY: &str = "/usr/lib/galera/libgalera_smm.so";

/// Two servers that go by one clock.
pub struct Galera {
    pub nodes: [MariaDb; 2],
}

/// A server that joins has the data already. So what is to copy them for it copies nothing, and only tells
/// where they end; what came after is sent by the other server itself.
const TRANSFER: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --role) role=$2 ;;
    --gtid) gtid=$2 ;;
  esac
  shift
done
folder=$(dirname "$0")
if [ "$role" = donor ]; then
  echo "$gtid" >"$folder/new" && mv "$folder/new" "$folder/gtid"
  echo "done $gtid"
else
  echo "ready 127.0.0.1"
  until [ -s "$folder/gtid" ]; do sleep 0.1; done
  cat "$folder/gtid"
fi
"#;

impl Galera {
    /// A cluster, where MariaDB and Galera are installed.
    pub async fn start() -> Option<Self> {
        if !Path::new(LIBRARY).is_file() {
            skipped("Galera is not installed");
            return None;
        }
        let begins = settings(1, "gcomm://");
        let begins: Vec<&str> = begins.iter().map(String::as_str).collect();
        let mut first = MariaDb::serve(Install::make(&begins, &[])?).await;
        first.run(SET_UP).await;
        first.stop();
        let address: String = begins[0].replace("--wsrep-node-address=", "gcomm://");
        let mut install = first.install.copied(&settings(2, &address));
        let programs = first.install.home.path().to_owned();
        let transfer = programs.join("wsrep_sst_nothing");
        fs::write(&transfer, TRANSFER).expect("writable");
        fs::set_permissions(&transfer, Permissions::from_mode(0o755)).expect("its own");
        first.install.programs = Some(programs.clone());
        install.programs = Some(programs);
        install.clock = first.install.clock.clone();
        first.restart().await;
        let second = MariaDb::serve(install).await;
        let mut nodes = [first, second];
        // While one joins, the other is busy with it.
        for node in &mut nodes {
            node.wait().await;
        }
        Some(Self { nodes })
    }

    /// A hand on the clock of both servers, where libfaketime is installed.
    pub fn clock(&self) -> Option<&ServerClock> {
        self.nodes[0].clock()
    }
}

/// The settings of a server, its address within the cluster first.
fn settings(number: u32, cluster: &str) -> [String; 9] {
    let [address, transfer] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    [
        format!("--wsrep-node-address={address}"),
        format!("--wsrep-cluster-address={cluster}"),
        format!("--server-id={number}"),
        format!("--wsrep-provider={LIBRARY}"),
        format!(
            "--wsrep-provider-options=gmcast.listen_addr=tcp://{address};ist.recv_addr={transfer};\
             gcache.size=8M"
        ),
        "--wsrep-on=1".to_owned(),
        "--wsrep-sst-method=nothing".to_owned(),
        "--binlog-format=ROW".to_owned(),
        "--innodb-autoinc-lock-mode=2".to_owned(),
    ]
}
