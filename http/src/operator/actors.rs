//! The supervision tree: reading it, watching it, and drills.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use payment_actors::ports::random::Random;
use payment_actors::supervision::{DrillError, TreeSnapshot, TreeView};
use payment_schema::problem::ProblemCode;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::OperatorState;
use super::act::{identity, read_act};
use crate::exchange::Exchange;
use crate::problem::Problem;
use crate::request::query;
use crate::routes::attend;
use crate::success;
use crate::values::{parameter, text};

const STREAM_PERIOD: Duration = Duration::from_secs(1);

/// Deeper trees do not exist.
const DEEPEST: u32 = 100;

/// The answer to an act that was begun.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Begun {
    pub(super) audit_id: String,
}

/// The part of the tree that is asked for.
struct Part {
    path: Option<String>,
    depth: Option<usize>,
}

impl Part {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut parameters = query(request)?;
        let path = parameters.optional("path", parameter(|path| Ok::<_, String>(path.to_owned())));
        let depth = parameters.optional("depth", parameter(depth));
        let made = path.and_then(|path| Ok(Self { path, depth: depth? }));
        parameters.finish(made)
    }

    fn snapshot(&self, tree: &TreeView) -> Option<TreeSnapshot> {
        tree.snapshot(self.path.as_deref(), self.depth)
    }
}

fn depth(text: &str) -> Result<usize, String> {
    let depth = text.parse::<u32>().ok().filter(|depth| *depth <= DEEPEST && depth.to_string() == text);
    let depth = depth.and_then(|depth| usize::try_from(depth).ok());
    depth.ok_or_else(|| format!("must be an integer from 0 to {DEEPEST}"))
}

fn no_such_actor() -> Problem {
    Problem::new(ProblemCode::NotFound, "there is no actor at that path")
}

/// Shows the tree once.
pub(super) async fn tree(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let snapshot = Part::read(&request)?.snapshot(&state.tree).ok_or_else(no_such_actor)?;
        Ok(success::json(StatusCode::OK, &snapshot))
    };
    attend(&random, &request, work).await
}

/// Shows the tree once a second as server-sent events, until the client leaves, its key is
/// revoked or the actor is gone.
pub(super) async fn stream(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let part = Part::read(&request)?;
        part.snapshot(&state.tree).ok_or_else(no_such_actor)?;
        let mut ticks = interval(STREAM_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let identity = identity(&request);
        let (tree, auth) = (state.tree.clone(), state.auth.clone());
        let allowed = move || auth.still_knows(&identity);
        let snapshots = unfold((ticks, tree, part, allowed), |(mut ticks, tree, part, allowed)| async move {
            ticks.tick().await;
            let snapshot = part.snapshot(&tree).filter(|_| allowed())?;
            Some((event(&snapshot), (ticks, tree, part, allowed)))
        });
        let last = futures_util::stream::once(ready(Bytes::from_static(b"event: gone\ndata: {}\n\n")));
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, "text/event-stream"));
        Ok(response.streaming(snapshots.chain(last).map(Ok::<_, Infallible>)))
    };
    attend(&random, &request, work).await
}

fn event(snapshot: &TreeSnapshot) -> Bytes {
    let data = serde_json::to_string(snapshot).expect("a snapshot holds nothing that JSON cannot");
    Bytes::from(format!("event: tree\ndata: {data}\n\n"))
}

/// Restarts, kills, pauses or resumes an actor.
pub(super) async fn act(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let path = |path: &str| if path.is_empty() { Err("must name an actor") } else { Ok(path.to_owned()) };
        let read =
            read_act(&state, &request, payload, exchange, |fields| fields.required("path", text(path)));
        let (path, act) = read.await?;
        let verb = request.match_info().query("verb");
        check_target(&state.tree, &path)?;
        // Audited before it is done: an act nobody can trace must not happen.
        let audit_id = state.operator.audit_act(verb, &path, "begun", act.clone()).await?;
        if let Err(error) = drill(&state.tree, verb, &path, &act.reason) {
            state.operator.audit_act(verb, &path, &error.to_string(), act).await?;
            return Err(refused(error));
        }
        Ok(success::json(StatusCode::ACCEPTED, &Begun { audit_id }))
    };
    attend(&random, &request, work).await
}

fn check_target(tree: &TreeView, path: &str) -> Result<(), Problem> {
    let target = tree.snapshot(Some(path), Some(0)).ok_or_else(no_such_actor)?;
    if target.tree.kind == "root" { Err(refused(DrillError::Root)) } else { Ok(()) }
}

fn drill(tree: &TreeView, verb: &str, path: &str, reason: &str) -> Result<(), DrillError> {
    match verb {
        "restart" => tree.restart(path, reason),
        "kill" => tree.kill(path, reason),
        "pause" => tree.pause(path, reason),
        "resume" => tree.resume(path, reason),
        _ => Err(DrillError::UnknownPath),
    }
}

fn refused(error: DrillError) -> Problem {
    match error {
        DrillError::UnknownPath => no_such_actor(),
        DrillError::Root => Problem::new(ProblemCode::OperationSettled, error.to_string()),
    }
}
