//! Text, CSV and workbooks, told apart by content.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;

use rust_xlsxwriter::{ExcelDateTime, Format as Look, Formula, Workbook};
use zip::write::SimpleFileOptions;

use super::LIMITS;
use crate::{FILE_BYTES_MAX, Format, Limits, SheetError, each};

type Line = Result<(u64, Vec<String>), String>;

fn all_within(bytes: impl Into<Vec<u8>>, limits: &Limits) -> Result<(Format, Vec<Line>), SheetError> {
    let mut lines = Vec::new();
    let format = each(Cursor::new(bytes.into()), limits, &mut |found| {
        lines.push(found.map(|row| (row.line, row.cells)).map_err(|error| error.to_string()));
        ControlFlow::Continue(())
    })?;
    Ok((format, lines))
}

fn all(bytes: impl Into<Vec<u8>>) -> (Format, Vec<Line>) {
    all_within(bytes, &LIMITS).expect("it is read")
}

fn refusal(bytes: impl Into<Vec<u8>>) -> String {
    all_within(bytes, &LIMITS).expect_err("it is refused").to_string()
}

fn line(number: u64, cells: &[&str]) -> Line {
    Ok((number, cells.iter().map(|cell| (*cell).to_owned()).collect()))
}

fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet());
    workbook.add_worksheet().write(0, 0, "the second sheet").expect("written");
    workbook.save_to_buffer().expect("a workbook")
}

#[test]
fn a_line_of_text_is_a_cell_and_blank_lines_are_nothing() {
    for text in ["\u{feff}A-1\n\n  \nB 2\t3\n", "A-1\r\n\r\n\r\nB 2\t3", "A-1\r\r \rB 2\t3\r"] {
        assert_eq!(all(text), (Format::Text, vec![line(1, &["A-1"]), line(4, &["B 2\t3"])]), "{text:?}");
    }
    assert_eq!(all(""), (Format::Text, vec![]));
}

#[test]
fn a_comma_or_a_quote_in_the_first_line_makes_it_csv() {
    assert_eq!(all("\r\ncode,day\nA,2029-01-01\n").1[0], line(2, &["code", "day"]));
    assert_eq!(all("\u{feff}\"A,1\"\nB"), (Format::Csv, vec![line(1, &["A,1"]), line(2, &["B"])]));
    assert_eq!(all("A\nB,C").0, Format::Text);
}

#[test]
fn a_line_of_text_that_is_too_long_is_a_fault_of_its_own() {
    let limits = Limits { cell_bytes_max: 3, ..LIMITS };
    let (_, lines) = all_within("\u{feff}ABC\nABCD\nEF\n", &limits).expect("read");
    assert_eq!((&lines[0], &lines[2]), (&line(1, &["ABC"]), &line(3, &["EF"])));
    assert_eq!(lines[1], Err("line 2: a cell has more than 3 bytes".to_owned()));
}

#[test]
fn rows_are_bounded_in_every_format() {
    let limits = Limits { rows_max: 2, ..LIMITS };
    let book = workbook(|sheet| (0..3).for_each(|row| drop(sheet.write(row, 0, "A"))));
    for file in [b"A\nB\nC\n".to_vec(), b"A,1\nB,2\nC,3\n".to_vec(), book] {
        let refused = all_within(file.clone(), &limits).expect_err("refused");
        assert!(matches!(refused, SheetError::TooManyRows { line: 3, rows_max: 2 }), "{refused}");
        let more = Limits { rows_max: 3, ..LIMITS };
        assert_eq!(all_within(file, &more).expect("read").1.len(), 3);
    }
}

#[test]
fn a_workbook_gives_the_cells_of_its_first_sheet_as_they_are_shown() {
    let book = workbook(|sheet| {
        let day = Look::new().set_num_format("yyyy-mm-dd");
        let moment = Look::new().set_num_format("yyyy-mm-dd hh:mm");
        sheet.write(0, 0, "code").expect("written");
        sheet.write(0, 1, "expires_on").expect("written");
        sheet.write(2, 0, "A-1").expect("written");
        let new_year = ExcelDateTime::parse_from_str("2029-12-31").expect("a day");
        sheet.write_with_format(2, 1, &new_year, &day).expect("written");
        sheet.write(3, 0, 123_456_789_012_345_f64).expect("written");
        let noon = ExcelDateTime::parse_from_str("2029-12-31T12:30:00").expect("a moment");
        sheet.write_with_format(3, 1, &noon, &moment).expect("written");
        sheet.write(5, 2, "no code").expect("written");
        sheet.write(6, 0, "  ").expect("written");
    });
    let expected = vec![
        line(1, &["code", "expires_on"]),
        line(3, &["A-1", "2029-12-31"]),
        line(4, &["123456789012345", "2029-12-31T12:30:00"]),
        line(6, &["", "", "no code"]),
    ];
    assert_eq!(all(book), (Format::Xlsx, expected));
}

#[test]
fn a_number_that_excel_has_rounded_and_a_failed_formula_are_faults_of_their_rows() {
    let book = workbook(|sheet| {
        sheet.write(0, 0, 1_234_567_890_123_456_f64).expect("written");
        sheet.write(1, 0, Formula::new("=1/0").set_result("#DIV/0!")).expect("written");
        sheet.write(2, 0, "A").expect("written");
    });
    let (_, lines) = all(book);
    let rounded = "line 1: a number of more than 15 digits, which Excel has rounded: make the column text";
    assert_eq!(lines[0], Err(rounded.to_owned()));
    assert_eq!(lines[1], Err("line 2: a cell holds a formula that failed".to_owned()));
    assert_eq!(lines[2], line(3, &["A"]));
}

#[test]
fn a_reader_that_breaks_is_given_no_more() {
    let book = workbook(|sheet| (0..9).for_each(|row| drop(sheet.write(row, 0, "A"))));
    for file in [b"A\nB\nC\n".to_vec(), b"A,1\nB,2\nC,3\n".to_vec(), book] {
        let mut count = 0;
        let read = each(Cursor::new(file), &LIMITS, &mut |_| {
            count += 1;
            if count == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        read.expect("read");
        assert_eq!(count, 2);
    }
}

#[test]
fn what_is_no_text_and_no_workbook_is_refused_in_words() {
    assert_eq!(refusal(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1rest"), SheetError::OldWorkbook.to_string());
    assert_eq!(refusal(b"\xFF\xFEA\0B\0"), SheetError::Utf16.to_string());
    assert_eq!(refusal(b"A\n\x89PNG\0"), "line 2: a NUL byte, the file is not UTF-8 text");
    assert_eq!(refusal(b"A\nB\xFF\n"), "line 2: a cell is not UTF-8 text");
    let mut torn = workbook(|sheet| drop(sheet.write(0, 0, "A")));
    torn.truncate(torn.len() / 2);
    assert!(refusal(torn).starts_with("the workbook cannot be read"));
    assert!(refusal(archive(&[("readme.txt", b"hello")])).starts_with("the workbook cannot be read"));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let file = vec![b'A'; usize::try_from(FILE_BYTES_MAX).expect("it fits") + 1];
    assert!(matches!(all_within(file, &LIMITS), Err(SheetError::TooManyBytes { .. })));
}

#[test]
fn a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is_read() {
    let part = vec![b' '; 17 << 20];
    let bomb = archive(&[("xl/styles.xml", &part)]);
    assert!(bomb.len() < 1 << 20);
    assert!(matches!(all_within(bomb, &LIMITS), Err(SheetError::TooMuchInside { .. })));
    let tags = b"<si/>".repeat(8_000_001);
    let bomb = archive(&[("xl/sharedStrings.xml", &tags)]);
    assert!(matches!(all_within(bomb, &LIMITS), Err(SheetError::TooMuchInside { .. })));
    let many: Vec<(String, &[u8])> = (0..1_001).map(|n| (format!("xl/{n}.xml"), b"".as_slice())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert!(matches!(all_within(archive(&many), &LIMITS), Err(SheetError::TooMuchInside { .. })));
}

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).expect("a part");
        archive.write_all(bytes).expect("written");
    }
    archive.finish().expect("an archive").into_inner()
}
