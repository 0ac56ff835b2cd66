//! What a YAML scalar means to Kubernetes, which reads YAML 1.1 (through go-yaml v2): `yes`, `no`,
//! `on`, `off`, `y` and `n` are booleans, `0777` is octal, times are strings. A file that works
//! here must mean the same in a cluster, so this is what a scalar means here.

use serde_json::{Number, Value};

/// The value of a plain scalar without a tag. The error says why JSON has none for it.
pub(crate) fn plain(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Value::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Value::Bool(false));
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Err(format!("{text} has no value in JSON")),
        _ => {}
    }
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    let number = if numeric { number(text) } else { None };
    Ok(number.map_or_else(|| Value::String(text.to_owned()), Value::Number))
}

/// The value of a scalar with a tag of the core schema, such as `!!str`.
pub(crate) fn tagged(tag: &str, text: &str) -> Result<Value, String> {
    let value = plain(text)?;
    let fits = match tag {
        "str" => return Ok(Value::String(text.to_owned())),
        "null" => value.is_null(),
        "bool" => value.is_boolean(),
        "int" => value.is_i64() || value.is_u64(),
        "float" => value.is_number(),
        _ => return Err(format!("the tag !!{tag} has no meaning in a manifest")),
    };
    if fits { Ok(value) } else { Err(format!("{text:?} is not of the type !!{tag}")) }
}

fn number(text: &str) -> Option<Number> {
    if text.starts_with('.') {
        return float(text);
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits))
}

/// Go's `ParseInt` with base 0: prefixes `0x`, `0o`, `0b`, and `0` for octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        Some(_) if lower.starts_with('0') => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(size).map(Number::from);
    }
    Some(Number::from(size))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float(text: &str) -> Option<Number> {
    let allowed = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !text.bytes().all(allowed) {
        return None;
    }
    let number = Number::from_f64(text.parse().ok()?)?;
    Some(integral(&number).unwrap_or(number))
}

/// A value with floats that are whole as integers, which is how Go writes and reads them.
pub(crate) fn whole(value: Value) -> Value {
    match &value {
        Value::Number(number) => integral(number).map_or(value, Value::Number),
        _ => value,
    }
}

fn integral(number: &Number) -> Option<Number> {
    const WHOLE: f64 = 9_007_199_254_740_992.0; // 2^53: beyond it, floats skip integers
    let float = number.as_f64().filter(|_| number.is_f64())?;
    (float.fract() == 0.0 && float.abs() <= WHOLE).then(|| Number::from(float as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_mean_what_they_mean_to_kubectl() {
        let cases = [
            ("", json!(null)),
            ("~", json!(null)),
            ("yes", json!(true)),
            ("off", json!(false)),
            ("n", json!(false)),
            ("nO", json!("nO")),
            ("80", json!(80)),
            ("+80", json!(80)),
            ("-80", json!(-80)),
            ("1_000", json!(1000)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0777", json!(511)),
            ("08", json!(8)),
            ("0b101", json!(5)),
            ("80.0", json!(80)),
            ("1e3", json!(1000)),
            (".5", json!(0.5)),
            ("1.5", json!(1.5)),
            ("1.2.3", json!("1.2.3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("10s", json!("10s")),
            ("2026-01-31", json!("2026-01-31")),
            ("12:30", json!("12:30")),
            ("-", json!("-")),
            ("+", json!("+")),
            ("-.", json!("-.")),
            ("0x", json!("0x")),
            ("--1", json!("--1")),
            ("0x-1", json!("0x-1")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("123456789012345678901", json!(123456789012345678901.0)),
            ("::1", json!("::1")),
            ("inf", json!("inf")),
            ("e3", json!("e3")),
        ];
        for (text, value) in cases {
            assert_eq!(plain(text), Ok(value), "{text}");
        }
        assert!(plain(".inf").is_err());
    }

    #[test]
    fn a_tag_is_kept_or_refused() {
        assert_eq!(tagged("str", "yes"), Ok(json!("yes")));
        assert_eq!(tagged("int", "080"), Ok(json!(80)));
        assert_eq!(tagged("float", "3"), Ok(json!(3)));
        assert!(tagged("int", "x").is_err());
        assert!(tagged("binary", "aGk=").is_err());
    }
}
