//! Templates, prices for somebody, and limits of a pack, in a shop that is there.

use super::*;

const TEMPLATE: &str = "[[template]]\ncode = \"standard\"\nname = { en = \"Standard\" }\n\
    steps = [{ from = \"0.00\", add = \"0.50\", rounding = \"up_0.1\" }]\n\n";

/// What a plan says of prices, in words.
fn told(plan: &Plan) -> Vec<String> {
    let fields = |fields: &[FieldChange]| {
        fields.iter().map(|field| format!("{}: {} -> {}", field.field, field.old, field.new)).collect::<Vec<_>>()
    };
    plan.changes
        .iter()
        .map(|change| match &change.what {
            What::Created => format!("{} {} is new", change.thing, change.name),
            What::Changed(changes) => format!("{} {} {}", change.thing, change.name, fields(changes).join(", ")),
        })
        .collect()
}

/// The edit that prices the sub-site by a template.
fn by_template(template: &str) -> Vec<(&'static str, String, String)> {
    let site = "sites/breeze.toml";
    vec![
        (
            site,
            "kind = \"percent\"\nvalue = \"6\"\nrounding = \"up_0.1\"".to_owned(),
            "kind = \"template\"\nvalue = \"standard\"".to_owned(),
        ),
        (site, "[[price]]".to_owned(), format!("{template}[[price]]")),
    ]
}

fn edited(edits: &[(&'static str, String, String)]) -> Pack {
    let edits: Vec<(&str, &str, &str)> =
        edits.iter().map(|(file, old, new)| (*file, old.as_str(), new.as_str())).collect();
    pack(&edits)
}

testkit::on_both! {
    async fn a_template_and_its_changes_are_shown_in_the_words_of_the_pack(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let applied = house.apply(&edited(&by_template(TEMPLATE))).await;
        assert_eq!(told(&applied.plan), [
            "template breeze standard is new",
            "price breeze retail site kind: percent -> template, value: 6 % -> standard, rounding: up_0.1 -> none",
        ]);
        let applied = house.apply(&edited(&by_template(&TEMPLATE.replace("0.50", "0.80")))).await;
        assert_eq!(
            told(&applied.plan),
            ["template breeze standard steps: 0.00 CNY: 0.50 CNY up_0.1 -> 0.00 CNY: 0.80 CNY up_0.1"]
        );
        let again = house.apply(&edited(&by_template(&TEMPLATE.replace("0.50", "0.80")))).await;
        assert!(again.plan.is_empty(), "{:?}", again.plan.changes);
    }

    async fn rules_for_somebody_are_told_apart_and_found_again(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let rule = |block: &str, lines: &str| format!("[[{block}]]\nscope = \"sku\"\ntarget = \"quillnote-1\"\n{lines}\n");
        let fixed = |audience: &str, lines: &str| {
            let terms = "kind = \"fixed\"\nvalue = \"180.00\"\nrounding = \"none\"";
            rule("price", &format!("{terms}\naudience = \"{audience}\"\n{lines}"))
        };
        let blocks = [
            fixed("retail", "for = \"he@two.localhost\""),
            fixed("retail", "quantity_min = 3"),
            fixed("wholesale", "level = \"bronze\""),
            fixed("wholesale", "for = \"breeze\""),
            fixed("retail", "valid_from = \"2026-12-20T00:00:00+08:00\"\nloss_cap = \"1.00\""),
            rule("limit", "floor = \"175.00\"\nmarkup_max = \"30\"\naudience = \"retail\""),
            "[[customer]]".to_owned(),
        ];
        let with = |blocks: &str| pack(&[("sites/main.toml", "[[customer]]", blocks)]);
        let applied = house.apply(&with(&blocks.join("\n"))).await;
        assert_eq!(told(&applied.plan), [
            "price main retail sku quillnote-1, for he@two.localhost is new",
            "price main retail sku quillnote-1, from 3 is new",
            "price main wholesale sku quillnote-1, level bronze is new",
            "price main wholesale sku quillnote-1, for breeze is new",
            "price main retail sku quillnote-1, since 2026-12-19T16:00:00+00:00 is new",
            "limit main retail sku quillnote-1 is new",
        ]);
        let changed = blocks.join("\n").replace("markup_max = \"30\"", "markup_max = \"25\"").replace("\"1.00\"", "\"2.00\"");
        let applied = house.apply(&with(&changed)).await;
        assert_eq!(told(&applied.plan), [
            "price main retail sku quillnote-1, since 2026-12-19T16:00:00+00:00 loss_cap: 1.00 CNY -> 2.00 CNY",
            "limit main retail sku quillnote-1 markup_max: 30 % -> 25 %",
        ]);
    }
}

#[test]
fn the_examples_in_the_blank_pack_are_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("new");
    tenant_new(&Slug::parse("card-corner").expect("a slug"), &target).expect("made");
    let path = target.join("sites/main.toml");
    let text = fs::read_to_string(&path).expect("the main site");
    let (before, examples) = text.split_once("# [[template]]").expect("a template");
    let is_data = |line: &&str| line.contains(" = ") || line.starts_with('[') || *line == "]";
    let examples: Vec<&str> = examples.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_data).collect();
    fs::write(&path, format!("{before}\n[[template]]\n{}\n", examples.join("\n"))).expect("written");
    let pack = Pack::read(&target).expect("a sound pack");
    let main = &pack.sites[0];
    assert_eq!((main.templates.len(), main.prices.len(), main.front.sections.len()), (1, 3, 1));
}
