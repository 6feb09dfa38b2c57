//! A site's own colours and corners as a style sheet. Pure: what tenancy checked becomes values of the custom properties
//! that `store.css` is written with; no text of a site gets into it.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use tenancy::{Palette, Radius, Site};

use crate::assets;

/// The style sheet; none where the theme is all there is.
pub(crate) fn style(site: &Site) -> Option<String> {
    let tokens = site.front.tokens();
    let mut css = String::new();
    let corners = match tokens.radius {
        Radius::Sharp => "--r:3px;--r-l:4px;",
        Radius::Soft => "",
        Radius::Round => "--r:18px;--r-l:24px;",
    };
    if !corners.is_empty() {
        write!(css, ":root{{{corners}}}").expect("a text takes everything");
    }
    if let Some(accent) = &tokens.accent {
        let [light, dark] = Palette::of(site.theme, accent).map(properties);
        // As specific as the themes' own rules, and read after them.
        write!(
            css,
            ":root[data-theme]{{{light}}}@media (prefers-color-scheme:dark){{:root[data-theme]:not([data-mode=light]){{{dark}}}}}:root[data-theme][data-mode=dark]{{{dark}}}"
        )
        .expect("a text takes everything");
    }
    (!css.is_empty()).then_some(css)
}

/// The version of a style sheet.
pub(crate) fn version(css: &str) -> String {
    assets::version(&Sha256::digest(css))
}

/// The address of the site's style sheet, where it has one.
pub(crate) fn href(site: &Site) -> Option<String> {
    style(site).map(|css| format!("/theme.css?v={}", version(&css)))
}

fn properties(palette: Palette) -> String {
    let Palette { primary, hover, active, on_primary, soft, on_soft } = palette;
    format!(
        "--primary:{primary};--primary-hover:{hover};--primary-active:{active};--on-primary:{on_primary};--primary-soft:{soft};--on-primary-soft:{on_soft};"
    )
}

#[cfg(test)]
mod tests {
    use tenancy::{Colour, Theme, grounds};

    use crate::templates::Files;

    /// What tenancy checks contrast against is what pages are shown on.
    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let file = Files::get("assets/store.css").expect("the style sheet");
        let css = String::from_utf8(file.data.into_owned()).expect("a text");
        for &theme in Theme::ALL {
            let own = if theme == Theme::Grove { String::new() } else { format!("[data-theme={}]", theme.word()) };
            for (rule, is_dark) in
                [(format!(":root{own}{{--bg"), false), (format!(":root{own}[data-mode=dark]{{--bg"), true)]
            {
                let start = css.find(&rule).unwrap_or_else(|| panic!("no rule {rule}"));
                let rule = css[start..].split('}').next().expect("an end");
                let value = |name: &str| {
                    let text = rule.split_once(&format!("--{name}:")).expect(name).1;
                    Colour::parse(&text[..7]).expect("a colour")
                };
                assert_eq!(grounds(theme, is_dark), ["bg", "surface", "sunken"].map(value), "{theme:?} {is_dark}");
            }
        }
    }
}
