//! What turns the data of an older version into today's, version by version, when an event is read. Stored bytes stay
//! as they are: the hash chain and the ids are made of them, never of what comes out of here.

use std::borrow::Cow;

/// One step: an event's name, and its data as the version before wrote it. Data that a step cannot read it gives back
/// as it is, for the reader to refuse.
type Step = for<'data> fn(&str, Cow<'data, [u8]>) -> Cow<'data, [u8]>;

/// The steps in order; the first one starts from version 1.
pub(crate) const STEPS: [Step; 1] = [from_1_to_2];

/// Version 2 has events that version 1 does not know, and fields that may be missing; the rest is as it was.
fn from_1_to_2<'data>(_name: &str, data: Cow<'data, [u8]>) -> Cow<'data, [u8]> {
    data
}

/// The data of an event that `version` wrote, after every step from there on.
pub(crate) fn upcast<'data>(version: u32, name: &str, data: &'data [u8], steps: &[Step]) -> Cow<'data, [u8]> {
    let done = usize::try_from(version.saturating_sub(1)).unwrap_or(usize::MAX);
    steps.iter().skip(done).fold(Cow::Borrowed(data), |data, step| step(name, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffixed<'data>(data: &[u8], suffix: &[u8]) -> Cow<'data, [u8]> {
        Cow::Owned([data, suffix].concat())
    }

    const EXAMPLES: [Step; 3] = [
        |_, data| suffixed(&data, b" 2"),
        |name, data| if name == "Found" { suffixed(&data, b" 3") } else { data },
        |_, data| suffixed(&data, b" 4"),
    ];

    #[test]
    fn data_goes_through_every_step_from_its_version_on_and_through_none_before() {
        let after = |version, name| String::from_utf8(upcast(version, name, b"1", &EXAMPLES).into()).unwrap();
        assert_eq!(after(1, "Found"), "1 2 3 4");
        assert_eq!(after(1, "Lost"), "1 2 4");
        assert_eq!(after(3, "Found"), "1 4");
        assert_eq!(after(4, "Found"), "1");
    }

    #[test]
    fn what_no_step_changes_is_not_copied() {
        assert!(matches!(upcast(1, "Found", b"{}", &STEPS), Cow::Borrowed(_)));
        assert!(matches!(upcast(4, "Found", b"{}", &EXAMPLES), Cow::Borrowed(_)));
    }
}
