//! Routes that know who may use them.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

use crate::permit::Policy;

/// The arguments of a handler whose first one is a [`Policy`]. Only such handlers can become routes.
pub trait Policed {
    /// The policy's name.
    fn policy() -> String;
}

/// axum names a handler's arguments as a tuple behind a marker `M`.
macro_rules! policed {
    ($($argument:ident),*) => {
        impl<M, P: Policy, $($argument),*> Policed for (M, P, $($argument,)*) {
            fn policy() -> String {
                P::name()
            }
        }
    };
}
policed!();
policed!(A);
policed!(A, B);
policed!(A, B, C);
policed!(A, B, C, D);
policed!(A, B, C, D, E);
policed!(A, B, C, D, E, F);

/// A route as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Where.
    pub path: &'static str,
    /// How.
    pub method: String,
    /// By whom.
    pub policy: String,
}

/// A router under construction, and the list of what is in it.
pub struct Routes<S> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Answers GET (and HEAD) on `path`.
    pub fn get<T: Policed + 'static>(self, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(Method::GET, MethodFilter::GET, path, handler)
    }

    /// Answers POST on `path`.
    pub fn post<T: Policed + 'static>(self, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(Method::POST, MethodFilter::POST, path, handler)
    }

    /// Answers PUT on `path`.
    pub fn put<T: Policed + 'static>(self, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(Method::PUT, MethodFilter::PUT, path, handler)
    }

    /// Answers DELETE on `path`.
    pub fn delete<T: Policed + 'static>(self, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    /// Every route, sorted by path.
    pub fn list(&self) -> Vec<Route> {
        let mut list = self.list.clone();
        list.sort();
        list
    }

    /// The router.
    pub fn into_router(self) -> Router<S> {
        self.router
    }

    fn add<T: Policed + 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.list.push(Route { path, method: method.to_string(), policy: T::policy() });
        self.router = self.router.route(path, on(filter, handler));
        self
    }
}
