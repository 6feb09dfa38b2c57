//! Reading packs: the demo ones are sound, and every fault is found with its place.

mod prices;

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::tests::pack_folder;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tenants/demo");

/// The cards of that pack.
const CARDS: u64 = 20000;

/// Every fault of a copy of the second demo pack with these edits: file, text, its replacement.
fn faults_after(edits: &[(&str, &str, &str)]) -> Vec<String> {
    let folder = pack_folder(edits);
    let faults = Pack::read(folder.path()).err().unwrap_or_default();
    faults.iter().map(PackFault::to_string).collect()
}

#[test]
fn the_demo_pack_is_sound() {
    let pack = Pack::read(Path::new(DEMO)).expect("no faults");
    let skus: usize = pack.goods.iter().map(|goods| goods.skus.len()).sum();
    assert_eq!((pack.slug().as_str(), pack.sites.len(), pack.card_count()), ("demo", 6, CARDS));
    assert!(skus > 30 && pack.goods.iter().all(|goods| !goods.skus.is_empty()));
    let order: Vec<&str> = pack.sites.iter().map(|site| site.new.slug.as_str()).collect();
    let place = |slug: &str| order.iter().position(|other| *other == slug).expect("a site of the pack");
    assert_eq!(place("main"), 0);
    assert!(place("north") < place("aqing") && place("aqing") < place("nanqiao"), "{order:?}");
}

#[test]
fn a_description_has_its_paragraphs() {
    let pack = Pack::read(Path::new(DEMO)).expect("no faults");
    assert_eq!(pack.goods[0].description.zh.lines().count(), 3);
}

#[test]
fn a_pack_does_not_print_its_codes() {
    let pack = Pack::read(Path::new(DEMO)).expect("no faults");
    assert_eq!(
        format!("{pack:?}"),
        format!("Pack(demo: 6 sites, {} goods, {} cards)", pack.goods.len(), pack.card_count())
    );
}

#[test]
fn all_faults_of_all_files_are_found_with_their_lines() {
    let faults = faults_after(&[
        ("tenant.toml", "region = \"CN\"", "region = \"China\"\ncolour = \"red\""),
        ("sites/breeze.toml", "parent = \"main\"", "parent = \"nowhere\""),
        ("sites/breeze.toml", "prepaid = \"1000.00\"", "prepaid = \"1000.001\""),
        ("goods.csv", "chestnut,digital,", "chestnut,music,"),
        ("goods.csv", "168.00,192.00", "168.00,free"),
        ("cards/quillnote-1.csv", "expires_on\n", "expires_on\nNEW-1,31.12.2029\n"),
    ]);
    assert_eq!(
        faults,
        [
            "cards/quillnote-1.csv:2: expires_on is not a day such as 2029-12-31",
            "goods.csv:3: there is no category music in the pack",
            "goods.csv:4: price: \"free\" is not an amount of this currency",
            "sites/breeze.toml:2: there is no site nowhere to stand under",
            "sites/breeze.toml:10: prepaid is wrong: \"1000.001\" is not an amount of this currency",
            "tenant.toml:6: region is wrong: a region is two capital letters, such as CN",
            "tenant.toml:7: \"colour\" is not a field of this table",
        ]
    );
}

/// As [`faults_after`], with goods that a person fulfils and this form for them.
fn faults_of_form(form: &str, kind: &str, cards: Option<&str>) -> Vec<String> {
    let folder = pack_folder(&[]);
    let goods = folder.path().join("goods.csv");
    let text = std::fs::read_to_string(&goods).expect("goods");
    let row = format!("wash,digital,{kind},洗车,Car wash,,,,wash-1,一次,Once,,5.00,9.00,1,900\n");
    std::fs::write(&goods, format!("{}\n{row}", text.trim_end())).expect("written");
    std::fs::create_dir(folder.path().join("forms")).expect("a folder");
    std::fs::write(folder.path().join("forms/wash.toml"), form).expect("written");
    if let Some(cards) = cards {
        std::fs::write(folder.path().join("cards/wash-1.csv"), cards).expect("written");
    }
    Pack::read(folder.path()).err().unwrap_or_default().iter().map(PackFault::to_string).collect()
}

const PLATE: &str = "[[field]]\nkey = \"plate\"\nlabel = { zh = \"车牌\" }\nkind = \"text\"\nrequired = true\n";

#[test]
fn a_form_is_read_with_its_faults() {
    assert_eq!(faults_of_form(PLATE, "manual", None), Vec::<String>::new());
    let wrong = "fulfil_within_hours = 0\n\n[[field]]\nkey = \"Plate\"\nlabel = { zh = \"车牌\" }\nkind = \"colour\"\n\
                 required = \"yes\"\n\n[[field]]\nkey = \"age\"\nlabel = { en = \"Age\" }\nkind = \"number\"\nmin = 1\nchars_max = 3\n";
    assert_eq!(
        faults_of_form(wrong, "manual", None),
        [
            "forms/wash.toml:1: fulfil_within_hours is not a number from 1 to 2160",
            "forms/wash.toml:4: key is wrong: a key is 1 to 40 of a-z, 0-9 and _",
            "forms/wash.toml:6: kind is wrong: use text, number, phone, email or choice",
            "forms/wash.toml:7: required is not true or false",
            "forms/wash.toml:9: max is missing",
            "forms/wash.toml:14: \"chars_max\" is not a field of this table",
        ]
    );
    let twice = faults_of_form(&format!("{PLATE}{PLATE}"), "manual", None);
    assert_eq!(twice, ["forms/wash.toml:1: two fields have the same key"]);
}

#[test]
fn only_what_a_person_does_has_a_form_and_it_has_no_cards() {
    assert_eq!(faults_of_form(PLATE, "card", None), ["forms/wash.toml:1: the goods wash are not of the kind manual"]);
    assert_eq!(
        faults_of_form(PLATE, "manual", Some("code,expires_on\n")),
        ["cards/wash-1.csv:1: the SKU wash-1 is fulfilled by a person and has no cards"]
    );
}

#[test]
fn a_parent_that_is_not_there_is_a_fault() {
    let faults = faults_after(&[("sites/breeze.toml", "parent = \"main\"", "parent = \"nowhere\"")]);
    assert_eq!(faults, ["sites/breeze.toml:2: there is no site nowhere to stand under"]);
}

#[test]
fn sites_in_a_ring_are_a_fault() {
    let faults = faults_after(&[("sites/breeze.toml", "parent = \"main\"", "parent = \"breeze\"")]);
    assert_eq!(faults, ["sites/breeze.toml:2: the site stands under itself"]);
}

#[test]
fn a_second_main_site_is_a_fault() {
    let faults = faults_after(&[("sites/breeze.toml", "parent = \"main\"\n", "")]);
    assert!(
        faults.contains(&"sites/main.toml:1: breeze is a main site already; a sub-site names its parent".to_owned()),
        "{faults:?}"
    );
}

#[test]
fn the_same_code_twice_is_a_fault_that_does_not_show_it() {
    let folder = pack_folder(&[]);
    let cards = folder.path().join("cards/quillnote-1.csv");
    let text = std::fs::read_to_string(&cards).expect("cards");
    let code = text.lines().nth(1).expect("a first card");
    std::fs::write(&cards, format!("{text}{code}\n")).expect("written");
    let faults = Pack::read(folder.path()).expect_err("a fault");
    assert_eq!(faults.len(), 1);
    assert_eq!(
        faults[0].to_string(),
        "cards/quillnote-1.csv:12: the code stands in cards/quillnote-1.csv, line 2 already"
    );
}

#[test]
fn two_prices_for_the_same_are_a_fault() {
    let price =
        "[[price]]\nscope = \"site\"\nkind = \"percent\"\nvalue = \"6\"\nrounding = \"none\"\naudience = \"retail\"\n";
    let faults = faults_after(&[("sites/breeze.toml", "[[price]]", &format!("{price}\n[[price]]"))]);
    assert_eq!(
        faults,
        [
            "sites/breeze.toml:19: a price for the same audience, people, target, quantity and start stands in line 12 already"
        ]
    );
}

#[test]
fn a_price_for_nothing_of_the_pack_is_a_fault() {
    let faults = faults_after(&[("sites/breeze.toml", "scope = \"site\"", "scope = \"sku\"\ntarget = \"starfall-7\"")]);
    assert_eq!(faults, ["sites/breeze.toml:12: there is no SKU starfall-7 in the pack"]);
}

#[test]
fn a_home_page_that_cannot_be_shown_is_a_fault() {
    let front = "[tokens]\naccent = \"#FFE000\"\n\n[[section]]\nkind = \"video\"\n\n[[section]]\nkind = \"guide\"\ncount = 2\n\n[[section]]\nkind = \"category\"\ncategory = \"boats\"\n";
    let faults = faults_after(&[("sites/breeze.toml", "[[price]]", &format!("{front}\n[[price]]"))]);
    assert_eq!(
        faults,
        [
            "sites/breeze.toml:12: #FFE000 cannot be read in harbor, light: #7A6C00 is the nearest shade that can",
            "sites/breeze.toml:15: there is no section of the kind \"video\": use one of hero, notice, categories, \
             shelves, goods, category, best, text, guide",
            "sites/breeze.toml:18: a section of the kind guide has no count",
            "sites/breeze.toml:22: there is no category boats in the pack",
        ]
    );
}

#[test]
fn a_host_that_stands_twice_is_a_fault() {
    let faults = faults_after(&[("sites/breeze.toml", "breeze.two.localhost\"]", "TWO.localhost\"]")]);
    assert_eq!(faults, ["sites/breeze.toml:5: the host two.localhost stands in sites/main.toml, line 4 already"]);
}

#[test]
fn cards_of_no_sku_and_files_of_no_pack_are_faults() {
    let folder = pack_folder(&[]);
    for name in ["cards/starfal.csv", "cards/notes.txt", "good.csv", ".hidden", "README.md"] {
        std::fs::write(folder.path().join(name), "code,expires_on\n").expect("written");
    }
    let faults: Vec<String> = Pack::read(folder.path()).expect_err("faults").iter().map(PackFault::to_string).collect();
    assert_eq!(
        faults,
        [
            "cards/notes.txt:1: it is no .csv file",
            "cards/starfal.csv:1: there is no SKU starfal in the pack",
            "good.csv:1: it is no file of a pack",
        ]
    );
}

#[test]
fn text_that_is_not_toml_is_one_fault_and_draws_no_others() {
    let faults = faults_after(&[("sites/main.toml", "slug = \"main\"", "slug = main\"")]);
    assert!(
        !faults.is_empty() && faults.iter().all(|fault| fault.starts_with("sites/main.toml:1: not TOML")),
        "{faults:?}"
    );
}

#[test]
fn the_rows_of_one_goods_stand_together_and_agree() {
    let faults = faults_after(&[(
        "goods.csv",
        "starfall,starfall-100,",
        "starfall,starfall-100,a,b,1,1,1,1,1\nstarfall,digital,,,,,,,starfall-200,",
    )]);
    assert_eq!(faults, ["goods.csv:3: category: it is not what line 2 says; leave it empty"]);
}

#[test]
fn a_folder_that_is_no_pack_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let faults = Pack::read(folder.path()).expect_err("faults");
    let files: Vec<&str> = faults.iter().map(|fault| fault.file.as_str()).collect();
    assert_eq!(files, ["goods.csv", "sites", "sites", "tenant.toml"]);
}

#[test]
fn of_very_many_faults_only_the_number_is_told() {
    let folder = pack_folder(&[]);
    let rows: String = (0..1_000).map(|row| format!("C-{row},never\n")).collect();
    std::fs::write(folder.path().join("cards/quillnote-1.csv"), format!("code,expires_on\n{rows}")).expect("written");
    let faults = Pack::read(folder.path()).expect_err("faults");
    assert_eq!(faults.len(), 201);
    assert_eq!(faults[200].what, "there are 800 more faults");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "(\\PC|\\n|=|\"|\\[|\\]|slug|name|\\{|\\}|price|limit|template|steps|section|kind|tokens|accent){0,80}") {
        let faults = Faults::default();
        let _ = tenant::read(&text, &faults);
        let slug = Slug::parse("main").expect("a slug");
        let _ = site::read("sites/main.toml", &slug, &text, Currency::CNY, &faults);
        let _ = goods::read(text.as_bytes(), Currency::CNY, &faults);
        let sku = Code::parse("a").expect("a code");
        let _ = cards::read("cards/a.csv", sku, text.as_bytes(), &faults);
        prop_assert!(!faults.into_sorted().is_empty(), "none of these is a whole pack");
    }

    #[test]
    fn any_rows_under_a_right_header_are_read_or_refused_without_panic(rows in "(\\PC|,|\\n|\"|a|1){0,200}") {
        let faults = Faults::default();
        let header = "code,category,kind,title_zh,title_en,description_zh,description_en,art,sku_code,sku_name_zh,\
                      sku_name_en,face_value,cost,price,max_per_order,sort";
        let _ = goods::read(format!("{header}\n{rows}").as_bytes(), Currency::JPY, &faults);
        let sku = Code::parse("a").expect("a code");
        let _ = cards::read("cards/a.csv", sku, format!("code,expires_on\n{rows}").as_bytes(), &faults);
    }
}
