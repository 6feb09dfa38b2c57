//! Pages of many shops, mixed.

use std::io;
use std::sync::Arc;

use super::answers::Answers;
use super::drive::{Caller, Load, Trip, Zipf, drive};
use super::orders::head;
use super::program::Program;
use super::town::{Stall, Town};

/// Who looks at pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guests {
    /// Nobody known: his page may be another's.
    Unknown,
    /// Buyers who are logged in: their pages are theirs, and rendered.
    LoggedIn,
}

struct Looking {
    stalls: Arc<Vec<Stall>>,
    zipf: Zipf,
    guests: Guests,
}

impl Trip for Looking {
    async fn go(&self, caller: &mut Caller, _: u64) -> io::Result<u16> {
        let stall = &self.stalls[self.zipf.pick(&mut caller.dice)];
        // Of a hundred looks: 35 at the front page, 45 at goods, 15 at a category, 5 searches.
        let path = match caller.dice.below(100) {
            0..35 => "/".to_owned(),
            35..80 => format!("/goods/{}", one_of(&stall.goods, caller)),
            80..95 => format!("/categories/{}", one_of(&stall.categories, caller)),
            _ => "/search?q=credits".to_owned(),
        };
        let mut text = head("GET", &path, stall, caller.index);
        if self.guests == Guests::LoggedIn {
            text.push_str("Cookie: session=");
            text.push_str(&stall.sessions[caller.index % stall.sessions.len()]);
            text.push_str("\r\n");
        }
        text.push_str("Accept: text/html\r\n\r\n");
        caller.connection.ask(text.as_bytes()).await
    }
}

fn one_of<'t>(texts: &'t [String], caller: &mut Caller) -> &'t str {
    let place = caller.dice.below(u64::try_from(texts.len()).expect("few"));
    &texts[usize::try_from(place).expect("few")]
}

/// Looks at the pages of all shops of the town, which are as likely as their places say.
pub async fn pages(town: &Town, program: &Program, load: Load, guests: Guests) -> Answers {
    let stalls = town.stalls();
    let zipf = Zipf::of(stalls.len());
    drive(program, &Arc::new(Looking { stalls, zipf, guests }), load).await
}
