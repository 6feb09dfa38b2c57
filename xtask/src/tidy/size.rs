//! Files and functions stay short enough to be read in one go.

use super::Breach;
use crate::source::Source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Reports a file and every function that is too long.
pub fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if source.line_count() > FILE_LINES_MAX {
        let what = format!("{} lines, a file has {FILE_LINES_MAX} at most: make it a folder", source.line_count());
        breaches.push(Breach { path: source.path().to_owned(), line: 1, what });
    }
    for function in source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX) {
        let (name, lines) = (&function.name, function.lines);
        let what = format!("fn {name} has {lines} lines, a function has {FUNCTION_LINES_MAX} at most");
        breaches.push(Breach { path: source.path().to_owned(), line: source.line_of(function.offset), what });
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("\nfn long() {{\n{}}}\n", "    let brace = \"}\";\n".repeat(lines - 2))
    }

    fn breaches(text: &str) -> Vec<(usize, String)> {
        check(&Source::new("crates/x/src/lib.rs", text)).into_iter().map(|found| (found.line, found.what)).collect()
    }

    #[test]
    fn function_of_71_lines_is_reported_and_one_of_70_is_not() {
        assert_eq!(breaches(&function(70)), []);
        assert_eq!(breaches(&function(71)), [(2, "fn long has 71 lines, a function has 70 at most".into())]);
    }

    #[test]
    fn file_of_601_lines_is_reported_and_one_of_600_is_not() {
        assert_eq!(breaches(&"// line\n".repeat(600)), []);
        assert_eq!(breaches(&"// line\n".repeat(601)).len(), 1);
    }
}
