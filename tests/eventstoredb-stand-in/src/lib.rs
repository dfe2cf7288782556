//! A server that speaks the protocol of EventStoreDB, for tests only.
