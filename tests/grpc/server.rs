//! A tonic service behind the layer, without generated code.

use std::{
    convert::Infallible,
    future::{Future, ready},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::net::TcpListener;
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    server::{Grpc, NamedService},
    transport::{Server, server::TcpIncoming},
};
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service, layer::util::Stack, service_fn};
use tower_bearer::{VerifiedToken, bearer::BearerLayer, session::Sessions};

pub(crate) const SAY: &str = "/test.Hello/Say";
pub(crate) const COUNT: &str = "/test.Hello/Count";
pub(crate) const FOLLOW: &str = "/test.Hello/Follow";
/// What a call of `Follow` sends whose stream is to go on until the session is over.
pub(crate) const ENDLESS: &str = "endless";
/// What a call of `Count` sends that is to be refused after its first message.
pub(crate) const LATE: &str = "late";

pub(crate) const EXPIRED: &str = r#"Bearer realm="api", error="invalid_token", error_description="the access token has expired""#;

/// A `google.protobuf.StringValue` of less than 128 bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_u8(0x0a);
        buffer.put_u8(text.len().try_into().unwrap());
        buffer.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let text = bytes.get(2..).unwrap_or_default();
        Ok(Some(String::from_utf8(text.to_vec()).unwrap()))
    }
}

#[derive(Clone, Default)]
pub(crate) struct Hello {
    pub(crate) sessions: Option<Sessions>,
}

impl NamedService for Hello {
    const NAME: &'static str = "test.Hello";
}

impl Service<http::Request<Body>> for Hello {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let sessions = self.sessions.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Text);
            Ok(match request.uri().path() {
                SAY => grpc.unary(service_fn(say), request).await,
                COUNT => grpc.server_streaming(service_fn(count), request).await,
                FOLLOW => {
                    let sessions = sessions.expect("sessions");
                    let follow = service_fn(move |request| follow(sessions.clone(), request));
                    grpc.server_streaming(follow, request).await
                }
                path => panic!("{path}"),
            })
        })
    }
}

/// As the manual shows it.
async fn say(request: Request<String>) -> Result<Response<String>, Status> {
    let token = request.extensions().get::<VerifiedToken>();
    let token = token.ok_or_else(|| Status::internal("no BearerLayer saw this call"))?;
    Ok(Response::new(format!("hello {}", token.claims().sub)))
}

async fn count(
    request: Request<String>,
) -> Result<Response<impl Stream<Item = Result<String, Status>>>, Status> {
    let mut replies = vec![Ok("one".to_owned()), Ok("two".to_owned())];
    if request.get_ref() == LATE {
        let mut metadata = MetadataMap::new();
        metadata.insert("www-authenticate", EXPIRED.parse().unwrap());
        let refused = Status::with_metadata(Code::Unauthenticated, "too late", metadata);
        replies[1] = Err(refused);
    }
    Ok(Response::new(tokio_stream::iter(replies)))
}

/// As the manual shows it.
async fn follow(
    sessions: Sessions,
    request: Request<String>,
) -> Result<Response<impl Stream<Item = Result<String, Status>>>, Status> {
    let token = request.extensions().get::<VerifiedToken>();
    let token = token.ok_or_else(|| Status::internal("no BearerLayer saw this call"))?;
    let over = sessions.over(token).shared();
    let last = over.clone();
    let refused = stream::once(async move {
        // None where the news have ended by themselves.
        let reason = last.peek()?;
        Some(Err(Status::unauthenticated(format!("{reason:?}"))))
    });
    let more = match request.get_ref() == ENDLESS {
        true => stream::pending().left_stream(),
        false => stream::empty().right_stream(),
    };
    let news = stream::iter([Ok("one".to_owned())]).chain(more);
    let news = news.take_until(over).chain(refused.filter_map(ready));
    Ok(Response::new(news))
}

/// Serves it until the test ends.
pub(crate) async fn serve<L, B>(layer: L, hello: Hello) -> SocketAddr
where
    L: Layer<tonic::service::Routes> + Clone + Send + 'static,
    L::Service: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    <L::Service as Service<http::Request<Body>>>::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = Server::builder()
        .accept_http1(true)
        .layer(layer)
        .add_service(hello);
    tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
    addr
}

/// The layer outside of the one that translates gRPC-Web, or inside.
pub(crate) fn outside(layer: BearerLayer) -> Stack<GrpcWebLayer, BearerLayer> {
    Stack::new(GrpcWebLayer::new(), layer)
}

pub(crate) fn inside(layer: BearerLayer) -> Stack<BearerLayer, GrpcWebLayer> {
    Stack::new(layer, GrpcWebLayer::new())
}
