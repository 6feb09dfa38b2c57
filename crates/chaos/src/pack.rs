//! The shop that is bought from: a small pack, written for each installation.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

/// A site of the pack.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name in the pack.
    pub slug: &'static str,
    /// Its host.
    pub host: String,
    /// How many customers with a wallet it has.
    pub customers: usize,
    /// Its own merchant account; a site without one lets the main site collect.
    pub payee: Option<&'static str>,
}

/// One SKU, alone in its goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The code of the goods and of the SKU.
    pub code: String,
    /// How many codes are in stock.
    pub stock: usize,
}

/// What the shop sells and where.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The main site first.
    pub sites: Vec<Site>,
    /// The goods.
    pub items: Vec<Item>,
    /// What each wallet holds at the beginning, in hundredths.
    pub wallet_minor: i64,
}

/// Who runs the shop.
pub const OPERATOR: &str = "operator@chaos.localhost";

impl Pack {
    /// Three sites, two of them with a merchant account, and goods of which one is plenty and one is scarce.
    pub fn rounds() -> Self {
        let site =
            |slug: &'static str, payee| Site { slug, host: format!("{slug}.chaos.localhost"), customers: 4, payee };
        let item = |code: &str, stock| Item { code: code.to_owned(), stock };
        Self {
            sites: vec![site("main", Some("chaos-main")), site("branch", None), site("resale", Some("chaos-resale"))],
            items: vec![item("plenty", 500), item("some", 60), item("scarce", 12)],
            wallet_minor: 2_000_00,
        }
    }

    /// One site, `skus` SKUs of `stock` codes each, and `buyers` with money for all of them.
    pub fn rush(buyers: usize, skus: usize, stock: usize) -> Self {
        let host = "main.chaos.localhost".to_owned();
        Self {
            sites: vec![Site { slug: "main", host, customers: buyers, payee: Some("chaos-main") }],
            items: (1..=skus).map(|number| Item { code: format!("rush-{number}"), stock }).collect(),
            wallet_minor: 4_000_00,
        }
    }

    /// What the customer number `number` of `site` logs in with.
    pub fn customer(site: &Site, number: usize) -> String {
        format!("buyer-{number}@{}", site.host)
    }

    /// The codes of an item: each says which SKU it is of.
    pub fn codes(item: &Item) -> impl Iterator<Item = String> {
        let sku = item.code.to_uppercase();
        (0..item.stock).map(move |number| format!("{sku}-{number:06}"))
    }

    /// Writes the pack's files into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder.join("sites"))?;
        std::fs::create_dir_all(folder.join("cards"))?;
        std::fs::write(folder.join("tenant.toml"), TENANT)?;
        for site in &self.sites {
            std::fs::write(folder.join(format!("sites/{}.toml", site.slug)), self.site(site))?;
        }
        let mut goods = String::from(COLUMNS);
        for (sort, item) in self.items.iter().enumerate() {
            let code = &item.code;
            let _ = writeln!(
                goods,
                "{code},cards,card,{code},{code},A card.,A card.,,{code},{code},{code},,5.00,8.00,10,{sort}"
            );
            let codes: String = Self::codes(item).map(|code| format!("{code},\n")).collect();
            std::fs::write(folder.join(format!("cards/{code}.csv")), format!("code,expires_on\n{codes}"))?;
        }
        Ok(std::fs::write(folder.join("goods.csv"), goods)?)
    }

    fn site(&self, site: &Site) -> String {
        let Site { slug, host, .. } = site;
        let mut text = format!(
            "slug = \"{slug}\"\nname = {{ zh = \"{slug}\", en = \"{slug}\" }}\ntagline = {{ zh = \"{slug}\", en = \"{slug}\" }}\n\
             hosts = [\"{host}\"]\ntheme = \"grove\"\nmode = \"light\"\nsupport = \"help@{host}\"\n"
        );
        if *slug != "main" {
            text.push_str("parent = \"main\"\nlevel = \"bronze\"\nprepaid = \"5000.00\"\n");
        }
        text.push_str(LIMITS);
        let audience = if *slug == "main" { "wholesale" } else { "retail" };
        let _ = write!(
            text,
            "[[price]]\nscope = \"site\"\nkind = \"percent\"\nvalue = \"5\"\nrounding = \"up_0.1\"\naudience = \"{audience}\"\n"
        );
        if let Some(payee) = site.payee {
            let _ = write!(
                text,
                "[[channel]]\nprovider = \"sandbox\"\npayee = \"{payee}\"\nname = {{ zh = \"sandbox\", en = \"sandbox\" }}\n"
            );
        }
        for number in 0..site.customers {
            let (login, wallet) = (Self::customer(site, number), amount(self.wallet_minor));
            let _ = write!(text, "[[customer]]\nlogin = \"{login}\"\nname = \"Buyer\"\nwallet = \"{wallet}\"\n");
        }
        text
    }
}

/// `12.50` for 1250.
pub fn amount(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// `1250` for `12.50`, also with a sign for the currency and commas.
pub fn minor(text: &str) -> Option<i64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let has_cents = text.trim().len() > 3 && text.trim().as_bytes()[text.trim().len() - 3] == b'.';
    digits.parse().ok().filter(|_| has_cents)
}

const TENANT: &str = "slug = \"chaos\"\nname = \"Chaos\"\ncurrency = \"CNY\"\nregion = \"CN\"\n\
    [seller]\nname = \"Chaos\"\nlicence = \"none: no real shop\"\n\
    [operator]\nlogin = \"operator@chaos.localhost\"\nname = \"Operator\"\n\
    [[category]]\ncode = \"cards\"\nname = { zh = \"cards\", en = \"Cards\" }\nsort = 10\n";

/// Limits are never switched off: each order comes from an address of its own, and here is how much of it one account,
/// contact or browser may have.
const LIMITS: &str = "[limits]\nopen_orders_per_visitor = 1000\nopen_orders_per_contact = 1000\n\
    orders_per_account_and_day = 100000\n";

const COLUMNS: &str = "code,category,kind,title_zh,title_en,description_zh,description_en,art,sku_code,sku_name_zh,\
    sku_name_en,face_value,cost,price,max_per_order,sort\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_back() {
        for (text, number) in [("0.05", 5), ("12.50", 1250), ("1234.00", 123_400)] {
            assert_eq!((amount(number).as_str(), minor(text)), (text, Some(number)));
        }
        assert_eq!((minor("¥1,234.50"), minor("12"), minor("")), (Some(123_450), None, None));
    }
}
