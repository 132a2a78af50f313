//! `POST /v1/availability`: thousands of reports in one call, a line each (NDJSON), and a line of answer for each.

mod call;
mod lines;
mod report;
mod spool;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use actix_web::{HttpRequest, HttpResponse, post, web};
use futures_util::stream::unfold;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::caller::{AvailabilityWrite, Caller};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::query::{NoParams, Query};
use crate::http::{Context, body};
use call::Call;
use report::{BulkAvailabilityLine, BulkAvailabilityReport};
use spool::spool;

/// The media type of a body of lines.
const NDJSON: &str = "application/x-ndjson";

/// Says what many pools can take, one line each; answers one line each.
///
/// A line is a report as it is put to a single pool, with `capacity_pool_id` or `offering_id`. Lines are worked on in
/// their order and committed a few at a time; what is answered for a line is durable. One that is rejected leaves the
/// others as they are. The answer begins while the request still comes, and may be read then or afterwards; its last
/// line is a summary (`finished` or `stopped`), and an answer without it was broken off.
///
/// A line has at most 64 KiB, a call at most 1,000,000 lines, of which 100,000 rejected, 256 MiB and one hour; nothing may
/// come for at most 60 seconds. A call stops when its token runs out or its client is disabled. Empty lines are skipped, but counted. Lines that say `reported_at` may be sent again without harm:
/// whatever was said later holds. The whole call counts as one request.
#[utoipa::path(
    tag = "availability", operation_id = "report_availability_in_bulk", security(("oauth" = ["availability:write"])),
    request_body(
        content = BulkAvailabilityReport, content_type = "application/x-ndjson", description = "One report in each line",
        example = json!({"capacity_pool_id": "0192d7a0-0000-7000-8000-000000000001", "status": "capacity", "open_slots": 2, "reported_at": "2026-11-02T15:00:00Z"})
    ),
    responses(
        (status = 200, description = "One result in each line, and a summary in the last", body = BulkAvailabilityLine, content_type = "application/x-ndjson"),
        (status = 400, description = "`invalid-request`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 429, description = "`rate-limited`"),
        (status = 503, description = "`stopping`"),
    )
)]
#[post("/availability")]
async fn report_availability_in_bulk(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    body::check_media_type(&request, &[NDJSON], |given| format!("{given:?}"))?;
    let bounds = context.edge.config().lasting;
    let length =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = length.filter(|length| *length > bounds.body) {
        let detail = format!("the body has {length} bytes; one call takes {}: send several", bounds.body);
        return Err(Problem::new(ProblemCode::PayloadTooLarge, detail));
    }
    let lasting = Caller::<AvailabilityWrite>::lasting(&request, &context.app.access)?;
    let open = context.edge.open(caller.id)?;
    let (spool, taker) = spool();
    let call = Call::new(context.app.clone(), lasting, bounds, context.edge.stopping(), spool, open);
    actix_web::rt::spawn(call.run(payload));
    let results = unfold(taker, async |taker| Some((taker.take().await.transpose()?, taker)));
    Ok(HttpResponse::Ok()
        .content_type(NDJSON)
        .insert_header((CACHE_CONTROL, "no-store"))
        // A proxy is to hand each line on as it comes.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(results))
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(report_availability_in_bulk);
}
