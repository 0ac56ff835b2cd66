//! One CEL rule of a schema (`x-kubernetes-validations`), compiled.

use std::sync::{Arc, LazyLock};

use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, Program, Value};

use super::functions;

/// What rules may call: the standard library, strings, and Kubernetes' own functions.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    functions::register(&mut env).expect("every function is declared once");
    Arc::new(env)
});

/// A rule, ready to run. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    program: Arc<Program>,
    /// What to tell a person whose value breaks it.
    pub(crate) message: Arc<str>,
    /// It compares with the value before, and so judges no object that is new. A file has no
    /// value before: whoever edits it could as well delete the object and make a new one.
    transition: bool,
}

impl Rule {
    /// Compiles the text of a rule.
    pub(crate) fn compile(text: &str, message: &str) -> Result<Self, String> {
        let program = ENVIRONMENT.compile(text).map_err(|error| format!("{text}: {error}"))?;
        let transition = program.references().has_variable("oldSelf");
        let message =
            if message.is_empty() { format!("breaks the rule {text}") } else { message.into() };
        Ok(Self { program: Arc::new(program), message: message.into(), transition })
    }

    /// Whether a value keeps the rule. An error means that it could not be told, which an API
    /// server counts as broken.
    pub(crate) fn holds(&self, value: &dyn Val) -> Result<bool, String> {
        if self.transition {
            return Ok(true);
        }
        let subject = Subject(value);
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&subject);
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("the rule gives no boolean".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Names of the functions that it calls.
    #[cfg(test)]
    pub(crate) fn functions(&self) -> Vec<String> {
        self.program.references().functions().into_iter().map(str::to_owned).collect()
    }
}

/// Knows `self`.
struct Subject<'a>(&'a dyn Val);

impl VariableResolver for Subject<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        (variable == "self").then_some(CowVal::Borrowed(self.0))
    }
}
