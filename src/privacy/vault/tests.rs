use super::*;

fn key(byte: u8) -> StudentKey {
    StudentKey { student: StudentId::new(), key: [byte; 32] }
}

#[test]
fn what_is_sealed_opens_in_its_place_only() {
    let key = key(1);
    let sealed = key.seal("students", "a", &"Rosa").unwrap();
    assert_eq!(key.open::<String>("students", "a", &sealed).unwrap(), "Rosa");
    assert!(key.open::<String>("students", "b", &sealed).is_err(), "moved to another row");
    assert!(key.open::<String>("guardians", "a", &sealed).is_err(), "moved to another table");
    let another = StudentKey { student: StudentId::new(), key: key.key };
    assert!(another.open::<String>("students", "a", &sealed).is_err(), "given to another student");
}

#[test]
fn what_was_tampered_with_does_not_open() {
    let key = key(1);
    let sealed = key.seal("students", "a", &"Rosa").unwrap();
    for position in 0..sealed.len() {
        let mut tampered = sealed.clone();
        tampered[position] ^= 1;
        assert!(key.open::<String>("students", "a", &tampered).is_err(), "at {position}");
    }
    assert!(key.open::<String>("students", "a", &[]).is_err());
}

#[test]
fn the_same_sealed_twice_differs_and_hides_its_words() {
    let key = key(1);
    let (one, other) =
        (key.seal("students", "a", &"Rosa").unwrap(), key.seal("students", "a", &"Rosa").unwrap());
    assert_ne!(one, other);
    assert!(!one.windows(4).any(|window| window == b"Rosa"));
}

#[test]
fn a_damaged_document_does_not_repeat_what_it_said() {
    let key = key(1);
    let sealed = key.seal("students", "a", &"Rosa").unwrap();
    let error = key.open::<u32>("students", "a", &sealed).unwrap_err();
    let mut shown = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        shown = format!("{shown} {source} {source:?}");
        cause = source.source();
    }
    assert!(!shown.contains("Rosa"), "{shown}");
}

#[test]
fn parts_of_a_digest_do_not_run_together() {
    let digest = |parts: [&str; 2]| keyed_digest(&[7; 32], parts.iter().map(|part| part.as_bytes()));
    assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    assert_ne!(digest(["ab", "c"]), keyed_digest(&[8; 32], [b"ab".as_slice(), b"c"].into_iter()));
}
