//! Permission as an argument: a handler that has one of these was allowed to run.

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use identity::{Customer, Customers, IdentityError, Operators, Permission, Token};
use kernel::{Secret, SiteId, SiteScope, TenantId, TenantScope};

use crate::cookie::{look_up_of, session_of, visitor_of};
use crate::host::ShopContext;
use crate::problem::Problem;
use crate::visit::Visit;

/// Who may use a route: the type of its handler's first argument.
pub trait Policy {
    /// The policy's name in the list of routes.
    fn name() -> String;
}

/// Everybody, and nobody is asked who he is.
#[derive(Debug, Clone, Copy)]
pub struct Guest;

/// Everybody on an open shop; a customer is known if he is logged in.
#[derive(Debug, Clone)]
pub struct MaybeBuyer {
    /// The site.
    pub scope: SiteScope,
    /// Who it is, with his session.
    pub customer: Option<(Customer, Token)>,
}

/// A customer who is logged in on this site.
#[derive(Debug, Clone)]
pub struct Buyer {
    /// The site.
    pub scope: SiteScope,
    /// Who it is.
    pub customer: Customer,
    /// His session.
    pub token: Token,
}

/// What the browser of a guest holds for this host. It allows nothing by itself: rows say whose it is.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The token it was given when it bought something.
    pub token: Option<Token>,
    /// The key of its last look-up.
    pub look_up: Option<Secret<Vec<u8>>>,
}

/// An operator who is logged in, whatever his tenants.
#[derive(Debug, Clone)]
pub struct Staff {
    /// Who it is.
    pub operator: identity::Operator,
    /// His session.
    pub token: Token,
}

/// An operator who may do `P` in the tenant that the path names as `{tenant}`.
#[derive(Debug, Clone)]
pub struct Operator<P: Allow> {
    /// The tenant.
    pub scope: TenantScope,
    /// Who it is.
    pub operator: identity::Operator,
    permission: PhantomData<fn() -> P>,
}

/// An operator who may do `P` at the site that the path names as `{site}`, in the tenant it names as `{tenant}`: the
/// site's own people only.
#[derive(Debug, Clone)]
pub struct SiteOperator<P: Allow> {
    /// The site.
    pub scope: SiteScope,
    /// Who it is.
    pub operator: identity::Operator,
    permission: PhantomData<fn() -> P>,
}

/// A permission as a type.
pub trait Allow: 'static {
    /// Which one.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($name:ident),+ $(,)?) => {
        $(
            #[doc = concat!("[`Permission::", stringify!($name), "`] as a type.")]
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl Allow for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+
    };
}
permissions!(
    SiteRead,
    SiteWrite,
    GoodsRead,
    GoodsWrite,
    PriceRead,
    PriceWrite,
    StockRead,
    StockWrite,
    ChannelRead,
    ChannelWrite,
    OrderRead,
    OrderFulfil,
    OrderRefund,
    LedgerRead,
    AgentRead,
    AgentWrite,
    PlanRead,
    PlanWrite,
    SettlementRead,
    SettlementWrite,
    WithdrawalRead,
    WithdrawalReview,
    WithdrawalPay,
    WithdrawalAsk,
    FundsRead,
    RechargeWrite,
    FundsAdjust,
    FundsApprove,
    PrepaidMove,
);

impl Policy for Guest {
    fn name() -> String {
        "guest".to_owned()
    }
}
impl Policy for MaybeBuyer {
    fn name() -> String {
        "maybe-buyer".to_owned()
    }
}
impl Policy for Buyer {
    fn name() -> String {
        "buyer".to_owned()
    }
}
impl Policy for Staff {
    fn name() -> String {
        "staff".to_owned()
    }
}
impl<P: Allow> Policy for Operator<P> {
    fn name() -> String {
        format!("operator {}", P::PERMISSION.name())
    }
}
impl<P: Allow> Policy for SiteOperator<P> {
    fn name() -> String {
        format!("site-operator {}", P::PERMISSION.name())
    }
}

impl<S: Sync> FromRequestParts<S> for Guest {
    type Rejection = Infallible;
    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for MaybeBuyer
where
    Customers: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ShopContext(shop) = ShopContext::from_request_parts(parts, state).await?;
        let visit = Visit::from_request_parts(parts, state).await?;
        let scope = shop.scope();
        let Some(token) = session_of(&parts.headers, &visit) else { return Ok(Self { scope, customer: None }) };
        let customer = Customers::from_ref(state).authenticate(&scope, &token).await?;
        Ok(Self { scope, customer: customer.map(|customer| (customer, token)) })
    }
}

impl<S: Sync> FromRequestParts<S> for Buyer
where
    Customers: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let MaybeBuyer { scope, customer } = MaybeBuyer::from_request_parts(parts, state).await?;
        let (customer, token) = customer.ok_or(Problem::login_required())?;
        Ok(Self { scope, customer, token })
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let visit = Visit::from_request_parts(parts, state).await?;
        Ok(Self { token: visitor_of(&parts.headers, &visit), look_up: look_up_of(&parts.headers, &visit) })
    }
}

impl<S: Sync> FromRequestParts<S> for Staff
where
    Operators: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let visit = Visit::from_request_parts(parts, state).await?;
        let token = session_of(&parts.headers, &visit).ok_or(Problem::login_required())?;
        let operator = Operators::from_ref(state).authenticate(&token).await?.ok_or(Problem::login_required())?;
        Ok(Self { operator, token })
    }
}

impl<P: Allow, S: Send + Sync> FromRequestParts<S> for Operator<P>
where
    Operators: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Staff { operator, .. } = Staff::from_request_parts(parts, state).await?;
        let path = path_of(parts, state).await?;
        let scope = operator.scope(named(&path, "tenant", TenantId::parse)?, P::PERMISSION).map_err(closed)?;
        Ok(Self { scope, operator, permission: PhantomData })
    }
}

impl<P: Allow, S: Send + Sync> FromRequestParts<S> for SiteOperator<P>
where
    Operators: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Staff { operator, .. } = Staff::from_request_parts(parts, state).await?;
        let path = path_of(parts, state).await?;
        let (tenant, site) = (named(&path, "tenant", TenantId::parse)?, named(&path, "site", SiteId::parse)?);
        let scope = operator.site_scope(tenant, site, P::PERMISSION).map_err(closed)?;
        Ok(Self { scope, operator, permission: PhantomData })
    }
}

async fn path_of<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())
}

/// What is another's looks in every letter like what is not there.
fn closed(error: IdentityError) -> Problem {
    match error {
        IdentityError::NoMember => Problem::not_found(),
        other => other.into(),
    }
}

/// What the path says under this name.
fn named<T, E>(path: &RawPathParams, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, Problem> {
    let text = path.iter().find(|(known, _)| *known == name).map(|(_, text)| text);
    // A path without the name is a mistake in the list of routes.
    let text = text.ok_or(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal"))?;
    parse(text).map_err(|_| Problem::not_found())
}
