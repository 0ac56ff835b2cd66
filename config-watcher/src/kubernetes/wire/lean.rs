//! The fields of an object that we use, read without what stands beside them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Watched;
use crate::api::meta::{Meta, Object};

/// An object that decodes.
pub(super) struct Lean<S>(pub(super) Object<S>);

impl<'de, S: Watched> Deserialize<'de> for Lean<S> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Reader(PhantomData)).map(Self)
    }
}

struct Reader<S>(PhantomData<S>);

impl<'de, S: Watched> Visitor<'de> for Reader<S> {
    type Value = Object<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        let mut beside = Beside::default();
        let mut around = Around { fields, beside: &mut beside, status: S::STATUS };
        let mut spec: S = if S::FLAT {
            S::deserialize(MapAccessDeserializer::new(around))?
        } else {
            let mut spec = None;
            while let Some(name) = around.next_key::<Cow<'_, str>>()? {
                match &*name {
                    "spec" => spec = around.next_value()?,
                    _ => drop(around.next_value::<IgnoredAny>()?),
                }
            }
            match spec {
                Some(spec) => spec,
                // Each type says which of its fields it can't do without.
                None => S::deserialize(MapDeserializer::new(NOTHING.into_iter()))?,
            }
        };
        if S::STATUS {
            spec.complete(&beside.status);
        }
        Ok(Object { meta: beside.meta, spec, origin: None })
    }
}

/// The fields of no object.
const NOTHING: [(&str, &str); 0] = [];

/// What stands beside the spec, or beside the fields of a kind without one.
#[derive(Default)]
struct Beside {
    meta: Meta,
    status: Value,
}

/// The fields of an object, without what goes into `beside` when its turn comes.
struct Around<'b, A> {
    fields: A,
    beside: &'b mut Beside,
    status: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Around<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.fields.next_key::<Cow<'de, str>>()? {
            match &*name {
                "metadata" => self.beside.meta = self.fields.next_value()?,
                "status" if self.status => self.beside.status = self.fields.next_value()?,
                _ => return seed.deserialize(name.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.fields.next_value_seed(seed)
    }
}
