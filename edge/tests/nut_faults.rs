//! The source `nut` with servers that break the protocol: facts become unknown with a reason, and nothing hangs or
//! grows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use dag::source::{self, SourceEvent, SourceSettings, SourceStatus, Sources, Timing};
use dag_config::Source;
use dag_engine::{Millis, Name, Time, Value};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time,
};

/// How a server treats a connection.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Ends it at once.
    Closes,
    /// Reads requests and never responds.
    Stalls,
    /// Sends a byte now and then, and never ends the line.
    Drips,
    /// Sends one endless line.
    Floods,
    /// Sends the same response to every request.
    Answers(&'static str),
    /// Lists UPSes without end.
    ListsForEver,
    /// Ends in the middle of a response.
    Breaks,
}

impl Manner {
    async fn serve(self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut question = String::new();
        match self {
            Manner::Closes => {}
            Manner::Stalls => while stream.read_u8().await.is_ok() {},
            Manner::Drips => loop {
                stream.write_all(b"V").await?;
                time::sleep(Duration::from_millis(5)).await;
            },
            Manner::Floods => loop {
                stream.write_all(&[b'V'; 4096]).await?;
            },
            Manner::Answers(answer) => {
                while stream.read_line(&mut question).await? > 0 {
                    stream.write_all(answer.as_bytes()).await?;
                }
            }
            Manner::ListsForEver => {
                stream.read_line(&mut question).await?;
                stream.write_all(b"ERR UNKNOWN-UPS\nBEGIN LIST UPS\n").await?;
                loop {
                    stream.write_all(b"UPS one \"the same\"\n").await?;
                }
            }
            Manner::Breaks => {
                stream.read_line(&mut question).await?;
                stream.write_all(b"VAR ups ups.st").await?;
            }
        }
        Ok(())
    }
}

/// Serves one connection after the other, each in the next manner, and all further ones in the last. Returns the
/// address, and a count of the connections.
async fn serve(manners: &'static [Manner]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = counter.fetch_add(1, SeqCst);
            tokio::spawn(manners[number.min(manners.len() - 1)].serve(stream));
        }
    });
    (address, count)
}

/// Watches the mains by a server that may take `patience` for each response.
fn watch(address: &str, patience: Duration) -> Sources {
    let nut = Source::Nut { address: address.to_owned(), ups: "ups".to_owned(), poll: Millis::new(10) };
    let (first_wait, longest_wait) = (Duration::from_millis(5), Duration::from_millis(20));
    let settings =
        SourceSettings { nut: Timing { response: patience, first_wait, longest_wait }, ..SourceSettings::default() };
    source::start(&BTreeMap::from([(Name::new("power"), nut)]), &settings, || Time::from_millis(7)).unwrap()
}

const PATIENT: Duration = Duration::from_secs(20);
const HASTY: Duration = Duration::from_millis(100);

async fn next(sources: &mut Sources) -> (SourceStatus, Vec<Option<Value>>) {
    let SourceEvent { status, observations, .. } =
        time::timeout(PATIENT * 2, sources.events.recv()).await.expect("no event").expect("the sources ended");
    (status, observations.iter().map(|seen| seen.value).collect())
}

async fn check(manners: &'static [Manner], patience: Duration, reason: &str) {
    let (address, _) = serve(manners).await;
    let mut sources = watch(&address, patience);
    assert_eq!(next(&mut sources).await, (SourceStatus::Lost(reason.to_owned()), vec![None]), "{manners:?}");
}

#[tokio::test]
async fn a_server_that_closes_is_lost() {
    let reason = "the NUT server closed the connection: upsd was stopped or started again, or serves too many already";
    check(&[Manner::Closes], PATIENT, reason).await;
    check(&[Manner::Breaks], PATIENT, reason).await;
}

#[tokio::test]
async fn a_server_that_stalls_is_lost_in_time() {
    let reason = "the NUT server did not answer within 100ms: check it and the network between";
    check(&[Manner::Stalls], HASTY, reason).await;
    check(&[Manner::Drips], HASTY, reason).await;
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_lost_with_its_response() {
    for (manners, response) in [
        (&[Manner::Answers("HTTP/1.1 400 Bad Request\r\n")], "it sent `HTTP/1.1 400 Bad Request`"),
        (&[Manner::Answers("\n")], "it sent ``"),
        (&[Manner::Answers("VAR ups battery.charge \"1\"\n")], "it sent `VAR ups battery.charge \\\"1\\\"`"),
        (&[Manner::Answers("VAR other ups.status \"OL\"\n")], "it sent `VAR other ups.status \\\"OL\\\"`"),
        (&[Manner::Floods], "it sent a line of more than 1024 bytes"),
        (&[Manner::ListsForEver], "it sent a list without end"),
    ] {
        let reason =
            format!("what answers does not speak the NUT protocol ({response}): check that `address` is that of upsd");
        check(manners, PATIENT, &reason).await;
    }
}

#[tokio::test]
async fn a_server_that_answers_with_an_error_is_lost_with_what_to_do() {
    for (manners, reason) in [
        (
            &[Manner::Answers("ERR DATA-STALE\n")],
            "upsd has no fresh data of the UPS (DATA-STALE): check its cable, and its driver on the server",
        ),
        (
            &[Manner::Answers("ERR ACCESS-DENIED\n")],
            "upsd denies this host (ACCESS-DENIED): allow it in the server's configuration",
        ),
        (
            &[Manner::Answers("ERR VAR-NOT-SUPPORTED\n")],
            "the UPS does not tell `ups.status`: see what it tells with `upsc`",
        ),
        (&[Manner::Answers("ERR FEATURE-\x07\n")], "the NUT server answered the error FEATURE-\\u{7}"),
    ] {
        check(manners, PATIENT, reason).await;
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_lost_with_the_reason() {
    let mut sources = watch("127.0.0.1", PATIENT);
    let (status, values) = next(&mut sources).await;
    let reason = "the NUT server cannot be reached (invalid socket address): check that upsd runs and that `address` \
                  is right";
    assert_eq!((status, values), (SourceStatus::Lost(reason.to_owned()), vec![None]));
}

#[tokio::test]
async fn a_server_that_works_again_is_recovered() {
    let (address, connections) =
        serve(&[Manner::Closes, Manner::Floods, Manner::Closes, Manner::Answers("VAR ups ups.status \"OB\"\n")]).await;
    let mut sources = watch(&address, PATIENT);
    let mut losses = 0;
    loop {
        match next(&mut sources).await {
            (SourceStatus::Lost(_), _) => losses += 1,
            found => break assert_eq!(found, (SourceStatus::Recovered, vec![Some(Value::Off)])),
        }
    }
    assert_eq!((losses, connections.load(SeqCst)), (3, 4));
}

#[tokio::test]
async fn stale_data_does_not_end_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut sources = watch(&listener.local_addr().unwrap().to_string(), PATIENT);
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    let mut question = String::new();
    let [ok, stale] = ["VAR ups ups.status \"OL\"\n", "ERR DATA-STALE\n"];
    for (answer, values) in [(ok, vec![Some(Value::On)]), (stale, vec![None]), (ok, vec![Some(Value::On)])] {
        stream.read_line(&mut question).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        assert_eq!(next(&mut sources).await.1, values);
    }
    assert_eq!(question, "GET VAR ups ups.status\n".repeat(3));
}

#[tokio::test]
async fn dropping_the_sources_closes_their_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sources = watch(&listener.local_addr().unwrap().to_string(), PATIENT);
    let (mut stream, _) = listener.accept().await.unwrap();
    drop(sources);
    let mut asked = Vec::new();
    time::timeout(PATIENT, stream.read_to_end(&mut asked)).await.expect("the connection stays open").unwrap();
}
