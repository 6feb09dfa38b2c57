//! Nothing of one machine stays in the project: no path of a work place, no download address of a registry.
//!
//! The patterns are put together at run time, so that this file does not report itself.

use super::Breach;
use super::tree::TextFile;

/// Reports each line that holds a machine's path or a registry's address, once per pattern.
pub fn check(file: &TextFile) -> Vec<Breach> {
    let patterns = patterns();
    let mut breaches = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for (pattern, what) in patterns.iter().filter(|(pattern, _)| line.contains(pattern.as_str())) {
            let what = format!("`{pattern}` {what}");
            breaches.push(Breach { path: file.path.clone(), line: at + 1, what });
        }
    }
    breaches
}

fn patterns() -> Vec<(String, &'static str)> {
    let paths = [["/wo", "rk/"], ["/fa", "rm/"], ["/ro", "ot/"], ["/tm", "p/bash_jobs"]];
    let hosts = [
        ["index.", "crates.io"],
        ["static.", "crates.io"],
        ["registry.", "npmjs.org"],
        ["registry.", "npmmirror.com"],
        ["registry.", "yarnpkg.com"],
        ["files.", "pythonhosted.org"],
        ["deb.", "debian.org"],
        ["\"resolved\": ", "\"http"],
        ["replace-", "with ="],
    ];
    let paths = paths.iter().map(|parts| (parts.concat(), "is a path of one machine"));
    let hosts = hosts.iter().map(|parts| (parts.concat(), "names where one machine downloads from"));
    paths.chain(hosts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let file = TextFile { path: "web-ui/package-lock.json".into(), text: text.into() };
        check(&file).into_iter().map(|breach| breach.line).collect()
    }

    #[test]
    fn every_pattern_is_reported_with_its_line() {
        for (pattern, _) in patterns() {
            assert_eq!(lines(&format!("first\nx {pattern}y\n")), [2], "{pattern}");
        }
    }

    #[test]
    fn relative_paths_and_plain_names_are_free() {
        assert_eq!(lines("network/x\ncrates.io\n/usr/lib/postgresql/15/bin\n/tmp/x\n"), []);
    }
}
