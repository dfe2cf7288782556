//! Samples of what operators decide about streams in quarantine. Not here: comparing.

use crate::{
    account::at,
    golden::{Sample, every},
};
use leafcutter_domain::quarantine::{EventSkipped, QuarantineEvent, QuarantineRetried};

every!(QuarantineEvent: QuarantineRetried, EventSkipped);

pub(crate) fn samples() -> Vec<Sample<QuarantineEvent>> {
    let stream = || "batch-01975bb3-7c00-7000-8000-000000000001".to_owned();
    let reason = "written by a damaged disk \"é\"".to_owned();
    vec![
        ("QuarantineRetried", QuarantineRetried { stream: stream(), at: at() }.into()),
        ("EventSkipped", EventSkipped { stream: stream(), revision: 7, reason, at: at() }.into()),
    ]
}
