//! The services that only a log-in asks, on loopback: IAM Identity Center (its portal and its tokens), AWS Sign-In, the
//! metadata service of EC2, and the credentials of a container. moto has none of them. A test says what is answered, as
//! AWS documents it.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use serde_json::Value;

/// A request, with the names of its headers in lower case.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method and the path: `GET /federation/credentials?role_name=x`.
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// The status and the body of an answer. A second part of the status is the type of an error of AWS.
pub type Answer = (&'static str, String);

/// A server that answers by a function, and keeps what it was asked. It ends when this is dropped.
pub struct Services {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Services {
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + 'static) -> Services {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (requests, end) = (Arc::clone(&seen), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                let stream = stream.unwrap();
                let Some(request) = read(&stream) else { continue };
                requests.lock().unwrap().push(request.clone());
                reply(&stream, answer(&request));
            }
        });
        Services { address, seen, ended, thread: Some(thread) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// Returns the lines of the requests since the last call.
    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let ended = self.thread.take().map(JoinHandle::join);
        // A check in the function that answers failed.
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()), "a request was wrong");
    }
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Returns the access key of the signature.
    pub fn key(&self) -> &str {
        let credential = self.header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
        credential.split('/').next().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Reads a request. A connection that sends none is not one.
fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or_default() == 0 {
        return None;
    }
    let line = line.rsplit_once(" HTTP/").unwrap().0.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(Request { line, headers, body: String::from_utf8(body).unwrap() })
}

fn reply(mut stream: &TcpStream, (status, body): Answer) {
    let (status, kind) = status.split_once(' ').unwrap_or((status, ""));
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n");
    let kind = if kind.is_empty() { String::new() } else { format!("x-amzn-ErrorType: {kind}\r\n") };
    // The metadata service says how long its token is valid.
    let _ = write!(stream, "{head}{kind}x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n{body}");
}
