//! A rule's parts in a few words, for tables.

use snapshot::{Filter, Match, PathMatch, Text};

/// `GET /cart x-user~^a ?beta=1`: `=` before an exact path, `~` before regular expressions.
pub(crate) fn match_text(one: &Match) -> String {
    let mut text = String::new();
    if let Some(method) = &one.method {
        text.push_str(method.as_str());
        text.push(' ');
    }
    match &one.path {
        PathMatch::Exact(path) => text.push_str(&format!("={path}")),
        PathMatch::Prefix(path) => text.push_str(path),
        PathMatch::Regex(pattern) => text.push_str(&format!("~{}", pattern.as_str())),
    }
    for header in &one.headers {
        text.push_str(&format!(" {}{}", header.name, value_text(&header.value)));
    }
    for parameter in &one.query {
        text.push_str(&format!(" ?{}{}", parameter.name, value_text(&parameter.value)));
    }
    text
}

fn value_text(value: &Text) -> String {
    match value {
        Text::Exact(text) => format!("={text}"),
        Text::Regex(pattern) => format!("~{}", pattern.as_str()),
    }
}

/// As the Gateway API calls it.
pub(crate) fn filter_name(filter: &Filter) -> &'static str {
    match filter {
        Filter::RequestHeaders(_) => "RequestHeaderModifier",
        Filter::ResponseHeaders(_) => "ResponseHeaderModifier",
        Filter::Redirect(_) => "RequestRedirect",
        Filter::UrlRewrite(_) => "URLRewrite",
        Filter::Mirror(_) => "RequestMirror",
        Filter::Cors(_) => "CORS",
        Filter::Unsupported(_) => "unsupported",
    }
}

#[cfg(test)]
mod tests {
    use snapshot::{HeaderMatch, Match, PathMatch, Pattern, QueryMatch, Text};

    use super::match_text;

    #[test]
    fn a_match_reads_in_one_line() {
        let all = Match {
            path: PathMatch::Regex(Pattern::parse("/a.*").unwrap()),
            method: Some(http::Method::GET),
            headers: vec![HeaderMatch {
                name: http::HeaderName::from_static("x-user"),
                value: Text::Exact("a".into()),
            }],
            query: vec![QueryMatch {
                name: "beta".into(),
                value: Text::Regex(Pattern::parse("1|2").unwrap()),
            }],
        };
        assert_eq!(match_text(&all), "GET ~/a.* x-user=a ?beta~1|2");
        let any = Match {
            path: PathMatch::Prefix("/".into()),
            method: None,
            headers: vec![],
            query: vec![],
        };
        assert_eq!(match_text(&any), "/");
    }
}
