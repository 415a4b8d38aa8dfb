//! A collector that does as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::OtlpProtocol;

/// What it does with a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// Takes it.
    Taken,
    /// Takes all but one of its spans.
    Partly,
    /// May take it later, which is at once.
    Later,
    /// Does not take it.
    Never,
    /// Does not answer.
    Nothing,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) authorization: String,
    pub(super) traces: ExportTraceServiceRequest,
}

#[derive(Clone)]
struct Desk {
    received: Arc<Mutex<Vec<Received>>>,
    asked: watch::Sender<usize>,
    answer: Arc<dyn Fn(usize) -> Answer + Send + Sync>,
}

impl Desk {
    /// Takes note of a request. What is to be done with it.
    fn note(&self, received: Received) -> Answer {
        let n = {
            let mut all = self.received.lock().unwrap();
            all.push(received);
            all.len()
        };
        self.asked.send_replace(n);
        (self.answer)(n - 1)
    }
}

/// A collector.
pub(super) struct Collector {
    pub(super) endpoint: String,
    desk: Desk,
}

impl Collector {
    /// One that answers the request with this number, from 0, as `answer` says.
    pub(super) async fn open(protocol: OtlpProtocol, answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        let desk = Desk { received: Arc::default(), asked: watch::Sender::new(0), answer: Arc::new(answer) };
        let endpoint = match protocol {
            OtlpProtocol::Grpc => grpc(desk.clone()),
            OtlpProtocol::Http => http(desk.clone()).await,
        };
        Self { endpoint, desk }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.desk.received.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub(super) async fn asked(&self, n: usize) {
        let mut asked = self.desk.asked.subscribe();
        tokio::time::timeout(Duration::from_secs(60), asked.wait_for(|asked| *asked >= n)).await.unwrap().unwrap();
    }
}

fn grpc(desk: Desk) -> String {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", incoming.local_addr().unwrap());
    tokio::spawn(Server::builder().add_service(TraceServiceServer::new(desk)).serve_with_incoming(incoming));
    endpoint
}

#[tonic::async_trait]
impl TraceService for Desk {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let authorization = request.metadata().get("authorization").unwrap().to_str().unwrap().to_owned();
        let answer = self.note(Received { authorization, traces: request.into_inner() });
        match answer {
            Answer::Taken => Ok(Response::new(ExportTraceServiceResponse::default())),
            Answer::Partly => Ok(Response::new(partly())),
            // `google.rpc.Status` with a `RetryInfo` of no time at all.
            Answer::Later => {
                let info = b"\x1a\x2e\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x02\x0a\x00";
                Err(Status::with_details(tonic::Code::ResourceExhausted, "later", info.as_slice().into()))
            }
            Answer::Never => Err(Status::invalid_argument("never")),
            Answer::Nothing => std::future::pending().await,
        }
    }
}

fn partly() -> ExportTraceServiceResponse {
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too long".to_owned() };
    ExportTraceServiceResponse { partial_success: Some(partial) }
}

async fn http(desk: Desk) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(converse(stream, desk.clone()));
        }
    });
    endpoint
}

/// Answers the requests of one connection.
async fn converse(mut stream: TcpStream, desk: Desk) {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        let field = |name: &str| head.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        assert_eq!(field("content-type:").as_deref(), Some("application/x-protobuf"));
        let length: usize = field("content-length:").unwrap().parse().unwrap();
        while bytes.len() < end + length {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the client went away");
        }
        let traces = ExportTraceServiceRequest::decode(&bytes[end..end + length]).unwrap();
        bytes.drain(..end + length);
        let authorization = field("authorization:").unwrap().replace("bearer", "Bearer");
        let (status, header, body) = match desk.note(Received { authorization, traces }) {
            Answer::Taken => ("200 OK", "", Vec::new()),
            Answer::Partly => ("200 OK", "", partly().encode_to_vec()),
            Answer::Later => ("503 Service Unavailable", "retry-after: 0\r\n", Vec::new()),
            Answer::Never => ("400 Bad Request", "", Vec::new()),
            Answer::Nothing => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status}\r\n{header}content-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    }
}
