//! What no operation answers: 405 where the path has other methods, else 404.

use actix_router::ResourceDef;
use actix_web::{HttpRequest, web};

use super::pages;
use super::problem::{Problem, ProblemCode};

/// The paths of the contract, and those of the pages beside it, with their methods.
#[derive(Clone)]
pub(super) struct KnownPaths(Vec<(ResourceDef, String)>);

impl KnownPaths {
    /// The paths of `contract`.
    pub(super) fn new(contract: &utoipa::openapi::OpenApi) -> Self {
        let methods = |item: &utoipa::openapi::PathItem| {
            let all = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            all.iter().filter(|(_, has)| *has).map(|(method, _)| *method).collect::<Vec<_>>().join(", ")
        };
        let pages =
            pages::ROUTES.iter().map(|(path, methods)| (ResourceDef::new(*path), (*methods).to_owned()));
        Self(
            contract
                .paths
                .paths
                .iter()
                .map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item)))
                .chain(pages)
                .collect(),
        )
    }

    /// The template that a path fits.
    pub(super) fn template(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.is_match(path)).and_then(|(known, _)| known.pattern())
    }
}

/// Answers what no operation answers.
///
/// # Errors
/// Always: [`ProblemCode::MethodNotAllowed`] or [`ProblemCode::NotFound`].
pub(super) async fn answer(
    request: HttpRequest,
    known: web::Data<KnownPaths>,
) -> Result<&'static str, Problem> {
    match known.0.iter().find(|(path, _)| path.is_match(request.path())) {
        Some((_, methods)) => Err(Problem {
            allow: Some(methods.clone()),
            ..Problem::new(
                ProblemCode::MethodNotAllowed,
                format!("{} is not a method of this path; it has {methods}", request.method()),
            )
        }),
        None => Err(Problem::new(ProblemCode::NotFound, "there is no such path; /docs lists them")),
    }
}
