//! How far a long command is: a bar on a terminal, plain lines elsewhere. Standard output stays for results.

use std::io::IsTerminal;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};
use inventory::{IntakeProgress, IntakeStep};

/// Shows how far an import is.
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Tenths of the rows that were told of.
    told: Mutex<u64>,
}

const BAR: &str = "{bar:40} {percent:>3} % {pos}/{len} rows, {msg}, {eta} left";

impl Progress {
    /// Shows nothing before the first step.
    pub fn start() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(BAR).expect("the template is right");
            ProgressBar::new(0).with_style(style)
        });
        Self { bar, told: Mutex::new(0) }
    }
}

impl IntakeProgress for Progress {
    fn moved(&self, step: IntakeStep) {
        let IntakeStep { rows_done, rows_total, added } = step;
        if let Some(bar) = &self.bar {
            bar.set_length(rows_total);
            bar.set_message(format!("{added} in stock"));
            bar.set_position(rows_done);
            return;
        }
        let tenths = rows_done.saturating_mul(10) / rows_total.max(1);
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if tenths > *told {
            *told = tenths;
            eprintln!("{rows_done} of {rows_total} rows, {added} in stock");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
