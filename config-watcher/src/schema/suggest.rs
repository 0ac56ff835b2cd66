//! "Did you mean": the known word that a wrong one was probably meant to be.

/// The nearest of `known` to `word`, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Two slips, or one in a short word: more would suggest what nobody meant.
    let slips = if word.chars().count() > 4 { 2 } else { 1 };
    let folded = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A word that is part of the other is near it: `header` for `headers`, `Prefix` for `PathPrefix`.
fn distance(word: &str, candidate: &str) -> usize {
    let (short, long) =
        if word.len() < candidate.len() { (word, candidate) } else { (candidate, word) };
    if short.len() > 3 && long.contains(short) {
        return 1;
    }
    // Distances of long words cost their product; nobody mistypes a field of 64 characters.
    if long.len() > 64 { usize::MAX } else { strsim::damerau_levenshtein(word, candidate) }
}

/// Words as `a, b, c`.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    words.join(", ")
}
