//! The command line, with the environment behind its flags. What the flags are is not here.

use clap::{Arg, Command, CommandFactory, FromArgMatches, builder::Resettable};
use std::ffi::OsString;

/// Reads the flags of `C`, the name of the program first, and for flags that are not there the environment. An empty
/// variable, as compose files leave them, is unset.
///
/// # Errors
/// Help was asked for, or something is wrong with a flag or a variable.
pub(crate) fn parse<C>(line: impl IntoIterator<Item = OsString>) -> Result<C, clap::Error>
where
    C: CommandFactory + FromArgMatches,
{
    let mut command = deaf_to_empty(C::command());
    let matches = command.try_get_matches_from_mut(line)?;
    C::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn deaf_to_empty(command: Command) -> Command {
    let deaf = |arg: Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.is_empty()) { arg.env(Resettable::Reset) } else { arg }
    };
    command.mut_args(deaf).mut_subcommands(deaf_to_empty)
}
