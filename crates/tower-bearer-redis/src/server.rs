//! One server, over a connection that all calls share.

use std::{io, time::Duration};

use redis::{
    Cmd, ConnectionInfo, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value,
    aio::ConnectionManager, cmd,
};
use tokio::time::error::Elapsed;

use crate::{link::Link, options::Wait, scripts};

/// How the driver begins when a server refuses the database of a new connection. It has no kind of its own.
const NO_DATABASE: &str = "refused to switch database";

/// The answer to a single command of a batch.
pub(super) type Answer = RedisResult<Value>;

/// A server.
#[derive(Clone)]
pub(super) struct Server {
    link: Link,
}

/// A batch as a server is to take it.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// The wait that the batch ends with, if there is one.
    pub(super) wait: Option<Wait>,
    /// Whether the server is to take commands for a slot that is only about to become its own.
    pub(super) asking: bool,
}

impl Server {
    pub(super) fn new(manager: ConnectionManager) -> Self {
        let link = Link::over(manager);
        Self { link }
    }

    /// Connects within the time, and tries again a few times, as the server may be starting.
    pub(super) async fn connect(server: ConnectionInfo, timeout: Duration) -> RedisResult<Self> {
        let server = Self::lazy(server, timeout)?;
        let ping = tokio::time::timeout(timeout, async { server.exchange(&[cmd("PING")]).await });
        ping.await.unwrap_or_else(late)?;
        Ok(server)
    }

    /// Connects when it is first used.
    pub(super) fn lazy(server: ConnectionInfo, timeout: Duration) -> RedisResult<Self> {
        let link = Link::lazy(server, timeout)?;
        Ok(Self { link })
    }

    /// Loads all scripts into the server, and makes sure that it supports the wait.
    pub(super) async fn prepare(&self, wait: Option<Wait>) -> RedisResult<()> {
        let all: Vec<_> = scripts::load().chain(wait.map(Wait::command)).collect();
        let answers = self.exchange(&all).await?;
        answers
            .into_iter()
            .find_map(Result::err)
            .map_or(Ok(()), Err)
    }

    /// Sends commands. If the server does not have a script, loads all scripts and sends the
    /// commands again that were not executed.
    pub(super) async fn send(&self, commands: &[Cmd], manner: Manner) -> RedisResult<Vec<Answer>> {
        let mut answers = self.send_once(commands, manner).await?;
        let unknown = those(commands, &answers, |it| is(it, ServerErrorKind::NoScript));
        if !unknown.is_empty() {
            self.exchange(&scripts::load().collect::<Vec<_>>()).await?;
            let again = self.send_once(&unknown, manner).await?;
            replace(&mut answers, again, |it| is(it, ServerErrorKind::NoScript));
        }
        if answers.iter().any(|it| is(it, ServerErrorKind::ReadOnly)) {
            self.leave().await;
        }
        Ok(answers)
    }

    /// Sends commands, and the wait if there is one. If the wait fails, all commands fail.
    async fn send_once(&self, commands: &[Cmd], manner: Manner) -> RedisResult<Vec<Answer>> {
        if manner.wait.is_none() && !manner.asking {
            return self.exchange(commands).await;
        }
        let each = commands.iter().flat_map(|command| {
            let asking = manner.asking.then(|| cmd("ASKING"));
            asking.into_iter().chain([command.clone()])
        });
        let all: Vec<_> = each.chain(manner.wait.map(Wait::command)).collect();
        let mut answers = self.exchange(&all).await?;
        if let Some(wait) = manner.wait {
            let waited = answers.pop().unwrap_or(Ok(Value::Nil));
            if let Err(error) = waited.and_then(|reached| wait.check(&reached)) {
                let done = answers.iter_mut().filter(|answer| answer.is_ok());
                done.for_each(|answer| *answer = Err(error.clone()));
            }
        }
        if manner.asking {
            answers = answers.into_iter().skip(1).step_by(2).collect();
        }
        Ok(answers)
    }

    /// Sends all commands as one batch over one connection, so that a wait covers the writes before
    /// it.
    pub(super) async fn exchange(&self, commands: &[Cmd]) -> RedisResult<Vec<Answer>> {
        let mut current = self.link.current();
        let manager = &mut current.manager;
        // A pipeline costs more than a single command.
        let answers = match commands {
            [command] => manager
                .send_packed_command(command)
                .await
                .map(|it| vec![it]),
            commands => {
                let mut batch = Pipeline::with_capacity(commands.len());
                for command in commands {
                    batch.add_command(command.clone());
                }
                manager
                    .send_packed_commands(&batch, 0, commands.len())
                    .await
            }
        };
        match answers {
            Ok(answers) => Ok(answers.into_iter().map(Value::extract_error).collect()),
            Err(error) => {
                if is_refused(&error) {
                    self.link.renew(&current);
                }
                match commands.len() {
                    1 if is_answer(&error) => Ok(vec![Err(error)]),
                    _ => Err(error),
                }
            }
        }
    }

    /// Closes the connection if its server is a replica, so that a new one is made. A server that
    /// becomes a replica keeps its connections, while its address may lead to the new primary.
    async fn leave(&self) {
        let mut manager = self.link.current().manager;
        let role = manager.send_packed_command(&cmd("ROLE")).await;
        // Several calls may fail together. The first one may have closed the connection already.
        if role.is_ok_and(|role| !is_primary(&role)) {
            // `QUIT` closes the connection. `PING` notices that, so that no other call fails.
            for last in ["QUIT", "PING"] {
                let _ = manager.send_packed_command(&cmd(last)).await;
            }
        }
    }
}

fn is_primary(role: &Value) -> bool {
    match role {
        Value::Array(role) => role.first() == Some(&Value::BulkString(b"master".to_vec())),
        _ => false,
    }
}

/// Whether the error is an answer of the server.
pub(super) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Whether this is what the driver makes of a connection that a server refused to set up, or what a server says to one
/// that it does not take for the user's any more. Any other answer is one to a command, and the connection
/// works.
fn is_refused(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io => false,
        ErrorKind::Server(ServerErrorKind::ResponseError) => {
            error.to_string().contains(NO_DATABASE)
        }
        ErrorKind::Server(_) => false,
        ErrorKind::Extension => error.code() == Some("NOAUTH"),
        _ => true,
    }
}

/// Whether the connection was lost before the answer came.
pub(super) fn is_lost(answer: &Answer) -> bool {
    let error = answer.as_ref().err();
    error.is_some_and(RedisError::is_unrecoverable_error)
}

fn is(answer: &Answer, kind: ServerErrorKind) -> bool {
    let error = answer.as_ref().err();
    error.is_some_and(|error| error.kind() == ErrorKind::Server(kind))
}

/// The failure of a batch that was not answered in time.
pub(super) fn late<T>(elapsed: Elapsed) -> RedisResult<T> {
    Err(io::Error::from(elapsed).into())
}

/// The answer to each of so many commands: a batch that failed is the failure of each.
pub(super) fn each(count: usize, sent: RedisResult<Vec<Answer>>) -> Vec<Answer> {
    sent.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}

/// The commands whose answers are such ones.
pub(super) fn those(commands: &[Cmd], answers: &[Answer], such: fn(&Answer) -> bool) -> Vec<Cmd> {
    let both = commands.iter().zip(answers);
    let both = both.filter(|(_, answer)| such(answer));
    both.map(|(command, _)| command.clone()).collect()
}

/// Puts the answers of a second attempt in the place of such answers of the first.
pub(super) fn replace(answers: &mut [Answer], again: Vec<Answer>, such: fn(&Answer) -> bool) {
    let old = answers.iter_mut().filter(|answer| such(answer));
    for (old, new) in old.zip(again) {
        *old = new;
    }
}
