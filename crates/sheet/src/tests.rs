//! What is read, what is refused, and that what is written reads back.

mod file;

use proptest::prelude::*;

use crate::{Cell, Limits, Record, Row, SheetError, Writer, read, table};

const LIMITS: Limits = Limits { rows_max: 1_000, cell_bytes_max: 10_000, columns_max: 100 };

fn rows(text: &str) -> Result<Vec<Row>, SheetError> {
    read(text.as_bytes(), &LIMITS).collect()
}

fn cells(text: &str) -> Vec<Vec<String>> {
    rows(text).unwrap().into_iter().map(|row| row.cells).collect()
}

fn refusal(bytes: &[u8], limits: &Limits) -> String {
    read(bytes, limits).find_map(Result::err).expect("it is refused").to_string()
}

fn records(text: &str, columns: &[&'static str]) -> Result<Vec<Record>, SheetError> {
    table(text.as_bytes(), &LIMITS, columns)?.collect()
}

#[test]
fn all_line_ends_end_a_row_and_the_last_may_lack() {
    for text in ["a,b\nc,d\n", "a,b\r\nc,d", "a,b\rc,d\r"] {
        assert_eq!(cells(text), [["a", "b"], ["c", "d"]], "{text:?}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert_eq!(cells("\u{feff}码,b"), [["码", "b"]]);
    assert_eq!(cells("\u{feff}\"a\""), [["a"]]);
    assert!(cells("\u{feff}").is_empty());
}

#[test]
fn a_first_letter_that_begins_like_a_mark_is_kept() {
    for text in ["＝", "ﻀb", "1", "12"] {
        assert_eq!(cells(text), [[text]]);
    }
}

#[test]
fn a_quoted_cell_holds_commas_quotes_and_lines() {
    assert_eq!(cells("\"a,\"\"b\"\"\r\nc\",d"), [["a,\"b\"\r\nc", "d"]]);
}

#[test]
fn a_quote_inside_a_plain_cell_stands_for_itself() {
    assert_eq!(cells("AB\"12,5\" pipe"), [["AB\"12", "5\" pipe"]]);
}

#[test]
fn empty_cells_are_cells_and_empty_lines_are_nothing() {
    assert_eq!(cells("\n,\r\n\r\n\"\"\n,,"), [vec!["", ""], vec![""], vec!["", "", ""]]);
}

#[test]
fn a_row_knows_the_line_it_begins_in() {
    let lines: Vec<u64> = rows("a\n\n\"b\nb\r\nb\rb\"\nc").unwrap().iter().map(|row| row.line).collect();
    assert_eq!(lines, [1, 3, 7]);
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    let cases: [(&[u8], &str); 7] = [
        (b"a\nb\"\n\"c", "line 3: a quote is opened here and never closed"),
        (b"a\n\"b\nb\"c\n", "line 3: text after a closing quote"),
        (b"a\nb\0\n", "line 2: a NUL byte, the file is not UTF-8 text"),
        (b"\xFF\xFEa\0", "line 1: a NUL byte, the file is not UTF-8 text"),
        (b"a\n\xBF\xA8\xC3\xDC\n", "line 2: a cell is not UTF-8 text"),
        (b"\xEFa", "line 1: a cell is not UTF-8 text"),
        (b"\xEF", "line 1: a cell is not UTF-8 text"),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(refusal(bytes, &LIMITS), wanted);
    }
}

#[test]
fn each_limit_is_kept_and_what_just_fits_is_read() {
    let limits = Limits { rows_max: 2, cell_bytes_max: 3, columns_max: 2 };
    assert_eq!(read(&b"abc,\"d\"\"e\"\n\n1,2\n"[..], &limits).filter(Result::is_ok).count(), 2);
    assert_eq!(refusal(b"a\nb\nc", &limits), "line 3: more than 2 rows");
    assert_eq!(refusal(b"a\nabcd", &limits), "line 2: a cell has more than 3 bytes");
    assert_eq!(refusal(b"a\n\"\nbcd\"", &limits), "line 3: a cell has more than 3 bytes");
    assert_eq!(refusal(b"a\n,,", &limits), "line 2: more than 2 columns");
}

#[test]
fn an_endless_cell_is_refused_after_its_limit() {
    let endless = std::io::Read::chain(&b"\""[..], std::io::repeat(b'x'));
    let error = read(endless, &LIMITS).next().expect("an answer").unwrap_err();
    assert!(matches!(error, SheetError::CellTooLong { .. }));
}

#[test]
fn after_an_error_there_is_nothing_more() {
    assert_eq!(read(&b"\"a\"b\nc\n"[..], &LIMITS).count(), 1);
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let records = records("price, code \n9.60,starfall-100\n", &["code", "price"]).unwrap();
    assert_eq!((records[0].get("code"), records[0].get("price")), ("starfall-100", "9.60"));
    assert_eq!(records[0].line(), 2);
}

#[test]
fn a_wrong_header_is_refused_with_the_column() {
    let refused = |text| records(text, &["code", "price"]).unwrap_err().to_string();
    assert_eq!(refused(""), "line 1: there is no header row");
    assert_eq!(refused("\ncode\n"), "line 2: the column price is missing");
    assert_eq!(refused("code,price,colour"), "line 1: the column \"colour\" is not known");
    assert_eq!(refused("code,price,code"), "line 1: the column code is there twice");
}

#[test]
fn a_row_of_a_wrong_width_is_reported_and_the_next_one_read() {
    let read: Vec<_> = table(&b"a,b\n1\n1,2\n1,2,3\n"[..], &LIMITS, &["a", "b"]).unwrap().collect();
    assert_eq!(read[0].as_ref().unwrap_err().to_string(), "line 2: 1 cells where the header has 2");
    assert_eq!(read[1].as_ref().unwrap().get("b"), "2");
    assert_eq!(read[2].as_ref().unwrap_err().line(), 4);
}

#[test]
fn the_header_does_not_count_as_a_row() {
    let limits = Limits { rows_max: 1, ..LIMITS };
    assert_eq!(table(&b"a\n1\n"[..], &limits, &["a"]).unwrap().filter(Result::is_ok).count(), 1);
    assert!(table(&b"a\n1\n2\n"[..], &limits, &["a"]).unwrap().any(|record| record.is_err()));
}

#[test]
fn text_that_begins_like_a_formula_is_disarmed() {
    for start in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"] {
        assert_eq!(Cell::text(start).as_str(), format!("'{start}"));
        assert_eq!(Cell::plain(start).as_str(), start);
    }
    assert_eq!(Cell::text("1=1").as_str(), "1=1");
}

#[test]
fn a_file_for_spreadsheets_has_a_mark_and_line_ends_of_both_kinds() {
    let mut writer = Writer::for_spreadsheets(Vec::new()).unwrap();
    writer.row([Cell::text("码"), Cell::plain("-1.00")]).unwrap();
    assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), "\u{feff}码,-1.00\r\n");
}

#[test]
fn a_nul_is_not_written() {
    assert!(Writer::new(Vec::new()).row([Cell::text("a\0")]).is_err());
}

/// Cells made of what is special here, more often than chance would have it.
fn cell() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[,\"\r\n=+@' \t-]{0,3}",
        "[a-z0-9码＝\u{feff}]{0,4}",
        any::<String>().prop_map(|text| text.replace('\0', "")),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn sheet() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(cell(), 1..5), 0..6)
}

proptest! {
    #[test]
    fn what_is_written_reads_back(sheet in sheet()) {
        let mut writer = Writer::new(Vec::new());
        for row in &sheet {
            writer.row(row.iter().map(Cell::plain)).unwrap();
        }
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        prop_assert_eq!(cells(&text), sheet);
    }

    #[test]
    fn what_is_written_guarded_reads_back_as_no_formula(sheet in sheet()) {
        let mut writer = Writer::new(Vec::new());
        for row in &sheet {
            writer.row(row.iter().map(Cell::text)).unwrap();
        }
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        for (read, wrote) in cells(&text).iter().flatten().zip(sheet.iter().flatten()) {
            prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
            prop_assert!(read == wrote || read.strip_prefix('\'') == Some(wrote));
        }
    }

    #[test]
    fn what_another_program_writes_is_read(sheet in sheet()) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in &sheet {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        // A first cell that begins with the mark cannot be told from a file that does.
        prop_assume!(!bytes.starts_with(&[0xEF, 0xBB, 0xBF]));
        prop_assert_eq!(cells(std::str::from_utf8(&bytes).unwrap()), sheet);
    }

    #[test]
    fn any_bytes_are_read_or_refused_within_the_limits(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let limits = Limits { rows_max: 3, cell_bytes_max: 8, columns_max: 3 };
        for row in read(&bytes[..], &limits).flatten() {
            prop_assert!(row.cells.len() <= 3 && row.cells.iter().all(|cell| cell.len() <= 8));
        }
    }
}
