//! Languages, as people write them into directories.
//!
//! HSDS lists the languages that are *spoken*, not those that an interpreter bridges. A language is recognised
//! only exactly: by its name or another spelling in our vocabulary, or by its code. What is not recognised is
//! never guessed.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::{Object, text};
use crate::types::{LanguageTag, derived_uuid, near_spellings};

/// ISO 639-2 codes, both the terminological and the bibliographic, with the two letters of ISO 639-1 that BCP 47
/// has instead.
const THREE_LETTERS: &str = "aar:aa abk:ab afr:af aka:ak alb:sq amh:am ara:ar arg:an arm:hy asm:as ava:av ave:ae aym:ay aze:az \
    bak:ba bam:bm baq:eu bel:be ben:bn bis:bi bod:bo bos:bs bre:br bul:bg bur:my cat:ca ces:cs cha:ch \
    che:ce chi:zh chu:cu chv:cv cor:kw cos:co cre:cr cym:cy cze:cs dan:da deu:de div:dv dut:nl dzo:dz \
    ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo fas:fa fij:fj fin:fi fra:fr fre:fr fry:fy ful:ff \
    geo:ka ger:de gla:gd gle:ga glg:gl glv:gv gre:el grn:gn guj:gu hat:ht hau:ha heb:he her:hz hin:hi \
    hmo:ho hrv:hr hun:hu hye:hy ibo:ig ice:is ido:io iii:ii iku:iu ile:ie ina:ia ind:id ipk:ik isl:is \
    ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks kat:ka kau:kr kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv \
    kon:kg kor:ko kua:kj kur:ku lao:lo lat:la lav:lv lim:li lin:ln lit:lt ltz:lb lub:lu lug:lg mac:mk \
    mah:mh mal:ml mao:mi mar:mr may:ms mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nau:na nav:nv \
    nbl:nr nde:nd ndo:ng nep:ne nld:nl nno:nn nob:nb nor:no nya:ny oci:oc oji:oj ori:or orm:om oss:os \
    pan:pa per:fa pli:pi pol:pl por:pt pus:ps que:qu roh:rm ron:ro rum:ro run:rn rus:ru sag:sg san:sa \
    sin:si slk:sk slo:sk slv:sl sme:se smo:sm sna:sn snd:sd som:so sot:st spa:es sqi:sq srd:sc srp:sr \
    ssw:ss sun:su swa:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl tha:th tib:bo tir:ti ton:to \
    tsn:tn tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi vol:vo wel:cy wln:wa \
    wol:wo xho:xh yid:yi yor:yo zha:za zho:zh zul:zu";

/// Words that name no language.
const NO_LANGUAGE: [&str; 20] = [
    "n/a",
    "na",
    "none",
    "null",
    "nil",
    "no",
    "unknown",
    "tbd",
    "-",
    "--",
    "?",
    "other",
    "others",
    "various",
    "multiple",
    "many",
    "any",
    "all",
    "all languages",
    "multilingual",
];

/// What stands between two languages in one cell.
const SEPARATORS: [&str; 8] = [",", "/", ";", "|", "&", "+", "\n", " and "];

/// What the languages of a list are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spoken {
    /// Those that are recognised.
    pub(super) known: BTreeSet<LanguageTag>,
    /// The spellings that are not, each with what may have been meant.
    pub(super) unknown: Vec<String>,
    /// Whether the list had an entry at all.
    pub(super) is_stated: bool,
}

/// The languages of these entries.
pub(super) fn spoken<'a>(entries: impl Iterator<Item = &'a Object>) -> Spoken {
    let mut spoken = Spoken::default();
    for entry in entries {
        let (name, code) = (text(entry, "name"), text(entry, "code"));
        match (code.as_deref().and_then(by_code), name) {
            (Some(code), None) => spoken.know(code),
            (Some(code), Some(name)) => match by_name(&name) {
                // An entry that contradicts itself names none of the two.
                Some(other) if code.is_met_by(&other) == crate::types::Truth::No => {
                    spoken.is_stated = true;
                    spoken
                        .unknown
                        .push(format!("language {name:?} has the code of another language, {code}"));
                }
                Some(_) | None => spoken.know(code),
            },
            (None, Some(name)) => spoken.name(&name),
            (None, None) => {
                if let Some(code) = code {
                    spoken.name(&code);
                }
            }
        }
    }
    spoken
}

impl Spoken {
    fn know(&mut self, tag: LanguageTag) {
        self.is_stated = true;
        self.known.insert(tag);
    }

    /// Takes a name, or several in one cell.
    fn name(&mut self, cell: &str) {
        self.is_stated = true;
        if NO_LANGUAGE.contains(&plain(cell).as_str()) {
            self.unknown.push(format!("language {cell:?} names no language"));
            return;
        }
        if let Some(tag) = by_name(cell).or_else(|| by_code(cell)) {
            self.known.insert(tag);
            return;
        }
        let mut parts = vec![cell];
        for separator in SEPARATORS {
            parts = parts.into_iter().flat_map(|part| part.split(separator)).collect();
        }
        for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
            match by_name(part).or_else(|| by_code(part)) {
                Some(tag) => _ = self.known.insert(tag),
                None => self.unknown.push(unknown(part)),
            }
        }
    }
}

/// The name as it is compared.
fn plain(name: &str) -> String {
    name.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
        .trim_end_matches(['.', ',', ';'])
        .to_owned()
}

/// Names and spellings of the vocabulary with their tags.
static NAMES: LazyLock<HashMap<String, LanguageTag>> = LazyLock::new(|| {
    let terms = LanguageTag::vocabulary().terms.iter();
    let names = terms
        .flat_map(|term| std::iter::once(&term.name).chain(&term.also).map(move |name| (name, &term.code)));
    names.filter_map(|(name, code)| Some((name.to_lowercase(), code.parse().ok()?))).collect()
});

fn by_name(name: &str) -> Option<LanguageTag> {
    NAMES.get(&plain(name)).cloned()
}

/// The language of a code: a BCP 47 tag, or three letters of ISO 639.
fn by_code(code: &str) -> Option<LanguageTag> {
    static SHORT: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| THREE_LETTERS.split_whitespace().filter_map(|pair| pair.split_once(':')).collect());
    let code = code.trim();
    let primary = code.split('-').next().unwrap_or_default();
    if !(2..=3).contains(&primary.len()) {
        return None;
    }
    let lower = code.to_lowercase();
    SHORT.get(lower.as_str()).copied().unwrap_or(code).parse().ok()
}

/// How a note on a spelling that is not known begins and ends.
const UNKNOWN: (&str, &str) = ("language ", " is not known");

fn unknown(spelling: &str) -> String {
    format!("{}{spelling:?}{}", UNKNOWN.0, UNKNOWN.1)
}

/// A note, with what may have been meant where it is of a spelling that is not known.
pub(super) fn suggest(note: String) -> String {
    let quoted = note.strip_prefix(UNKNOWN.0).and_then(|rest| rest.strip_suffix(UNKNOWN.1));
    let Some(spelling) = quoted.map(|quoted| quoted.trim_matches('"')) else { return note };
    let terms = LanguageTag::vocabulary().terms.iter();
    let names = terms.flat_map(|term| {
        std::iter::once(&term.name).chain(&term.also).map(|name| (name.as_str(), term.name.as_str()))
    });
    let near = near_spellings(spelling, names);
    if near.is_empty() { note } else { format!("{note}; did you mean {}?", near.join(" or ")) }
}

/// The name of a language in English.
pub(super) fn name(tag: &LanguageTag) -> String {
    let vocabulary = LanguageTag::vocabulary();
    let term = vocabulary.term(tag.as_str()).or_else(|| vocabulary.term(tag.primary()));
    term.map_or_else(|| tag.to_string(), |term| term.name.clone())
}

/// Languages as entries of a list.
pub(super) fn entries(subject: Uuid, tags: &BTreeSet<LanguageTag>) -> Vec<Value> {
    let entry = |tag: &LanguageTag| {
        let id = derived_uuid("hsds", &["language", &subject.to_string(), tag.as_str()]);
        json!({"id": id, "name": name(tag), "code": tag})
    };
    tags.iter().map(entry).collect()
}

/// The languages that an entry names.
pub(super) fn keys(entry: &Object) -> Vec<String> {
    spoken(std::iter::once(entry)).known.into_iter().map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str) -> (Vec<String>, Vec<String>) {
        let entry: Object = serde_json::from_value(json!({"name": cell})).unwrap();
        let spoken = spoken(std::iter::once(&entry));
        (spoken.known.into_iter().map(String::from).collect(), spoken.unknown)
    }

    #[test]
    fn names_are_recognised_as_they_are_written_and_never_guessed() {
        for (cell, tags) in [
            ("Spanish", vec!["es"]),
            (" spanish  ", vec!["es"]),
            ("Español", vec!["es"]),
            ("spa", vec!["es"]),
            ("Spanish/Portuguese", vec!["es", "pt"]),
            ("Mandarin, Cantonese", vec!["cmn", "yue"]),
            ("Haitian Creole", vec!["ht"]),
            ("Creole", vec!["crp"]),
            ("Cape Verdean Creole", vec!["kea"]),
            ("ASL", vec!["ase"]),
            ("Sign Language", vec!["sgn"]),
            ("English and Vietnamese", vec!["en", "vi"]),
        ] {
            assert_eq!(read(cell), (tags.iter().map(ToString::to_string).collect(), vec![]), "{cell:?}");
        }
        for cell in [
            "Portugese",
            "chinese (simplified)",
            "Spanish speaking",
            "multiple",
            "All languages",
            "N/A",
            "qqq",
        ] {
            let (known, unknown) = read(cell);
            assert!(known.is_empty() && unknown.len() == 1, "{cell:?}: {known:?} {unknown:?}");
        }
        let meant = suggest(read("Portugese").1.remove(0));
        assert!(meant.contains("did you mean Portuguese"), "{meant}");
        assert_eq!(suggest("something else".to_owned()), "something else");
        assert_eq!(read("Spanish, Klingon").0, ["es"]);
    }

    #[test]
    fn a_code_stands_before_a_name_that_is_not_known_and_contradicts_one_that_is() {
        let read = |entry: Value| {
            let entry: Object = serde_json::from_value(entry).unwrap();
            spoken(std::iter::once(&entry))
        };
        let urdu = read(json!({"name": "Urdu, in our office", "code": "urd"}));
        assert_eq!((urdu.known.len(), urdu.unknown.len()), (1, 0));
        let both = read(json!({"name": "French", "code": "es"}));
        assert_eq!((both.known.len(), both.unknown.len(), both.is_stated), (0, 1, true));
    }

    #[test]
    fn every_three_letter_code_has_its_language() {
        for pair in THREE_LETTERS.split_whitespace() {
            let (three, two) = pair.split_once(':').unwrap();
            assert_eq!(by_code(three).map(String::from).as_deref(), Some(two));
        }
    }
}
