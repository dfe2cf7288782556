//! What every event can do: tell its name and time, and turn into the JSON bytes that the log keeps.
//! Upcasting of old versions is not here: that is `adapters/event-store`.

use crate::Moment;

/// An event as the log stores it: a stable name and a JSON object.
pub trait DomainEvent: Sized {
    /// The stable name, stored beside the data.
    fn name(&self) -> &'static str;
    /// When it happened, as the command said.
    fn at(&self) -> Moment;
    /// The JSON object that the log keeps, byte for byte.
    fn encode(&self) -> Vec<u8>;
    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// An unknown name, or data that does not fit the name.
    fn decode(name: &str, data: &[u8]) -> Result<Self, DecodeError>;
}

/// A stored event that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No event of this aggregate has that name.
    #[error("'{0}' is not an event of this aggregate: was the log written by a newer version?")]
    UnknownName(String),
    /// The data is not what the name promises.
    #[error("the data of a stored {name} cannot be read")]
    Data {
        /// The event's name.
        name: String,
        /// What the JSON reader says.
        #[source]
        source: serde_json::Error,
    },
}

/// Declares the enum of an aggregate's events from structs that each have an `at: Moment`.
macro_rules! events {
    ($(#[$doc:meta])* $enum:ident { $($name:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $enum { $(
            #[doc = concat!("See [`", stringify!($name), "`].")]
            $name($name)
        ),+ }

        impl $crate::DomainEvent for $enum {
            fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name)),+ }
            }
            fn at(&self) -> $crate::Moment {
                match self { $(Self::$name(event) => event.at),+ }
            }
            fn encode(&self) -> Vec<u8> {
                let json = match self { $(Self::$name(event) => serde_json::to_vec(event)),+ };
                json.expect("events are structs with text keys, which always serialise")
            }
            fn decode(name: &str, data: &[u8]) -> Result<Self, $crate::DecodeError> {
                match name {
                    $(stringify!($name) => serde_json::from_slice(data)
                        .map(Self::$name)
                        .map_err(|source| $crate::DecodeError::Data { name: name.to_owned(), source }),)+
                    _ => Err($crate::DecodeError::UnknownName(name.to_owned())),
                }
            }
        }

        $(impl From<$name> for $enum {
            fn from(event: $name) -> Self { Self::$name(event) }
        })+
    };
}
pub(crate) use events;
