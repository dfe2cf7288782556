//! The journal: every append as one entry at the end of a file, so that a killed process finds it again. It is
//! written before the append is answered and never flushed to disk: it outlives a process, not a machine.

use crate::log::Record;
use prost::Message;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

/// What one append wrote.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, repeated, tag = "1")]
    records: Vec<Record>,
}

pub(crate) struct Journal(File);

impl Journal {
    /// Opens the file, or makes it, and reads what is in it. A torn end, as a kill leaves it, is cut off.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        let mut whole = 0;
        while let Ok(entry) = Entry::decode_length_delimited(&mut rest) {
            if entry.records.is_empty() {
                break;
            }
            records.extend(entry.records);
            whole = bytes.len() - rest.len();
        }
        file.set_len(whole as u64)?;
        Ok((Self(file), records))
    }

    pub(crate) fn write(&mut self, records: &[Record]) -> io::Result<()> {
        let entry = Entry { records: records.to_vec() };
        self.0.write_all(&entry.encode_length_delimited_to_vec())
    }
}
