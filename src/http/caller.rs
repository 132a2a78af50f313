//! Who calls: every operation takes a [`Caller`] with the permission that it needs, or a [`Reader`].
//!
//! Whose token it is takes a look into the database, so that a middleware finds it out beforehand. Extractors
//! of one operation run side by side; theirs decides at once, before a wrong parameter is spoken of.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use super::Context;
use super::problem::{Problem, ProblemCode};
use crate::access::invitations::Identity;
use crate::access::{Access, Principal, PrincipalId, Refusal, Scope};

/// A permission that an operation needs.
pub(crate) trait Permission: 'static {
    /// The scope that a token must have.
    const SCOPE: Scope;
    /// Another that will do as well.
    const OR: Option<Scope> = None;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $scope:ident $(or $other:ident)?),+ $(,)?) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Permission for $name {
            const SCOPE: Scope = Scope::$scope;
            $(const OR: Option<Scope> = Some(Scope::$other);)?
        }
    )+};
}

permissions! {
    /// To record, change and retire what the directory says.
    DirectoryWrite = DirectoryWrite,
    /// To read what the public may not: who said what.
    DirectoryRead = DirectoryRead,
    /// To say what a capacity pool can take.
    AvailabilityWrite = AvailabilityWrite,
    /// To read referrals, and of whom they are.
    ReferralsRead = ReferralsRead,
    /// To make and steer referrals, and to record of whom they are.
    ReferralsWrite = ReferralsWrite,
    /// To answer offers.
    ReferralsRespond = ReferralsRespond,
    /// To read an offer: on the side of whoever is asked, or of whoever asks.
    OfferReader = ReferralsRespond or ReferralsRead,
    /// To do something with an offer, on either side.
    OfferActor = ReferralsRespond or ReferralsWrite,
    /// To read consents, disclosures and the audit.
    PrivacyRead = PrivacyRead,
    /// To read what was counted.
    ReportsRead = ReportsRead,
    /// To say who may do what.
    Admin = Admin,
}

/// What a request's credentials came to: nobody's if it brought none.
struct Credentials(Result<Option<Arc<Principal>>, Problem>);

/// Finds out whose token a request brings, for the extractor of its operation.
///
/// # Errors
/// Only what the operation fails with.
pub(super) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let found = match (bearer(request.request()), context(request.request())) {
        (Ok(Some(token)), Ok(context)) => context.app.access.verify(&token).await.map(Some).map_err(refused),
        (Ok(None), _) => Ok(None),
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    request.extensions_mut().insert(Credentials(found));
    next.call(request).await
}

/// Who calls, as [`authenticate`] found it.
fn caller(request: &HttpRequest) -> Result<Option<Arc<Principal>>, Problem> {
    let found = request.extensions_mut().remove::<Credentials>();
    found.map_or_else(|| Err(missing("the credentials")), |credentials| credentials.0)
}

/// Which client or person calls, as [`authenticate`] found it; none whose token was not believed.
pub(super) fn principal(request: &HttpRequest) -> Option<PrincipalId> {
    let extensions = request.extensions();
    let Credentials(found) = extensions.get()?;
    Some(found.as_ref().ok()?.as_ref()?.id)
}

/// Somebody who may do `P`.
pub(crate) struct Caller<P> {
    principal: Arc<Principal>,
    permission: PhantomData<P>,
}

impl<P> Deref for Caller<P> {
    type Target = Arc<Principal>;

    fn deref(&self) -> &Arc<Principal> {
        &self.principal
    }
}

impl<P: Permission> FromRequest for Caller<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).and_then(|caller| {
            let principal = caller.ok_or_else(needs_token)?;
            if !P::OR.is_some_and(|other| principal.has(other)) {
                permit(&principal, P::SCOPE)?;
            }
            Ok(Self { principal, permission: PhantomData })
        }))
    }
}

impl<P: Permission> Caller<P> {
    /// The caller of a request that goes on for long.
    ///
    /// # Errors
    /// If the request brings no token that can be read, which its extractor would have refused.
    pub(crate) fn lasting(request: &HttpRequest, access: &Access) -> Result<LastingCaller, Problem> {
        let token = bearer(request)?.ok_or_else(needs_token)?;
        Ok(LastingCaller { access: access.clone(), token, scope: P::SCOPE })
    }
}

/// Somebody whose request goes on for long, and who is asked before each step whether they still may: a client may be
/// disabled meanwhile, and a token runs out.
pub(crate) struct LastingCaller {
    access: Access,
    token: String,
    scope: Scope,
}

impl LastingCaller {
    /// Who it is now.
    ///
    /// # Errors
    /// [`ProblemCode::Unauthenticated`] or [`ProblemCode::InsufficientScope`] if they may not go on, or what finding
    /// it out fails with.
    pub(crate) async fn still(&self) -> Result<Arc<Principal>, Problem> {
        let principal = self.access.verify(&self.token).await.map_err(refused)?;
        permit(&principal, self.scope)?;
        Ok(principal)
    }
}

/// Somebody who may read and search the directory; nobody in particular where the operator lets everybody.
pub(crate) struct Reader(Option<Arc<Principal>>);

impl Reader {
    /// Who it is, if it is somebody in particular.
    pub(crate) fn somebody(&self) -> Option<&Arc<Principal>> {
        self.0.as_ref()
    }

    /// Who it is.
    ///
    /// # Errors
    /// [`ProblemCode::Unauthenticated`] if it is nobody in particular.
    pub(crate) fn named(&self) -> Result<&Arc<Principal>, Problem> {
        self.0.as_ref().ok_or_else(needs_token)
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).and_then(|caller| {
            if !context(request)?.public_search {
                permit(caller.as_ref().ok_or_else(needs_token)?, Scope::DirectoryRead)?;
            }
            Ok(Self(caller))
        }))
    }
}

/// Somebody whose identity a provider vouches for, member or not.
pub(crate) struct Newcomer(pub(crate) Identity);

impl FromRequest for Newcomer {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request);
        let context = context(request);
        Box::pin(async move {
            let token = token?.ok_or_else(needs_token)?;
            context?.app.access.identify(&token).await.map(Self).map_err(refused)
        })
    }
}

fn context(request: &HttpRequest) -> Result<web::Data<Context>, Problem> {
    request.app_data::<web::Data<Context>>().cloned().ok_or_else(|| missing("the context"))
}

/// The service was put together wrongly; nobody is let in.
fn missing(what: &str) -> Problem {
    tracing::error!("{what} of a request is missing");
    Problem::new(ProblemCode::Internal, "something failed on our side; the request id finds it in the log")
}

fn permit(principal: &Principal, scope: Scope) -> Result<(), Problem> {
    if principal.has(scope) {
        return Ok(());
    }
    let detail = format!("the token does not permit this: it needs the scope {scope}");
    Err(Problem {
        challenge: Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")),
        ..Problem::new(ProblemCode::InsufficientScope, detail)
    })
}

fn needs_token() -> Problem {
    Problem {
        challenge: Some("Bearer realm=\"causeway\"".to_owned()),
        ..Problem::new(
            ProblemCode::Unauthenticated,
            "a token is needed: Authorization: Bearer TOKEN; POST /oauth/token gives one to clients",
        )
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Failed(error) => error.into(),
        Refusal::Token(reason) => Problem {
            challenge: Some(format!("Bearer error=\"invalid_token\", error_description=\"{reason}\"")),
            ..Problem::new(ProblemCode::Unauthenticated, reason)
        },
    }
}

/// The bearer token of a request (RFC 6750); none if it brings no credentials.
fn bearer(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let mut given = request.headers().get_all(AUTHORIZATION);
    let Some(value) = given.next() else { return Ok(None) };
    let unusable = || refused(Refusal::Token("Authorization must be: Bearer TOKEN"));
    if given.next().is_some() {
        return Err(unusable());
    }
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(unusable)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim().to_owned())) } else { Err(unusable()) }
}
