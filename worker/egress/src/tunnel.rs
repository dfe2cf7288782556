//! Tunnels: `CONNECT`, and what is left of a connection after a WebSocket upgrade.
//!
//! **Not allowed here:** reading what passes. A tunnel is checked when it is opened, counted, and
//! ended when it falls silent; TLS is between the browser and the site.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::body::AnswerBody;
use crate::item::Item;
use crate::meter::{MeteredStream, silence};
use crate::policy::Target;
use crate::refusal::Refusal;
use crate::upstream;

/// Buffer towards the target: requests are small.
const UP_BUFFER_BYTES: usize = 8 * 1024;
/// Buffer towards the client: two TLS records.
const DOWN_BUFFER_BYTES: usize = 32 * 1024;

/// Opens a tunnel. The target is dialled before the answer, so that a failure is said in it.
///
/// # Errors
/// Why the target may not or could not be reached.
pub(crate) async fn open(
    item: &Arc<Item>,
    permit: Arc<OwnedSemaphorePermit>,
    target: &Target,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Refusal> {
    let upstream = upstream::dial(item, target).await?;
    let client = hyper::upgrade::on(request);
    let idle = item.limits.idle_timeout;
    item.spawn(async move {
        if let Some((client, early)) = client_stream(client).await {
            splice(client, early, upstream, Bytes::new(), idle).await;
        }
        drop(permit);
    });
    Ok(Response::new(Either::Left(Full::default())))
}

/// Joins both ends of a WebSocket once each has left HTTP.
pub(crate) async fn join(client: OnUpgrade, upstream: OnUpgrade, idle: Duration) {
    let (Some((client, early)), Some((upstream, late))) =
        (client_stream(client).await, target_stream(upstream).await)
    else {
        return;
    };
    splice(client, early, upstream, late, idle).await;
}

async fn client_stream(upgrade: OnUpgrade) -> Option<(TcpStream, Bytes)> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

async fn target_stream(upgrade: OnUpgrade) -> Option<(MeteredStream, Bytes)> {
    let upgraded: Upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<MeteredStream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

/// Carries bytes both ways until both ends are done, one fails, or nothing moves. `early` and
/// `late` are what hyper had read ahead from the client and from the target.
async fn splice(
    mut client: TcpStream,
    early: Bytes,
    mut upstream: MeteredStream,
    late: Bytes,
    idle: Duration,
) {
    let moved = upstream.moved();
    let carry = async {
        upstream.write_all(&early).await?;
        client.write_all(&late).await?;
        copy_bidirectional_with_sizes(&mut client, &mut upstream, UP_BUFFER_BYTES, DOWN_BUFFER_BYTES).await
    };
    tokio::select! {
        ended = carry => tracing::trace!(?ended, "tunnel ended"),
        () = silence(&moved, idle) => tracing::debug!("silent tunnel cut"),
    }
}
