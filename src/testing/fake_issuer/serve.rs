use std::{io, sync::Arc};

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    Stage,
    answer::{Answer, AnyBody},
};

pub(super) async fn serve(listener: TcpListener, stage: Arc<Stage>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let stage = Arc::clone(&stage);
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(Arc::clone(&stage), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // Clients hang up in many of the tests.
            let _ = connection.await;
        });
    }
}

async fn answer(stage: Arc<Stage>, request: Request<Incoming>) -> io::Result<Response<AnyBody>> {
    let path = request.uri().path().to_owned();
    *stage.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    *stage.last.lock().unwrap() = Some(request.into_parts().0);
    let delay = *stage.delay.lock().unwrap();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let said = stage.answers.lock().unwrap().get(&path).cloned();
    let is_down = *stage.is_down.lock().unwrap();
    let said = match is_down {
        true => Answer::Cut,
        false => said.unwrap_or(Answer::status(404)),
    };
    let mut answer = said.given().await?;
    let given = stage.headers.lock().unwrap().clone();
    for name in given.keys() {
        answer.headers_mut().remove(name);
        for value in given.get_all(name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    let etag = answer.headers().get(header::ETAG);
    if etag.is_some() && etag == known.as_ref() {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Empty::new().boxed_unsync();
    }
    Ok(answer)
}
