//! JSON as CEL sees it: borrowed strings, shared containers, so that a rule copies nothing.

use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::{self, Container, Indexer, Iterable, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelNull, CelString, CelUInt, LIST_TYPE, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, Val};
use serde_json::Value;

/// A value of a rule.
pub(crate) type Term<'d> = Box<dyn Val + 'd>;

static LIST: Type = LIST_TYPE;
static MAP: Type = MAP_TYPE;

/// A string, number, boolean or null.
pub(crate) fn scalar(value: &Value) -> Term<'_> {
    match value {
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Box::new(CelInt::from(number)),
            (None, Some(number)) => Box::new(CelUInt::from(number)),
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or_default())),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Box::new(CelNull),
    }
}

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct List<'d>(pub(crate) Arc<[Term<'d>]>);

/// An object or a map. Fields whose names are CEL's own words are reached as `__name__`.
#[derive(Clone, Debug)]
pub(crate) struct Map<'d>(pub(crate) Arc<[(CelString<'d>, Term<'d>)]>);

impl<'d> Map<'d> {
    fn find(&self, key: &str) -> Option<&Term<'d>> {
        self.0.iter().find(|(name, _)| name.inner() == key).map(|(_, value)| value)
    }

    /// By name, or by escaped name (Kubernetes API, "Validation rules", escaping).
    fn field(&self, name: &str) -> Option<&Term<'d>> {
        let escaped = || name.strip_prefix("__")?.strip_suffix("__");
        self.find(name).or_else(|| self.find(escaped()?))
    }
}

impl Val for List<'_> {
    fn get_type(&self) -> &Type {
        &LIST
    }

    fn cel_type() -> &'static Type {
        &LIST
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let Some(mut others) = other.as_iterable().map(Iterable::iter) else { return false };
        self.0.iter().all(|item| others.next().is_some_and(|other| item.equals(other)))
            && others.next().is_none()
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Val for Map<'_> {
    fn get_type(&self) -> &Type {
        &MAP
    }

    fn cel_type() -> &'static Type {
        &MAP
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let (Some(others), Some(size)) = (other.as_indexer(), other.as_sizer()) else {
            return false;
        };
        let same = |(name, value): &(CelString<'_>, Term<'_>)| {
            others.get(name).is_ok_and(|other| value.equals(&*other))
        };
        size.size() == self.size() && self.0.iter().all(same)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

fn no_index(index: &dyn Val, want: &str) -> ExecutionError {
    ExecutionError::UnexpectedType {
        got: index.get_type().name().to_owned(),
        want: want.to_owned(),
    }
}

impl Indexer for List<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let number = *index.downcast_ref::<CelInt>().ok_or_else(|| no_index(index, "int"))?.inner();
        let item = usize::try_from(number).ok().and_then(|position| self.0.get(position));
        let item = item.ok_or_else(|| ExecutionError::IndexOutOfBounds(number.into()))?;
        Ok(CowVal::Borrowed(item.as_ref()))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Indexer for Map<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = key.downcast_ref::<CelString<'_>>().ok_or_else(|| no_index(key, "string"))?;
        let value = self.field(key.inner());
        let value = value.ok_or_else(|| ExecutionError::no_such_key(key.inner()))?;
        Ok(CowVal::Borrowed(value.as_ref()))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Container for List<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.iter().any(|item| item.equals(value)))
    }
}

impl Container for Map<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        let key = key.downcast_ref::<CelString<'_>>().ok_or_else(|| no_index(key, "string"))?;
        Ok(self.find(key.inner()).is_some())
    }
}

impl Sizer for List<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Sizer for Map<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

struct Items<'b, 'd>(std::slice::Iter<'b, Term<'d>>);

impl<'b, 'd: 'v, 'v> traits::Iterator<'b, 'v> for Items<'b, 'd> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|item| item.as_ref() as &(dyn Val + 'v))
    }
}

struct Keys<'b, 'd>(std::slice::Iter<'b, (CelString<'d>, Term<'d>)>);

impl<'b, 'd: 'v, 'v> traits::Iterator<'b, 'v> for Keys<'b, 'd> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|(key, _)| key as &(dyn Val + 'v))
    }
}

impl Iterable for List<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Items(self.0.iter()))
    }
}

impl Iterable for Map<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Keys(self.0.iter()))
    }
}
