//! Where in an object something stands, as people write it: `spec.rules[1].backendRefs[0].port`.

use std::fmt;

/// A place in an object: a chain of steps from its root. Costs nothing until it is shown, so that
/// objects without faults pay nothing for the messages they do not need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    parent: Option<&'a Field<'a>>,
    name: &'static str,
    index: Option<usize>,
}

impl<'a> Field<'a> {
    /// The object's `spec`.
    pub(crate) const SPEC: Field<'static> = Field { parent: None, name: "spec", index: None };

    /// The field `name` of this one.
    pub(crate) fn at(&'a self, name: &'static str) -> Field<'a> {
        Field { parent: Some(self), name, index: None }
    }

    /// The entry `index` of the list `name` of this one.
    pub(crate) fn nth(&'a self, name: &'static str, index: usize) -> Field<'a> {
        Field { parent: Some(self), name, index: Some(index) }
    }
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn a_field_reads_as_people_write_it() {
        let rule = Field::SPEC.nth("rules", 1);
        let reference = rule.nth("backendRefs", 0);
        assert_eq!(reference.at("port").to_string(), "spec.rules[1].backendRefs[0].port");
        assert_eq!(Field::SPEC.to_string(), "spec");
    }
}
