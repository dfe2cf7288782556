//! Read: one stream or the global order, forwards or backwards, a number of events or all that ever come.

use super::{ANSWERS_WAITING_MAX, identifier, name, subscribe};
use crate::{
    filter::Filter,
    log::{Found, Log, Record},
    node::Node,
    refusal,
};
use leafcutter_eventstoredb_protocol::{
    Uuid,
    streams::{
        ReadResp,
        read_req::{
            AllOptions, Direction, Options, StreamOptions, UuidOption,
            all_options::AllOption,
            options::{CountOption, FilterOption, StreamOption},
            stream_options::RevisionOption,
            uuid_option::Content as UuidForm,
        },
        read_resp::{Content, ReadEvent, RecordedEvent, StreamNotFound, read_event::Position},
    },
    uuid::{Structured, Value},
};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Records looked at in one go.
pub(super) const PAGE_RECORDS: usize = 32;

pub(super) type Answers = mpsc::Sender<Result<ReadResp, Status>>;

pub(super) fn begin(
    node: &Arc<Node>,
    options: Options,
) -> Result<ReceiverStream<Result<ReadResp, Status>>, Status> {
    let (answers, waiting) = mpsc::channel(ANSWERS_WAITING_MAX);
    let structured = !matches!(options.uuid_option, Some(UuidOption { content: Some(UuidForm::String(_)) }));
    let filter = match &options.filter_option {
        Some(FilterOption::Filter(filter)) => Some(Filter::new(filter)?),
        Some(FilterOption::NoFilter(_)) | None => None,
    };
    let missing = || Status::invalid_argument("a read needs a stream and a count");
    match (options.stream_option.ok_or_else(missing)?, options.count_option.ok_or_else(missing)?) {
        (StreamOption::Stream(stream), CountOption::Count(count)) => {
            let backwards = options.read_direction == Direction::Backwards as i32;
            let compatible = options.control_option.is_some_and(|control| control.compatibility == 1);
            let found = read_stream(&node.log, &stream, backwards, count, structured, compatible)?;
            tokio::spawn(async move { send_all(&answers, found).await });
        }
        (StreamOption::All(all), CountOption::Count(count)) => {
            let backwards = options.read_direction == Direction::Backwards as i32;
            let read = AllRead { log: Arc::clone(&node.log), filter, structured };
            tokio::spawn(async move { read.run(&all, backwards, count, &answers).await });
        }
        (StreamOption::Stream(stream), CountOption::Subscription(_)) => {
            subscribe::stream(node, &stream, structured, answers)?;
        }
        (StreamOption::All(all), CountOption::Subscription(_)) => {
            subscribe::all(node, &all, filter, structured, answers);
        }
    }
    Ok(ReceiverStream::new(waiting))
}

async fn send_all(answers: &Answers, contents: Vec<Content>) {
    for content in contents {
        if answers.send(Ok(response(content))).await.is_err() {
            return;
        }
    }
}

pub(super) fn response(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

fn read_stream(
    log: &Log,
    asked: &StreamOptions,
    backwards: bool,
    count: u64,
    structured: bool,
    compatible: bool,
) -> Result<Vec<Content>, Status> {
    let stream = name(asked.stream_identifier.clone())?;
    let records = match log.find(&stream) {
        Found::Deleted => return Err(refusal::stream_deleted(&stream)),
        Found::Missing => {
            let not_found = StreamNotFound { stream_identifier: Some(identifier(&stream)) };
            return Ok(vec![Content::StreamNotFound(not_found)]);
        }
        Found::Records(records) => records,
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let from = match asked.revision_option {
        Some(RevisionOption::Revision(revision)) => revision,
        Some(RevisionOption::Start(_)) | None => 0,
        Some(RevisionOption::End(_)) => u64::MAX,
    };
    let event = |record: &Arc<Record>| Content::Event(event(record, structured));
    let mut contents: Vec<Content> = if backwards {
        records.iter().rev().filter(|record| record.revision <= from).take(count).map(event).collect()
    } else {
        records.iter().filter(|record| record.revision >= from).take(count).map(event).collect()
    };
    if let Some(last) = records.last()
        && compatible
    {
        contents.push(Content::LastStreamPosition(last.revision));
    }
    Ok(contents)
}

struct AllRead {
    log: Arc<Log>,
    filter: Option<Filter>,
    structured: bool,
}

impl AllRead {
    async fn run(&self, asked: &AllOptions, backwards: bool, count: u64, answers: &Answers) {
        let place = match asked.all_option {
            Some(AllOption::Position(at)) => Some((at.commit_position, at.prepare_position)),
            Some(AllOption::Start(_)) | None => Some((0, 0)),
            Some(AllOption::End(_)) => None,
        };
        // Backwards, the record at the place itself is not read, and forwards it is.
        let mut next = place.map_or_else(|| self.log.len(), |place| self.log.before(place));
        let mut left = count;
        while left > 0 {
            let page = if backwards {
                let from = next.saturating_sub(PAGE_RECORDS);
                let mut page = self.log.records(from, next - from);
                next = from;
                page.reverse();
                page
            } else {
                let page = self.log.records(next, PAGE_RECORDS);
                next += page.len();
                page
            };
            if page.is_empty() {
                return;
            }
            for record in page.iter().filter(|record| self.takes(record)) {
                let sent = answers.send(Ok(response(Content::Event(event(record, self.structured))))).await;
                left -= 1;
                if sent.is_err() || left == 0 {
                    return;
                }
            }
        }
    }

    fn takes(&self, record: &Record) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.takes(record))
    }
}

pub(super) fn event(record: &Record, structured: bool) -> ReadEvent {
    let metadata = HashMap::from([
        ("type".to_owned(), record.kind.clone()),
        ("content-type".to_owned(), record.content_type.clone()),
        ("created".to_owned(), record.created_ticks.to_string()),
    ]);
    let recorded = RecordedEvent {
        id: Some(Uuid { value: Some(id(&record.id, structured)) }),
        stream_identifier: Some(identifier(&record.stream)),
        stream_revision: record.revision,
        prepare_position: record.prepare,
        commit_position: record.commit,
        metadata,
        custom_metadata: record.metadata.clone(),
        data: record.data.clone(),
    };
    ReadEvent { event: Some(recorded), link: None, position: Some(Position::CommitPosition(record.commit)) }
}

fn id(text: &str, structured: bool) -> Value {
    match uuid::Uuid::parse_str(text) {
        Ok(id) if structured => {
            let (most, least) = id.as_u64_pair();
            Value::Structured(Structured {
                most_significant_bits: most.cast_signed(),
                least_significant_bits: least.cast_signed(),
            })
        }
        Ok(_) | Err(_) => Value::String(text.to_owned()),
    }
}
