//! Words by number, found by their spelling, by how they begin, and by spellings that are nearly theirs.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Each word once. Numbers of words that are dropped are given out anew.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    numbers: BTreeMap<Arc<str>, u32>,
    words: Vec<Arc<str>>,
    /// Beside `words`, close together, so that a look at all of them is quick.
    letters: Vec<Letters>,
    free: Vec<u32>,
}

/// Which letters a word has, each as one of 64 bits, and how many. One edit takes at most one letter away
/// and adds at most one, so that it changes two bits at most: most words are ruled out by that alone.
#[derive(Clone, Copy, Debug, Default)]
struct Letters {
    which: u64,
    count: u32,
}

impl Letters {
    fn of(word: &str) -> Self {
        word.chars().fold(Self::default(), |letters, letter| Self {
            which: letters.which | 1 << (u32::from(letter) % 64),
            count: letters.count + 1,
        })
    }

    /// Whether two words may be this few edits apart: never wrongly false.
    fn may_be_within(self, edits: u32, other: Self) -> bool {
        self.count.abs_diff(other.count) <= edits && (self.which ^ other.which).count_ones() <= 2 * edits
    }
}

impl Dictionary {
    /// The number of a word, which is in the dictionary from now on.
    pub(super) fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.find(word) {
            return number;
        }
        let shared: Arc<str> = word.into();
        let number = if let Some(number) = self.free.pop() {
            self.words[number as usize] = Arc::clone(&shared);
            self.letters[number as usize] = Letters::of(word);
            number
        } else {
            self.words.push(Arc::clone(&shared));
            self.letters.push(Letters::of(word));
            u32::try_from(self.words.len() - 1).expect("memory ends before four billion words")
        };
        self.numbers.insert(shared, number);
        number
    }

    /// Drops a word.
    pub(super) fn drop(&mut self, number: u32) {
        let word = std::mem::take(&mut self.words[number as usize]);
        self.letters[number as usize] = Letters::default();
        if self.numbers.remove(&word).is_some() {
            self.free.push(number);
        }
    }

    /// How many numbers were ever given out.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    pub(super) fn word(&self, number: u32) -> &str {
        &self.words[number as usize]
    }

    pub(super) fn find(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    /// The words that begin with `start` and are longer.
    pub(super) fn beginning_with<'a>(&'a self, start: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.numbers
            .range::<str, _>((Bound::Excluded(start), Bound::Unbounded))
            .take_while(move |(word, _)| word.starts_with(start))
            .map(|(_, number)| *number)
    }

    /// The words that are one edit away.
    pub(super) fn one_edit_from<'a>(&'a self, word: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.near(word, 1).filter(move |number| is_one_edit(word, self.word(*number)))
    }

    /// The words that may be this few edits away; `word` itself may be among them.
    pub(super) fn near(&self, word: &str, edits: u32) -> impl Iterator<Item = u32> {
        let asked = Letters::of(word);
        let all = (0_u32..).zip(&self.letters);
        all.filter(move |(_, letters)| letters.count > 0 && letters.may_be_within(edits, asked))
            .map(|(number, _)| number)
    }
}

/// Whether one letter more, less or other, or two neighbours swapped, makes one word of the other.
pub(super) fn is_one_edit(a: &str, b: &str) -> bool {
    let start =
        a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum::<usize>();
    let (mut a, mut b) = (a[start..].chars(), b[start..].chars());
    let (rest_of_a, rest_of_b) = (a.as_str(), b.as_str());
    let (first_of_a, first_of_b) = (a.next(), b.next());
    if first_of_a.is_none() && first_of_b.is_none() {
        return false;
    }
    let (past_a, past_b) = (a.as_str(), b.as_str());
    if past_a == rest_of_b
        || rest_of_a == past_b
        || (first_of_a.is_some() && first_of_b.is_some() && past_a == past_b)
    {
        return true;
    }
    let (second_of_a, second_of_b) = (a.next(), b.next());
    first_of_a.is_some() && first_of_a == second_of_b && first_of_b == second_of_a && a.as_str() == b.as_str()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn one_edit_is_a_distance_of_one(a in "[abcø]{0,6}", b in "[abcø]{0,6}") {
            prop_assert_eq!(is_one_edit(&a, &b), strsim::osa_distance(&a, &b) == 1, "{} {}", a, b);
        }

        #[test]
        fn words_are_found_by_start_and_by_near_spellings(
            words in prop::collection::btree_set("[ab\u{1000}ø]{1,5}", 0..40), dropped in prop::collection::vec(any::<usize>(), 0..20),
            asked in "[ab\u{1000}ø]{1,5}",
        ) {
            let mut dictionary = Dictionary::default();
            let mut words: Vec<String> = words.into_iter().collect();
            for word in &words {
                dictionary.number(word);
            }
            for which in dropped {
                if !words.is_empty() {
                    let word = words.swap_remove(which % words.len());
                    let number = dictionary.find(&word).unwrap();
                    dictionary.drop(number);
                }
            }
            dictionary.number("abab");
            words.push("abab".to_owned());
            words.sort();
            words.dedup();
            let sorted = |numbers: Vec<u32>| {
                let mut found: Vec<String> = numbers.into_iter().map(|n| dictionary.word(n).to_owned()).collect();
                found.sort();
                found
            };
            let like = |is: &dyn Fn(&String) -> bool| words.iter().filter(|word| is(word)).cloned().collect::<Vec<_>>();
            prop_assert_eq!(sorted(dictionary.beginning_with(&asked).collect()), like(&|word| word.starts_with(&asked) && *word != asked));
            prop_assert_eq!(sorted(dictionary.one_edit_from(&asked).collect()), like(&|word| strsim::osa_distance(word, &asked) == 1));
            let near = sorted(dictionary.near(&asked, 2).collect());
            prop_assert!(like(&|word| strsim::osa_distance(word, &asked) <= 2).iter().all(|word| near.contains(word)));
            prop_assert!(words.iter().all(|word| dictionary.find(word).is_some_and(|number| dictionary.word(number) == word)));
        }
    }
}
