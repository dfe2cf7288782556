//! Reading: a part of one stream, its last event, and the newest of all our events. Every read asks for a number of
//! events and is repeated on a new connection when the old one breaks.

use super::{
    events::{identifier, stored},
    failure::Failure,
    link::{Client, Link},
};
use crate::StoredEvent;
use leafcutter_eventstoredb_protocol::{
    Empty,
    streams::{
        ReadReq,
        read_req::{
            AllOptions, Direction, Expression, Filter, Options, StreamOptions, UuidOption,
            all_options::AllOption,
            filter::{Filter as By, Window},
            options::{CountOption, FilterOption, StreamOption},
            stream_options::RevisionOption,
            uuid_option,
        },
        read_resp::Content,
    },
};

/// Times that a read is tried when connections break.
const TRIES_MAX: u32 = 3;
/// Records that the server looks at in one go when most are not ours.
const WINDOW_RECORDS: u32 = 500;

/// Part of a stream, oldest first.
pub(super) async fn forwards(
    link: &Link,
    stream: &str,
    from: u64,
    count: u64,
) -> Result<Vec<StoredEvent>, Failure> {
    let from = RevisionOption::Revision(from);
    read(link, &of_stream(stream, from, Direction::Forwards, count)).await
}

/// The newest event of a stream.
pub(super) async fn last(link: &Link, stream: &str) -> Result<Option<StoredEvent>, Failure> {
    let newest = of_stream(stream, RevisionOption::End(Empty {}), Direction::Backwards, 1);
    Ok(read(link, &newest).await?.pop())
}

/// The newest event of all streams with one of these beginnings.
pub(super) async fn newest(link: &Link, prefixes: &[String]) -> Result<Option<StoredEvent>, Failure> {
    let newest = Options {
        stream_option: Some(StreamOption::All(AllOptions { all_option: Some(AllOption::End(Empty {})) })),
        read_direction: Direction::Backwards as i32,
        count_option: Some(CountOption::Count(1)),
        filter_option: Some(FilterOption::Filter(by_prefix(prefixes))),
        ..common()
    };
    Ok(read(link, &newest).await?.pop())
}

/// What all reads have in common.
pub(super) fn common() -> Options {
    let uuid_option = UuidOption { content: Some(uuid_option::Content::String(Empty {})) };
    Options { uuid_option: Some(uuid_option), ..Options::default() }
}

pub(super) fn by_prefix(prefixes: &[String]) -> Filter {
    let expression = Expression { regex: String::new(), prefix: prefixes.to_vec() };
    Filter {
        filter: Some(By::StreamIdentifier(expression)),
        window: Some(Window::Max(WINDOW_RECORDS)),
        checkpoint_interval_multiplier: 1,
    }
}

fn of_stream(stream: &str, from: RevisionOption, direction: Direction, count: u64) -> Options {
    let stream = StreamOptions { stream_identifier: Some(identifier(stream)), revision_option: Some(from) };
    Options {
        stream_option: Some(StreamOption::Stream(stream)),
        read_direction: direction as i32,
        count_option: Some(CountOption::Count(count)),
        filter_option: Some(FilterOption::NoFilter(Empty {})),
        ..common()
    }
}

async fn read(link: &Link, options: &Options) -> Result<Vec<StoredEvent>, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match link.call(|client| read_once(client, options.clone())).await {
            Err(Failure::Unknown(_)) if tries < TRIES_MAX => {}
            done => return done,
        }
    }
}

async fn read_once(mut client: Client, options: Options) -> Result<Vec<StoredEvent>, Failure> {
    let mut messages = client.read(ReadReq { options: Some(options) }).await?.into_inner();
    let mut events = Vec::new();
    while let Some(message) = messages.message().await? {
        // A missing stream says so and ends; what else may come is about the stream, not of it.
        if let Some(Content::Event(event)) = message.content {
            events.push(stored(event)?);
        }
    }
    Ok(events)
}
