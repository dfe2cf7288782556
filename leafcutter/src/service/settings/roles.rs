//! The roles, each with the part of the settings that it takes, and what they come to: a plan of what one process
//! does and with what.

use super::{
    ChromiumArgs, DataArgs, DatabaseArgs, DispatchArgs, EventStoreArgs, GateArgs, ListenArgs, ObjectsArgs,
    PageArgs, ProjectorArgs, ReadArgs, ResultArgs, ServeArgs, WriteArgs,
};
use anyhow::ensure;
use clap::Args;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    /// Commands, the work desk and the reactions.
    pub(crate) command: bool,
    /// Queries.
    pub(crate) query: bool,
    /// Read models from the log.
    pub(crate) project: bool,
    /// Pages.
    pub(crate) work: bool,
}

impl Roles {
    const ALL: Self = Self { command: true, query: true, project: true, work: true };
    const NONE: Self = Self { command: false, query: false, project: false, work: false };

    /// Whether the process reads or writes the log.
    pub(crate) fn need_log(self) -> bool {
        self.command || self.query || self.project
    }
}

/// What a process does and with what. Settings of roles that it does not have stand at their defaults.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) roles: Roles,
    pub(crate) args: ServeArgs,
}

impl From<ServeArgs> for Plan {
    fn from(args: ServeArgs) -> Self {
        Self { roles: Roles::ALL, args }
    }
}

/// Settings of `leafcutter command-api`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CommandApiArgs {
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    event_store: EventStoreArgs,
    #[command(flatten)]
    dispatch: DispatchArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    objects: ObjectsArgs,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    results: ResultArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl CommandApiArgs {
    /// # Errors
    /// A server is not named.
    pub(crate) fn plan(self) -> anyhow::Result<Plan> {
        let Self { listen, event_store, dispatch, database, objects, gate, pages, results, write } = self;
        let rest = ServeArgs::unset()?;
        let roles = Roles { command: true, ..Roles::NONE };
        let args = ServeArgs {
            listen,
            event_store,
            dispatch,
            database,
            objects,
            gate,
            pages,
            results,
            write,
            ..rest
        };
        Plan { roles, args }.checked("command-api")
    }
}

/// Settings of `leafcutter query-api`.
#[derive(Debug, Clone, Args)]
pub(crate) struct QueryApiArgs {
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    event_store: EventStoreArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    objects: ObjectsArgs,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    results: ResultArgs,
    #[command(flatten)]
    read: ReadArgs,
}

impl QueryApiArgs {
    /// # Errors
    /// A server is not named.
    pub(crate) fn plan(self) -> anyhow::Result<Plan> {
        let Self { listen, event_store, database, objects, gate, results, read } = self;
        let rest = ServeArgs::unset()?;
        let roles = Roles { query: true, ..Roles::NONE };
        let args = ServeArgs { listen, event_store, database, objects, gate, results, read, ..rest };
        Plan { roles, args }.checked("query-api")
    }
}

/// Settings of `leafcutter projector`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProjectorRoleArgs {
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    event_store: EventStoreArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    projector: ProjectorArgs,
}

impl ProjectorRoleArgs {
    /// # Errors
    /// A server is not named.
    pub(crate) fn plan(self) -> anyhow::Result<Plan> {
        let Self { listen, event_store, database, projector } = self;
        let roles = Roles { project: true, ..Roles::NONE };
        let args = ServeArgs { listen, event_store, database, projector, ..ServeArgs::unset()? };
        Plan { roles, args }.checked("projector")
    }
}

/// Settings of `leafcutter worker`.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    dispatch: DispatchArgs,
    #[command(flatten)]
    objects: ObjectsArgs,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    chromium: ChromiumArgs,
}

impl WorkerArgs {
    /// # Errors
    /// A server is not named.
    pub(crate) fn plan(self) -> anyhow::Result<Plan> {
        let Self { listen, data, dispatch, objects, pages, chromium } = self;
        let roles = Roles { work: true, ..Roles::NONE };
        let args = ServeArgs { listen, data, dispatch, objects, pages, chromium, ..ServeArgs::unset()? };
        Plan { roles, args }.checked("worker")
    }
}

impl Plan {
    /// Whether a part is on a server, which may come after this process.
    pub(crate) fn waits_for_servers(&self) -> bool {
        let args = &self.args;
        let servers = [args.event_store.address(), args.dispatch.address(), args.database.address()];
        servers.iter().any(Option::is_some)
    }

    /// A role alone shares nothing with the others but servers, so every one that it needs must be named.
    fn checked(self, role: &str) -> anyhow::Result<Self> {
        let (roles, args) = (self.roles, &self.args);
        let needs = [
            (roles.need_log(), args.event_store.address(), "LEAFCUTTER_EVENT_STORE=esdb://…"),
            (roles.command || roles.work, args.dispatch.address(), "LEAFCUTTER_DISPATCH=nats://…"),
            (roles.need_log(), args.database.address(), "LEAFCUTTER_DATABASE=postgres://…"),
            (
                roles.command || roles.query || roles.work,
                args.objects.address(),
                "LEAFCUTTER_OBJECTS=s3://… or file://…",
            ),
        ];
        for (needed, named, example) in needs {
            ensure!(
                !needed || named.is_some(),
                "`leafcutter {role}` needs {example}: the embedded one belongs to a single process, `leafcutter serve`"
            );
        }
        Ok(self)
    }
}
