use tower_layer::Layer;

use super::{endpoints::Endpoints, service::WithEndpoints};

impl<S, St> Layer<S> for Endpoints<St> {
    type Service = WithEndpoints<S, St>;

    fn layer(&self, inner: S) -> WithEndpoints<S, St> {
        WithEndpoints::new(inner, self.clone())
    }
}
