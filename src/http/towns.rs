//! `/v1/towns`: where towns lie, and which ZIP codes lie in them.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Context;
use super::caller::Reader;
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, Query};
use super::resource::{PageBody, Total, link_next};
use crate::directory::{TownInPlace, TownKey, TownPage, find_town, in_place, list_towns, near_towns};
use crate::error::Error;
use crate::finder::need::is_state;
use crate::types::{BoundingBox, Coordinates, Outline, PostalCode};

/// A town, without its outline.
#[derive(Serialize, utoipa::ToSchema)]
struct TownSummary {
    /// Its name.
    #[schema(example = "Lawrence")]
    name: String,
    /// Two-letter state.
    #[schema(example = "MA")]
    state: String,
    /// The county that its source names; else that of its ZIP codes, if they agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Essex")]
    county: Option<String>,
    /// The ZIP codes whose centres lie inside it. None may: the centre of a small town's ZIP code can lie next door.
    postal_codes: Vec<PostalCode>,
    /// The point that stands for the town: inside it, about the middle of its widest part.
    coordinates: Coordinates,
    /// Between which degrees it lies.
    bounding_box: BoundingBox,
}

/// A town with its outline.
#[derive(Serialize, utoipa::ToSchema)]
struct Town {
    #[serde(flatten)]
    summary: TownSummary,
    /// Its outline.
    geometry: Outline,
}

/// One page of towns.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the list writes")]
struct TownList {
    /// The towns, in the order of their states and names.
    items: Vec<TownSummary>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

fn summary(place: TownInPlace) -> Town {
    let TownInPlace { town, county, postal_codes } = place;
    let summary = TownSummary {
        name: town.name,
        state: town.state,
        county,
        postal_codes,
        coordinates: town.at,
        bounding_box: town.bounds,
    };
    Town { summary, geometry: town.geometry }
}

struct ListTowns {
    limit: Limit,
    cursor: Option<String>,
    state: Option<String>,
    name: Option<String>,
}

impl FromParams for ListTowns {
    fn from_params(params: &mut Params) -> Self {
        let state = params.one::<String>("state");
        if let Some(state) = state.as_deref().filter(|state| !is_state(state)) {
            params
                .fault("state", format_args!("{state:?} is not a state: two letters are needed, such as MA"));
        }
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            state,
            name: params.one("name"),
        }
    }
}

/// Lists towns.
#[utoipa::path(
    tag = "towns", operation_id = "list_towns", security((), ("oauth" = ["directory:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("state" = Option<String>, Query, description = "Only those of this state", example = "MA"),
        ("name" = Option<String>, Query, description = "Only those of this name, however it is written", example = "Lawrence"),
    ),
    responses(
        (status = 200, description = "One page", body = TownList, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
    )
)]
#[get("/towns")]
async fn list(
    _reader: Reader,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Query<ListTowns>,
) -> Result<HttpResponse, Problem> {
    let ListTowns { limit: Limit(limit), cursor, state, name } = params.0;
    let query = format!("list towns {state:?} {name:?}");
    let after = cursor.map(|cursor| context.cursors.read::<TownKey>(&query, &cursor)).transpose()?;
    let page = TownPage { after, limit: i64::try_from(limit).unwrap_or(100) + 1, state, name };
    let (items, last, count) = context
        .app
        .store
        .read(move |connection| {
            let (mut towns, count) = list_towns(connection, &page)?;
            let more = towns.len() > limit;
            towns.truncate(limit);
            let last = towns.last().filter(|_| more).map(crate::directory::Town::key);
            let items = towns
                .into_iter()
                .map(|town| in_place(connection, town).map(|place| summary(place).summary))
                .collect::<Result<Vec<TownSummary>, Error>>()?;
            Ok((items, last, count))
        })
        .await?;
    let next_cursor = last.map(|last| context.cursors.write(&query, &last));
    let mut response = HttpResponse::Ok();
    link_next(&mut response, &request, next_cursor.as_deref());
    Ok(response.json(PageBody { items, next_cursor, total: Total::counted(count) }))
}

/// Shows one town with its ZIP codes and its outline.
#[utoipa::path(
    tag = "towns", operation_id = "get_town", security((), ("oauth" = ["directory:read"])),
    params(
        ("state" = String, Path, description = "Two-letter state", example = "MA"),
        ("name" = String, Path, description = "Its name, however it is written", example = "Lawrence"),
    ),
    responses(
        (status = 200, description = "It", body = Town),
        (status = 400, description = "`invalid-request`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/towns/{state}/{name}")]
async fn get(
    _reader: Reader,
    context: web::Data<Context>,
    path: web::Path<(String, String)>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let (state, name) = path.into_inner();
    let found = context
        .app
        .store
        .read(move |connection| {
            if let Some(town) = find_town(connection, &TownKey::new(&name, &state))? {
                return in_place(connection, town);
            }
            let asked = format!("{name}, {state}");
            let id = match near_towns(connection, &name, Some(&state))?.as_slice() {
                [] => format!("{asked}; GET /v1/towns?state={state} lists them"),
                near => format!("{asked}; near it are {}", near.join("; ")),
            };
            Err(Error::NotFound { what: "town", id })
        })
        .await?;
    Ok(HttpResponse::Ok().json(summary(found)))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list).service(get);
}
