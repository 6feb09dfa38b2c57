//! Rows to cards.

use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).single().expect("a moment")
}

/// Code and day of a row, or the code of its fault.
type Got = Result<(String, Option<String>), &'static str>;

fn got(read: Read) -> Option<Got> {
    match read {
        Read::Header => None,
        Read::Card(_, card) => {
            let day = card.expires_at.map(|moment| moment.format("%Y-%m-%dT%H:%M").to_string());
            Some(Ok((card.code.reveal().to_owned(), day)))
        }
        Read::Fault(fault) => Some(Err(fault.code)),
    }
}

fn rows(format: Format, reading: &Reading, rows: &[&[&str]]) -> Vec<Got> {
    let mut reader = Reader::new(format, reading, now());
    let rows = rows.iter().zip(1..).map(|(cells, line)| {
        let cells = cells.iter().map(|cell| (*cell).to_owned()).collect();
        reader.read(Ok(Row { line, cells })).expect("the file is good")
    });
    rows.filter_map(got).collect()
}

fn line(text: &str) -> Got {
    rows(Format::Text, &Reading::default(), &[&["first"], &[text]]).remove(1)
}

fn card(code: &str, day: &str) -> Got {
    Ok((code.to_owned(), (!day.is_empty()).then(|| format!("{day}T00:00"))))
}

#[test]
fn a_line_is_a_code_or_a_code_and_a_day() {
    assert_eq!(line(" ABC-123 "), card("ABC-123", ""));
    for text in [
        "A,2029-12-31",
        "A\t2029/12/31",
        "A | 2029.12.31",
        "A----2029-12-31",
        "A，2029年12月31日",
        "A 2029-12-31 10:30",
    ] {
        assert_eq!(line(text), card("A", "2029-12-31"), "{text}");
    }
    assert_eq!(line("A;2029-1-2"), card("A", "2029-01-02"));
    assert_eq!(line("number----password----2029-12-31"), card("number----password", "2029-12-31"));
}

#[test]
fn a_code_may_hold_what_separates_a_day_from_it() {
    for text in ["number----password", "user|secret", "AB CD", "A,B", "2029-12-31", "----2029-12-31", "A-2029-12-31"] {
        assert_eq!(line(text), card(text, ""), "{text}");
    }
}

#[test]
fn a_tail_that_looks_like_a_day_and_is_none_is_told() {
    for text in ["A,2029-13-01", "A\t2029-02-30", "A|2029-1-32", "A,2029-12-311"] {
        assert_eq!(line(text), Err("card_expiry_unreadable"), "{text}");
    }
}

#[test]
fn a_card_that_has_run_out_is_a_fault() {
    assert_eq!(line("A,2026-11-21"), Err("card_run_out"));
    assert_eq!(line("A,2026-11-22"), card("A", "2026-11-22"));
}

#[test]
fn the_callers_day_is_for_rows_without_one() {
    let reading = Reading { expires_on: NaiveDate::from_ymd_opt(2030, 1, 1), columns: None };
    let read = rows(Format::Csv, &reading, &[&["A"], &["B", "2029-12-31"], &["C", " "]]);
    assert_eq!(read, [card("A", "2030-01-01"), card("B", "2029-12-31"), card("C", "2030-01-01")]);
}

#[test]
fn a_row_that_names_its_columns_is_a_header() {
    let csv: [&[&str]; 3] = [&["No", "有效期", " Card Code "], &["1", "2029-12-31", "A"], &["2", "", "B", "a note"]];
    let read = rows(Format::Csv, &Reading::default(), &csv);
    assert_eq!(read, [card("A", "2029-12-31"), card("B", "")]);
    let text = rows(Format::Text, &Reading::default(), &[&["code\texpires_on"], &["A\t2029-12-31"]]);
    assert_eq!(text, [card("A", "2029-12-31")]);
    assert_eq!(rows(Format::Text, &Reading::default(), &[&["A"], &["code"]]), [card("A", ""), card("code", "")]);
}

#[test]
fn the_callers_columns_win() {
    let columns = Some(Columns { code: 2, expires_on: None, header_rows: 1 });
    let read = rows(Format::Xlsx, &Reading { expires_on: None, columns }, &[&["code"], &["code", "x", "A"], &["B"]]);
    assert_eq!(read, [card("A", ""), Err("card_code_unreadable")]);
}

#[test]
fn two_columns_of_codes_are_not_guessed_between() {
    let mut reader = Reader::new(Format::Csv, &Reading::default(), now());
    let row = Row { line: 1, cells: vec!["卡号".to_owned(), "卡密".to_owned()] };
    assert!(matches!(reader.read(Ok(row)), Err(InventoryError::Sheet(SheetError::DoubleColumn { line: 1, .. }))));
}

#[test]
fn without_names_a_row_has_a_code_and_a_day_and_nothing_else() {
    let csv: [&[&str]; 4] = [&["A", "", " "], &["B", "", "note"], &["C", "soon"], &["", "2029-12-31"]];
    let read = rows(Format::Csv, &Reading::default(), &csv);
    let faults = [Err("card_row_wide"), Err("card_expiry_unreadable"), Err("card_code_unreadable")];
    assert_eq!((&read[0], &read[1..]), (&card("A", ""), &faults[..]));
}

#[test]
fn a_fault_of_the_sheet_is_one_of_its_row() {
    let mut reader = Reader::new(Format::Xlsx, &Reading::default(), now());
    let Read::Fault(fault) = reader.read(Err(SheetError::RoundedNumber { line: 7 })).expect("read") else {
        panic!("a fault");
    };
    assert_eq!((fault.row, fault.code), (7, "sheet_number_rounded"));
    assert!(!fault.message.contains('7'), "{}", fault.message);
}

proptest! {
    #[test]
    fn every_line_is_a_card_or_a_fault_and_no_fault_shows_it(text in "\\PC{0,40}") {
        let mut reader = Reader::new(Format::Text, &Reading::default(), now());
        let _ = reader.read(Ok(Row { line: 1, cells: vec!["first".to_owned()] }));
        let secret = format!("s3cr3t{text}");
        match reader.read(Ok(Row { line: 2, cells: vec![secret.clone()] })).expect("read") {
            Read::Header => prop_assert!(false, "a header in the second row"),
            Read::Card(row, card) => prop_assert!(row == 2 && secret.contains(card.code.reveal())),
            Read::Fault(fault) => prop_assert!(!fault.message.contains("s3cr3t")),
        }
    }

    #[test]
    fn every_day_is_read_in_every_shape(days in 0i64..30_000, separator in "[-/.]") {
        let day = NaiveDate::from_ymd_opt(1990, 1, 1).expect("a day") + chrono::TimeDelta::days(days);
        let text = day.format(&format!("%Y{separator}%m{separator}%d")).to_string();
        prop_assert_eq!(parse_day(&text), Some(day));
        let bare = day.format(&format!("%Y{separator}%-m{separator}%-d")).to_string();
        prop_assert_eq!(parse_day(&bare), Some(day));
    }
}
