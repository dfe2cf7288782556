//! Real servers for tests: PostgreSQL and nats-server, each on a free port and in a temporary folder.
