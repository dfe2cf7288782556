//! The log: all records in one order, an index by stream, and the rules of appends and deletes. Not here: how any
//! of it looks on the wire.

use crate::{
    journal::Journal,
    stream::{HIDE_ALL, Stream, check},
};
use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;

/// Data, metadata and twice the type's length of one append, as servers before 25.1 take it.
const APPEND_BYTES_MAX: usize = 1024 * 1024;
/// What a record takes in the file beside its content; positions are offsets in it.
const RECORD_OVERHEAD_BYTES: u64 = 100;
/// Revision of a tombstone.
const TOMBSTONE: u64 = i64::MAX as u64;

/// A record, in memory and in the journal.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Record {
    #[prost(string, tag = "1")]
    pub(crate) stream: String,
    #[prost(uint64, tag = "2")]
    pub(crate) revision: u64,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(string, tag = "4")]
    pub(crate) kind: String,
    #[prost(string, tag = "5")]
    pub(crate) content_type: String,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) data: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) metadata: Vec<u8>,
    /// Unix time in steps of 100 ns.
    #[prost(int64, tag = "8")]
    pub(crate) created_ticks: i64,
    #[prost(uint64, tag = "9")]
    pub(crate) commit: u64,
    #[prost(uint64, tag = "10")]
    pub(crate) prepare: u64,
}

impl Record {
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.commit, self.prepare)
    }

    fn size(&self) -> u64 {
        (self.data.len() + self.metadata.len() + 2 * self.kind.len()) as u64
    }
}

/// What must be true of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Revision(u64),
    NoStream,
    Any,
    StreamExists,
}

/// Why nothing was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Conflict { actual: Option<u64> },
    Deleted,
    TooLarge { max: u32 },
    Broken(String),
}

/// Where an append ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) revision: Option<u64>,
    pub(crate) place: Option<(u64, u64)>,
}

/// A stream as a reader finds it.
pub(crate) enum Found {
    Missing,
    Deleted,
    /// Its visible records, oldest first.
    Records(Vec<Arc<Record>>),
}

#[derive(Default)]
struct Inner {
    records: Vec<Arc<Record>>,
    streams: HashMap<String, Stream>,
    end: u64,
    journal: Option<Journal>,
    /// Whether the records of one append share a commit position behind them, as in old transactions.
    split_positions: bool,
}

pub(crate) struct Log {
    inner: Mutex<Inner>,
    /// The number of records.
    grown: watch::Sender<usize>,
}

impl Log {
    /// A log with the one record that every server writes first.
    pub(crate) fn open(journal: Option<&Path>, split_positions: bool) -> io::Result<Self> {
        let mut inner = Inner { split_positions, ..Inner::default() };
        if let Some(path) = journal {
            let (journal, records) = Journal::open(path)?;
            for record in records {
                inner.take_in(record);
            }
            inner.journal = Some(journal);
        }
        if inner.records.is_empty() {
            inner.write("$epoch-information", vec![system("$epoch-information", b"{}")])?;
        }
        let grown = watch::Sender::new(inner.records.len());
        Ok(Self { inner: Mutex::new(inner), grown })
    }

    pub(crate) fn grown(&self) -> watch::Receiver<usize> {
        self.grown.subscribe()
    }

    /// Up to `max` records from the `index`-th on.
    pub(crate) fn records(&self, index: usize, max: usize) -> Vec<Arc<Record>> {
        self.lock().records.iter().skip(index).take(max).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().records.len()
    }

    /// The number of records before this place.
    pub(crate) fn before(&self, place: (u64, u64)) -> usize {
        self.lock().records.partition_point(|record| record.place() < place)
    }

    pub(crate) fn find(&self, stream: &str) -> Found {
        let inner = self.lock();
        match inner.streams.get(stream) {
            Some(stream) if stream.tombstoned => Found::Deleted,
            Some(stream) if !stream.visible().is_empty() => Found::Records(stream.visible().to_vec()),
            Some(_) | None => Found::Missing,
        }
    }

    pub(crate) fn append(
        &self,
        stream: &str,
        expected: Expected,
        new: Vec<Record>,
    ) -> Result<Written, Refused> {
        let written = self.lock().append(stream, expected, new)?;
        self.announce();
        Ok(written)
    }

    /// Hides the stream, or ends it for ever.
    pub(crate) fn delete(
        &self,
        stream: &str,
        expected: Expected,
        for_ever: bool,
    ) -> Result<Written, Refused> {
        let written = self.lock().delete(stream, expected, for_ever)?;
        self.announce();
        Ok(written)
    }

    fn announce(&self) {
        self.grown.send_replace(self.len());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn append(&mut self, name: &str, expected: Expected, new: Vec<Record>) -> Result<Written, Refused> {
        let size: u64 = new.iter().map(Record::size).sum();
        if size > APPEND_BYTES_MAX as u64 {
            return Err(Refused::TooLarge { max: APPEND_BYTES_MAX as u32 });
        }
        let none = Stream::default();
        let stream = self.streams.get(name).unwrap_or(&none);
        if let Some(before) = check(stream, expected, &new)? {
            return Ok(before);
        }
        let (next, undelete) = (stream.records.len() as u64, stream.is_soft_deleted());
        if new.is_empty() {
            return Ok(Written { revision: stream.last(), place: None });
        }
        if undelete && !name.starts_with("$$") {
            let shown = format!("{{\"$tb\":{next}}}");
            self.write(&format!("$${name}"), vec![system("$metadata", shown.as_bytes())]).map_err(broken)?;
        }
        self.write(name, new).map_err(broken)
    }

    fn delete(&mut self, name: &str, expected: Expected, for_ever: bool) -> Result<Written, Refused> {
        let none = Stream::default();
        let stream = self.streams.get(name).unwrap_or(&none);
        if stream.tombstoned {
            return Err(Refused::Deleted);
        }
        let agrees = match expected {
            Expected::Any => true,
            Expected::NoStream => stream.last().is_none(),
            Expected::StreamExists => stream.last().is_some(),
            Expected::Revision(revision) => stream.last() == Some(revision),
        };
        if !agrees {
            return Err(Refused::Conflict { actual: stream.last() });
        }
        if for_ever {
            let tombstone = Record { revision: TOMBSTONE, ..system("$streamDeleted", b"{}") };
            return self.write(name, vec![tombstone]).map_err(broken);
        }
        let hidden = format!("{{\"$tb\":{HIDE_ALL}}}");
        self.write(&format!("$${name}"), vec![system("$metadata", hidden.as_bytes())]).map_err(broken)
    }

    /// Gives the new records their places and keeps them.
    fn write(&mut self, stream: &str, mut new: Vec<Record>) -> io::Result<Written> {
        let next = self.streams.get(stream).map_or(0, |stream| stream.records.len() as u64);
        let mut end = self.end;
        for (revision, record) in (next..).zip(&mut new) {
            stream.clone_into(&mut record.stream);
            if record.revision != TOMBSTONE {
                record.revision = revision;
            }
            (record.prepare, record.commit) = (end, end);
            end += RECORD_OVERHEAD_BYTES + record.size();
        }
        if self.split_positions {
            new.iter_mut().for_each(|record| record.commit = end);
            end += RECORD_OVERHEAD_BYTES;
        }
        if let Some(journal) = &mut self.journal {
            journal.write(&new)?;
        }
        let last = new.last().map(|last| (last.revision, last.place()));
        new.into_iter().for_each(|record| self.take_in(record));
        self.end = end;
        Ok(Written { revision: last.map(|last| last.0), place: last.map(|last| last.1) })
    }

    fn take_in(&mut self, record: Record) {
        self.end = record.commit + RECORD_OVERHEAD_BYTES + record.size();
        if let Some(of) = record.stream.strip_prefix("$$") {
            let rules: serde_json::Value = serde_json::from_slice(&record.data).unwrap_or_default();
            let stream = self.streams.entry(of.to_owned()).or_default();
            stream.hidden_before = rules["$tb"].as_u64().unwrap_or(0);
            stream.count_max = rules["$maxCount"].as_u64();
        }
        let record = Arc::new(record);
        let stream = self.streams.entry(record.stream.clone()).or_default();
        if record.revision == TOMBSTONE {
            stream.tombstoned = true;
        } else {
            stream.records.push(Arc::clone(&record));
        }
        self.records.push(record);
    }
}

fn broken(error: io::Error) -> Refused {
    Refused::Broken(error.to_string())
}

/// A record that the server writes by itself.
fn system(kind: &str, data: &[u8]) -> Record {
    Record {
        id: uuid::Uuid::new_v4().to_string(),
        kind: kind.to_owned(),
        content_type: "application/json".to_owned(),
        data: data.to_vec(),
        created_ticks: now_ticks(),
        ..Record::default()
    }
}

pub(crate) fn now_ticks() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX)
}
