//! The stand-in as a program: what it has answered, it finds again after a kill.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use leafcutter_eventstoredb_protocol::{
    Empty, StreamIdentifier, Uuid,
    streams::{
        AppendReq, ProposedMessage, ReadReq, StreamOptions,
        append_req::Content,
        read_req,
        read_req::options::{CountOption, StreamOption},
        read_resp,
        stream_options::ExpectedStreamRevision,
        streams_client::StreamsClient,
    },
    uuid::Value,
};
use std::{collections::HashMap, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use tonic::transport::{Channel, Endpoint};

async fn start(journal: &Path) -> (Child, StreamsClient<Channel>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_leafcutter-eventstoredb-stand-in"))
        .args(["--listen", "127.0.0.1:0", "--journal"])
        .arg(journal)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line.strip_prefix("listening on ").unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    (child, StreamsClient::new(channel))
}

async fn append(client: &mut StreamsClient<Channel>, number: u8) {
    let options = StreamOptions {
        stream_identifier: Some(StreamIdentifier { stream_name: b"batch-1".to_vec() }),
        expected_stream_revision: Some(ExpectedStreamRevision::Any(Empty {})),
    };
    let id = uuid::Uuid::from_u128(number.into()).to_string();
    let event = ProposedMessage {
        id: Some(Uuid { value: Some(Value::String(id)) }),
        metadata: HashMap::from([
            ("type".to_owned(), "Numbered".to_owned()),
            ("content-type".to_owned(), "application/octet-stream".to_owned()),
        ]),
        custom_metadata: vec![],
        data: vec![number],
    };
    let messages = [Content::Options(options), Content::ProposedMessage(event)];
    let messages = messages.map(|content| AppendReq { content: Some(content) });
    client.append(tokio_stream::iter(messages)).await.unwrap();
}

async fn read(client: &mut StreamsClient<Channel>) -> Vec<u8> {
    let stream = read_req::StreamOptions {
        stream_identifier: Some(StreamIdentifier { stream_name: b"batch-1".to_vec() }),
        revision_option: None,
    };
    let options = read_req::Options {
        stream_option: Some(StreamOption::Stream(stream)),
        count_option: Some(CountOption::Count(u64::MAX)),
        ..read_req::Options::default()
    };
    let mut messages = client.read(ReadReq { options: Some(options) }).await.unwrap().into_inner();
    let mut data = Vec::new();
    while let Some(message) = messages.message().await.unwrap() {
        if let Some(read_resp::Content::Event(event)) = message.content {
            data.extend(event.event.unwrap().data);
        }
    }
    data
}

#[tokio::test]
async fn a_killed_program_finds_every_append_again_and_leaves_a_torn_one_out() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    for round in 0..3_u8 {
        let (mut child, mut client) = start(&journal).await;
        assert_eq!(read(&mut client).await, (0..round * 2).collect::<Vec<u8>>());
        append(&mut client, round * 2).await;
        append(&mut client, round * 2 + 1).await;
        child.kill().await.unwrap();
        // As if the kill had come in the middle of a third append.
        let whole = std::fs::read(&journal).unwrap();
        let torn = [whole.as_slice(), &whole[..whole.len() / 9]].concat();
        std::fs::write(&journal, torn).unwrap();
    }
}
