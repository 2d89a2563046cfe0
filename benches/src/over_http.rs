//! [`OverHttp`]: a client that refreshes over HTTP all the time.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::crowd::Client;

/// Where a server takes refreshes, and what it wants to be told.
#[derive(Clone, Debug)]
pub struct Route {
    /// The server's address.
    pub server: SocketAddr,
    /// The path of its token endpoint.
    pub path: String,
    /// What the form begins with; the refresh token follows.
    pub form: String,
}

/// A keep-alive connection that sends the refresh token of the last answer. It reads no more of
/// an answer than where it ends, its status, and the next token.
pub struct OverHttp {
    stream: TcpStream,
    head: String,
    form: String,
    token: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl OverHttp {
    /// Connects a client that has this token.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached.
    pub async fn connect(route: &Route, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(route.server).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            head: format!(
                "POST {} HTTP/1.1\r\nhost: localhost\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: ",
                route.path
            ),
            form: format!("{}&refresh_token=", route.form),
            token: token.into(),
            request: Vec::new(),
            answer: Vec::new(),
        })
    }

    async fn exchange(&mut self) -> io::Result<()> {
        let length = self.form.len() + self.token.len();
        self.request.clear();
        self.request.extend(self.head.as_bytes());
        self.request.extend(format!("{length}\r\n\r\n").as_bytes());
        self.request.extend(self.form.as_bytes());
        self.request.extend(&self.token);
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        while !is_whole(&self.answer) {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// The token of the answer, unless it is a refusal.
    fn next(&self) -> Option<&[u8]> {
        const MEMBER: &[u8] = b"\"refresh_token\":\"";
        let answer = &self.answer[..];
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return None;
        }
        let token = &answer[find(answer, MEMBER)? + MEMBER.len()..];
        Some(&token[..find(token, b"\"")?])
    }
}

impl Client for OverHttp {
    /// A rotation: an answer with the same token again is none, and has cost what it costs.
    async fn once(&mut self) {
        loop {
            self.exchange().await.expect("an answer");
            let next = self.next().map(<[u8]>::to_vec);
            let next = next.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&self.answer)));
            if self.token != next {
                self.token = next;
                return;
            }
        }
    }
}

/// Whether an answer is there with all of its body.
fn is_whole(answer: &[u8]) -> bool {
    const BETWEEN: &[u8] = b"\r\n\r\n";
    let Some(head) = find(answer, BETWEEN) else {
        return false;
    };
    let body = &answer[head + BETWEEN.len()..];
    match content_length(&answer[..head]) {
        Some(length) => body.len() >= length,
        // It comes in chunks, of which the last is empty.
        None => body.ends_with(b"0\r\n\r\n"),
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| {
        let name = line.get(..NAME.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    })?;
    let value = std::str::from_utf8(&line[NAME.len()..]).ok()?;
    value.trim().parse().ok()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
