//! Cuts a file into documents at its `---` lines, before any of it is parsed: so a broken document
//! hides no other, as in Kubernetes' own reader.

/// One document's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'t> {
    /// Lines of the file in front of it.
    pub(crate) lines_before: u32,
    /// With its `---` line, if it has one.
    pub(crate) text: &'t str,
}

/// The documents of a text, empty ones included.
pub(crate) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut lines_before) = (0, 0);
    let (mut offset, mut line) = (0, 0);
    // Directives (`%YAML 1.2`) stand in front of the `---` of the document that they are for.
    let mut head = Head::Empty;
    for row in text.split_inclusive('\n') {
        if separator(row) {
            if head != Head::Directives && offset > 0 {
                pieces.push(Piece { lines_before, text: &text[start..offset] });
                (start, lines_before) = (offset, line);
            }
            head = Head::Content;
        } else {
            head = head.and(row);
        }
        offset += row.len();
        line += 1;
    }
    pieces.push(Piece { lines_before, text: &text[start..] });
    pieces
}

/// What a piece holds so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Empty,
    Directives,
    Content,
}

impl Head {
    fn and(self, row: &str) -> Self {
        match row.trim_start().chars().next() {
            None | Some('#') => self,
            Some('%') if self != Self::Content && row.starts_with('%') => Self::Directives,
            Some(_) => Self::Content,
        }
    }
}

/// In YAML these lines end a document wherever they stand, even in a block of text.
fn separator(row: &str) -> bool {
    row.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(u32, &str)> {
        split(text).into_iter().map(|piece| (piece.lines_before, piece.text)).collect()
    }

    #[test]
    fn documents_are_cut_at_separator_lines() {
        assert_eq!(texts("a: 1\n---\nb: 2\n"), [(0, "a: 1\n"), (1, "---\nb: 2\n")]);
        assert_eq!(texts("---\na: 1\n---\n"), [(0, "---\na: 1\n"), (2, "---\n")]);
        assert_eq!(texts("--- {a: 1}\r\n---\tx\n"), [(0, "--- {a: 1}\r\n"), (1, "---\tx\n")]);
        assert_eq!(texts(""), [(0, "")]);
    }

    #[test]
    fn what_only_looks_like_a_separator_is_none() {
        let text = "a: |\n  ---\n---x: 1\n ---\n";
        assert_eq!(texts(text), [(0, text)]);
    }

    #[test]
    fn directives_stay_with_their_document() {
        let text = "# c\n%YAML 1.2\n---\na: 1\n---\nb: 1\n";
        assert_eq!(texts(text), [(0, "# c\n%YAML 1.2\n---\na: 1\n"), (4, "---\nb: 1\n")]);
    }

    #[test]
    fn the_pieces_are_the_whole_text() {
        for text in ["---", "\n---\n---", "a\n---\n\n---\nb", "%a\n---\n%b\n---\n"] {
            assert_eq!(split(text).iter().map(|piece| piece.text).collect::<String>(), text);
        }
    }
}
