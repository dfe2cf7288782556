//! Delete and tombstone.

use super::{append::target_of, place};
use crate::{log::Log, refusal};
use leafcutter_eventstoredb_protocol::{
    Empty,
    streams::{DeleteReq, DeleteResp, delete_resp::PositionOption},
};
use tonic::Status;

pub(super) fn delete(log: &Log, request: DeleteReq, for_ever: bool) -> Result<DeleteResp, Status> {
    let options = request.options.ok_or_else(|| Status::invalid_argument("a delete needs options"))?;
    let (stream, expected) = target_of(options)?;
    let written = log
        .delete(&stream, expected, for_ever)
        .map_err(|refused| refusal::refused(&stream, expected, &refused))?;
    let position = match written.place {
        Some(written) => PositionOption::Position(place(written)),
        None => PositionOption::NoPosition(Empty {}),
    };
    Ok(DeleteResp { position_option: Some(position) })
}
