//! `/v1/vocabularies`: what the codes mean.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::Reader;
use super::problem::Problem;
use super::query::{NoParams, Query};
use crate::error::Error;
use crate::types::{Vocabulary, near_spellings, vocabularies};

/// The vocabularies that there are.
#[derive(Serialize, utoipa::ToSchema)]
struct VocabularyList {
    /// Each with its name.
    items: Vec<VocabularyName>,
}

/// A vocabulary's name.
#[derive(Serialize, utoipa::ToSchema)]
struct VocabularyName {
    /// Its name.
    #[schema(example = "needs")]
    name: &'static str,
    /// What it is for.
    description: &'static str,
    /// How many terms it has.
    #[schema(example = 42)]
    terms: usize,
}

/// Lists the vocabularies.
#[utoipa::path(
    tag = "vocabularies", operation_id = "list_vocabularies", security((), ("oauth" = ["directory:read"])),
    responses((status = 200, description = "All of them", body = VocabularyList))
)]
#[get("/vocabularies")]
async fn list(_reader: Reader, _params: Query<NoParams>) -> HttpResponse {
    let items = vocabularies()
        .iter()
        .map(|vocabulary| VocabularyName {
            name: &vocabulary.name,
            description: &vocabulary.description,
            terms: vocabulary.terms.len(),
        })
        .collect();
    HttpResponse::Ok().json(VocabularyList { items })
}

/// Shows what the codes of one vocabulary mean.
#[utoipa::path(
    tag = "vocabularies", operation_id = "get_vocabulary", security((), ("oauth" = ["directory:read"])),
    params(("name" = String, Path, description = "Its name", example = "needs")),
    responses((status = 200, description = "Its terms", body = Vocabulary), (status = 404, description = "`not-found`"))
)]
#[get("/vocabularies/{name}")]
async fn get(
    _reader: Reader,
    name: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let all = vocabularies();
    if let Some(vocabulary) = all.iter().find(|vocabulary| vocabulary.name == *name) {
        Ok(HttpResponse::Ok().json(vocabulary))
    } else {
        let near = near_spellings(&name, all.iter().map(|known| (known.name.as_str(), known.name.as_str())));
        let id = match near.as_slice() {
            [] => format!("{:?}; GET /v1/vocabularies lists them", name.as_str()),
            near => format!("{:?}; near it are {}", name.as_str(), near.join(", ")),
        };
        Err(Error::NotFound { what: "vocabulary", id }.into())
    }
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list).service(get);
}
