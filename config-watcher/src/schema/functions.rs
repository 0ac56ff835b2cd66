//! The functions that Kubernetes adds to CEL, as far as the embedded rules call them; a test
//! proves that every rule compiles and runs.

#![expect(clippy::needless_pass_by_value, reason = "functions of CEL own their arguments")]

use std::any::Any;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{LazyLock, PoisonError, RwLock};

use cel::common::types::{CelBool, CelList, CelOptional, CelString, STRING_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError, extensions};
use regex::Regex;

/// Declares them.
pub(crate) fn register(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_extension(extensions::strings)?;
    env.add_member_overload("matches", "matches_string", STRING_TYPE, vec![STRING_TYPE], matches)?;
    env.add_overload("isIP", "is_ip", vec![STRING_TYPE], is_ip)?;
    env.add_overload("format.dns1123Subdomain", "dns1123_subdomain", vec![], dns1123_subdomain)?;
    env.add_member_overload("validate", "validate", FORMAT.to_owned(), vec![STRING_TYPE], validate)
}

type Arguments<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn text<'a>(arguments: &'a Arguments<'_, '_>, position: usize) -> Result<&'a str, ExecutionError> {
    let argument = arguments.get(position).ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let text = argument.downcast_ref::<CelString<'_>>();
    text.map(CelString::inner).ok_or(ExecutionError::MissingArgumentOrTarget)
}

/// Patterns come from the embedded rules only, so there are few of them.
static PATTERNS: LazyLock<RwLock<HashMap<String, Regex>>> = LazyLock::new(RwLock::default);

fn matches<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let (subject, pattern) = (text(&arguments, 0)?, text(&arguments, 1)?);
    let known = PATTERNS.read().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
    let regex = match known {
        Some(regex) => regex,
        None => {
            let regex = Regex::new(pattern)
                .map_err(|error| ExecutionError::function_error("matches", error))?;
            let mut patterns = PATTERNS.write().unwrap_or_else(PoisonError::into_inner);
            patterns.insert(pattern.to_owned(), regex.clone());
            regex
        }
    };
    Ok(CowVal::owned(CelBool::from(regex.is_match(subject))))
}

fn is_ip<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let address = text(&arguments, 0)?.parse::<IpAddr>();
    Ok(CowVal::owned(CelBool::from(address.is_ok())))
}

static FORMAT: Type = Type::new_unspecified_type("kubernetes.NamedFormat");

/// What `format.dns1123Subdomain()` gives.
#[derive(Clone, Copy, Debug)]
struct Dns1123Subdomain;

impl Val for Dns1123Subdomain {
    fn get_type(&self) -> &Type {
        &FORMAT
    }

    fn cel_type() -> &'static Type {
        &FORMAT
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(*self)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Dns1123Subdomain {}

fn dns1123_subdomain<'b, 'v>(_: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    Ok(CowVal::owned(Dns1123Subdomain))
}

/// Gives no value when the text has the format, or else a list of what is wrong.
fn validate<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    if subdomain(text(&arguments, 1)?) {
        return Ok(CowVal::owned(CelOptional::none()));
    }
    let wrong: Vec<Box<dyn Val + 'v>> = vec![Box::new(CelString::from("must be a DNS name"))];
    Ok(CowVal::owned(CelOptional::of(Box::new(CelList::from(wrong)))))
}

/// Kubernetes' `IsDNS1123Subdomain`.
fn subdomain(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
        label.bytes().all(inner) && edge(label.as_bytes().first()) && edge(label.as_bytes().last())
    };
    text.len() <= 253 && text.split('.').all(label)
}
