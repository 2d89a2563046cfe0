//! A server that says of itself that it is the primary of a replica set, notes each command that it is
//! sent, and answers as a test tells it to. It shows what goes over the wire and what the store
//! makes of the answers, and nothing of MongoDB.

use std::{
    io,
    sync::{Arc, Mutex},
};

use mongodb::bson::{DateTime, Document, doc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The time by the server's clock, in milliseconds.
pub(super) const TIME: i64 = 4_000_000_000_000;

/// What becomes of a command.
pub(super) enum Reply {
    Answer(Document),
    /// The connection is closed instead.
    Close,
    /// Nothing comes.
    Silence,
}

type Script = dyn Fn(&Document) -> Option<Reply> + Send + Sync;

#[derive(Clone)]
pub(super) struct Scripted {
    port: u16,
    hello: Document,
    commands: Arc<Mutex<Vec<Document>>>,
    script: Arc<Mutex<Box<Script>>>,
}

impl Scripted {
    pub(super) async fn start() -> Self {
        Self::start_with(doc! {}).await
    }

    /// A server that says this too of itself.
    pub(super) async fn start_with(also: Document) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut hello = doc! {
            "ok": 1, "isWritablePrimary": true, "ismaster": true, "helloOk": true,
            "setName": "rs", "setVersion": 1, "me": address.to_string(),
            "primary": address.to_string(), "hosts": [address.to_string()],
            "minWireVersion": 0, "maxWireVersion": 21, "logicalSessionTimeoutMinutes": 30,
            "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000, "localTime": DateTime::from_millis(TIME),
        };
        hello.extend(also);
        let server = Self {
            port: address.port(),
            hello,
            commands: Arc::default(),
            script: Arc::new(Mutex::new(Box::new(|_| None))),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(client));
            }
        });
        server
    }

    pub(super) fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/tests", self.port)
    }

    /// Answers commands by this from now on, and as usual where it gives nothing.
    pub(super) fn script(
        &self,
        script: impl Fn(&Document) -> Option<Reply> + Send + Sync + 'static,
    ) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Answers every command of this name so.
    pub(super) fn answer(&self, name: &'static str, answer: Document) {
        self.script(move |command| {
            (name_of(command) == name).then(|| Reply::Answer(answer.clone()))
        });
    }

    /// The commands since the last time, without what the driver adds to each.
    pub(super) fn commands(&self) -> Vec<Document> {
        std::mem::take(&mut self.commands.lock().unwrap())
    }

    async fn serve(self, mut client: TcpStream) -> io::Result<()> {
        loop {
            let (request, command) = receive(&mut client).await?;
            match self.reply(command) {
                Reply::Answer(answer) => send(&mut client, request, &answer).await?,
                Reply::Close => return Ok(()),
                Reply::Silence => std::future::pending().await,
            }
        }
    }

    fn reply(&self, mut command: Document) -> Reply {
        let name = name_of(&command);
        let is_handshake = command.contains_key("client") || command.contains_key("helloOk");
        let is_own = matches!(
            name.as_str(),
            "ping" | "endSessions" | "isMaster" | "killCursors"
        );
        if is_own || is_handshake || (name == "hello" && !command.contains_key("lsid")) {
            return Reply::Answer(self.hello.clone());
        }
        for added in ["lsid", "$db", "$clusterTime", "$readPreference"] {
            command.remove(added);
        }
        self.commands.lock().unwrap().push(command.clone());
        if let Some(reply) = (self.script.lock().unwrap())(&command) {
            return reply;
        }
        Reply::Answer(match name.as_str() {
            "hello" => self.hello.clone(),
            "find" => found(vec![]),
            "insert" | "update" | "delete" => doc! { "ok": 1, "n": 1, "nModified": 1 },
            _ => doc! { "ok": 1 },
        })
    }
}

pub(super) fn name_of(command: &Document) -> String {
    command.keys().next().cloned().unwrap_or_default()
}

/// The answer to a `find`.
pub(super) fn found(documents: Vec<Document>) -> Document {
    doc! { "ok": 1, "cursor": { "id": 0_i64, "ns": "tests.tower_bearer_sessions", "firstBatch": documents } }
}

/// Reads a command and the number of its message.
async fn receive(client: &mut TcpStream) -> io::Result<(i32, Document)> {
    let mut header = [0; 16];
    client.read_exact(&mut header).await?;
    let number = |at: usize| i32::from_le_bytes(header[at..at + 4].try_into().unwrap());
    assert_eq!(number(12), 2013, "the operation");
    let mut body = vec![0; number(0) as usize - header.len()];
    client.read_exact(&mut body).await?;
    let mut rest = &body[4..];
    let mut command = Document::new();
    while let Some((kind, section)) = rest.split_first() {
        rest = section;
        match kind {
            0 => command.extend(document(&mut rest)),
            1 => {
                let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
                let (section, after) = rest.split_at(length);
                let (name, mut documents) = name(&section[4..]);
                let mut all = Vec::new();
                while !documents.is_empty() {
                    all.push(document(&mut documents));
                }
                command.insert(name, all);
                rest = after;
            }
            other => panic!("a section of the kind {other}"),
        }
    }
    Ok((number(4), command))
}

fn document(rest: &mut &[u8]) -> Document {
    Document::from_reader(rest).expect("a document")
}

fn name(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).expect("an end");
    let name = String::from_utf8(bytes[..end].to_vec()).expect("a name");
    (name, &bytes[end + 1..])
}

async fn send(client: &mut TcpStream, to: i32, answer: &Document) -> io::Result<()> {
    let mut body = vec![0; 5];
    answer.to_writer(&mut body).expect("a document");
    let length = i32::try_from(16 + body.len()).unwrap();
    let header = [length, 0, to, 2013].map(i32::to_le_bytes).concat();
    client.write_all(&[header, body].concat()).await
}
