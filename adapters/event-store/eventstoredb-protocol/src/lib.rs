//! The wire protocol of EventStoreDB as generated code, for the adapter and for the stand-in server of the tests.
