//! Text into words. Case, accents and the "s" of an English plural do not matter; letters of every script
//! stay letters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a text in order, each folded.
pub(in crate::finder) fn tokens(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in folded(text) {
        if is_joiner(letter) {
            continue;
        }
        if is_word_by_itself(letter) {
            flush(&mut word, &mut words);
            words.push(letter.to_string());
        } else if letter.is_alphanumeric() || (is_combining_mark(letter) && !word.is_empty()) {
            word.push(letter);
        } else {
            flush(&mut word, &mut words);
        }
    }
    flush(&mut word, &mut words);
    words
}

fn flush(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(singular(std::mem::take(word)));
    }
}

/// Lower case, compatibility forms as ordinary ones, without accents, composed again (a Korean syllable is
/// one letter).
fn folded(text: &str) -> impl Iterator<Item = char> {
    let bare = text.nfkd().filter(|letter| !is_accent(*letter));
    bare.flat_map(char::to_lowercase).flat_map(plain_letters).nfc()
}

/// Accents of Latin, Greek and Cyrillic letters, and the vowel points that Arabic and Hebrew leave out. The
/// marks of other scripts are vowels and stay.
fn is_accent(mark: char) -> bool {
    matches!(mark, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}')
        && (is_combining_mark(mark) || mark == '\u{640}')
}

/// Latin letters that have no accent to take off and are typed without one.
fn plain_letters(letter: char) -> impl Iterator<Item = char> {
    let (first, second) = match letter {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'ø' => ('o', None),
        'đ' | 'ð' => ('d', None),
        'ł' => ('l', None),
        'ı' => ('i', None),
        'þ' => ('t', Some('h')),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

/// What stands inside a word without being part of it: apostrophes, and marks that say how letters join.
fn is_joiner(letter: char) -> bool {
    matches!(
        letter,
        '\'' | '’'
            | '‘'
            | '`'
            | '´'
            | '\u{2bb}'
            | '\u{2bc}'
            | '\u{ad}'
            | '\u{200c}'
            | '\u{200d}'
            | '\u{2060}'
    )
}

/// Chinese and Japanese are written without spaces: each character counts as a word.
fn is_word_by_itself(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// An English plural as its singular, as far as the spelling tells (Harman's "S stemmer"). It need not be
/// right, only the same on both sides.
fn singular(mut word: String) -> String {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if word.len() > 4 && ends(&["ies"]) {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if ends(&["sses", "shes", "xes"]) {
        word.truncate(word.len() - 2);
    } else if ends(&["s"]) && !ends(&["ss", "us", "is"]) {
        word.pop();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_plurals_do_not_matter() {
        for (text, expected) in [
            ("Kreyòl  AYISYEN", &["kreyol", "ayisyen"][..]),
            ("Consejería Español", &["consejeria", "espanol"]),
            ("Tiếng Việt — Đà Nẵng", &["tieng", "viet", "da", "nang"]),
            ("TF-CBT, LGBTQ+ & co.", &["tf", "cbt", "lgbtq", "co"]),
            ("Children’s can't O'Neill", &["children", "cant", "oneill"]),
            ("families therapies groups classes", &["family", "therapy", "group", "class"]),
            ("crisis campus loss bus gas", &["crisis", "campus", "loss", "bus", "gas"]),
            ("Straße ﬁne Ⅷ", &["strasse", "fine", "viii"]),
            ("01840 988", &["01840", "988"]),
            ("İstanbul", &["istanbul"]),
            ("", &[]),
            (" – !? …", &[]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn letters_of_every_script_stay() {
        for (text, expected) in [
            ("ភាសាខ្មែរ", &["ភាសាខ្មែរ"][..]),
            ("हिन्दी", &["हिन्दी"]),
            ("中文 普通话", &["中", "文", "普", "通", "话"]),
            ("한국어", &["한국어"]),
            ("العَرَبِيَّة", &["العربية"]),
            ("Аԥсшәа Русский", &["аԥсшәа", "русскии"]),
            ("አማርኛ ไทย", &["አማርኛ", "ไทย"]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        for text in ["Kreyòl", "가각", "ǅ ŉ ﷺ", "が ガ ｶﾞ", "ß İ ı", "classes families"] {
            let once = tokens(text);
            assert_eq!(tokens(&once.join(" ")), once, "{text}");
        }
    }
}
