//! Names that were mistyped: what may have been meant.

/// Up to three of `known` that look like `word`, nearest first.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Longer words are no names; the distance takes time in the product of the lengths.
    const LONGEST: usize = 64;
    if word.is_empty() || word.len() > LONGEST {
        return Vec::new();
    }
    let word = word.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (distance(&word, name), name))
        .filter(|(edits, name)| *edits <= word.len().div_ceil(3) || name.contains(&word))
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Letters to insert, delete or replace on the way from `a` to `b` (Levenshtein 1966).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshtein_s() {
        for (a, b, edits) in [("", "abc", 3), ("kitten", "sitting", 3), ("abc", "abc", 0)] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn near_names_come_nearest_first_and_far_ones_not_at_all() {
        let known = ["rigid_6x2_31t", "rigid_6x2_25t5", "tractor_4x2_55t"];
        assert_eq!(nearest("rigid_6x2_31", known)[0], "rigid_6x2_31t");
        assert_eq!(nearest("Tractor", known), ["tractor_4x2_55t"]);
        assert!(nearest("zeppelin", known).is_empty() && nearest("", known).is_empty());
    }
}
