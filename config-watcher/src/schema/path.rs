//! Where in an object something stands.

use std::fmt;

/// One step from the top of an object down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A field or a key.
    Key(String),
    /// An item.
    Index(usize),
}

/// A place in an object, shown as `spec.rules[0].name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path of these keys.
    #[must_use]
    pub fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if plain(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(key)?;
                }
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

/// Whether a key can stand between dots.
fn plain(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte))
}

/// A path that is being walked: costs nothing until something is wrong there.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    above: Option<&'a At<'a>>,
    step: AtStep<'a>,
}

#[derive(Clone, Copy)]
enum AtStep<'a> {
    Top,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The top of an object.
    pub(crate) const TOP: At<'static> = At { above: None, step: AtStep::Top };

    /// A field of what stands here.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self { above: Some(self), step: AtStep::Key(key) }
    }

    /// An item of what stands here.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self { above: Some(self), step: AtStep::Index(index) }
    }

    /// The path for keeps.
    pub(crate) fn path(&self) -> Path {
        let mut steps: Vec<Step> = std::iter::successors(Some(self), |at| at.above)
            .filter_map(|at| match at.step {
                AtStep::Top => None,
                AtStep::Key(key) => Some(Step::Key(key.to_owned())),
                AtStep::Index(index) => Some(Step::Index(index)),
            })
            .collect();
        steps.reverse();
        Path(steps)
    }
}
