//! Price templates on both databases.

use super::*;

fn adds(from: &str, amount: &str, rounding: Rounding) -> Band {
    Band { from: yuan(from), addition: Addition::Amount { amount: yuan(amount) }, rounding }
}

const fn by(template: TemplateId) -> Terms {
    Terms::Price { formula: Formula::Template { template }, rounding: Rounding::None }
}

testkit::on_both! {
    async fn a_template_reads_back_and_prices_with_one_band(db) {
        let shop = Shop::open(db).await;
        let share = Addition::Percent { rate: Rate::from_ppm(60_000) };
        let bands = [
            adds("0.00", "0.35", Rounding::UpTenth),
            Band { from: yuan("9.00"), addition: share, rounding: Rounding::EndNine },
            adds("50.00", "2.00", Rounding::UpWhole),
        ];
        let (template, saved) = shop.save_template(1, &bands).await.unwrap();
        assert_eq!((saved, shop.epochs().await), (Saved::Created, (1, 0)), "no rule names it yet");
        shop.save_rule(1, everywhere(Audience::Retail), by(template)).await.unwrap();
        let tx = shop.db.store.read(&shop.scope).await.unwrap();
        let read = shop.catalog.templates_in(&tx, shop.chain[1].site).await.unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].id, read[0].bands.as_slice()), (template, bands.as_slice()));
        assert_eq!(shop.catalog.templates_in(&tx, shop.chain[0].site).await.unwrap(), []);
        // 9.60 and 6 % is 10.176, up to the next .9.
        assert_eq!(shop.quote(1).await.unwrap().unit, yuan("10.90"));
        let guest = Subject::default();
        let explained = shop.prices.explain_in(&tx, &shop.chain, &guest, (shop.sku, 1)).await.unwrap();
        let Step::Rule { band, .. } = explained.hops[1].steps[0] else { panic!("the rule comes first") };
        assert_eq!(band, Some(bands[1]));
    }

    async fn a_changed_template_raises_the_epoch_and_the_version_of_its_rules(db) {
        let shop = Shop::open(db).await;
        let before = [adds("0.00", "0.50", Rounding::None)];
        let template = shop.save_template(1, &before).await.unwrap().0;
        let (rule, _) = shop.save_rule(1, everywhere(Audience::Retail), by(template)).await.unwrap();
        shop.save_rule(0, everywhere(Audience::Wholesale), percent(1)).await.unwrap();
        assert_eq!(shop.save_template(1, &before).await.unwrap(), (template, Saved::Same));
        assert_eq!(shop.epochs().await, (1, 2));
        let after = [adds("0.00", "0.70", Rounding::None), adds("90.00", "3.00", Rounding::UpWhole)];
        let steps = change("steps", "0.00 CNY: 0.50 CNY none", "0.00 CNY: 0.70 CNY none; 90.00 CNY: 3.00 CNY up_1");
        assert_eq!(shop.save_template(1, &after).await.unwrap(), (template, Saved::Changed(vec![steps])));
        assert_eq!(shop.epochs().await, (1, 3));
        let hops = shop.quote(1).await.unwrap().hops;
        assert_eq!((hops[1].margin, hops[1].rule), (yuan("0.70"), Some(RuleRef { id: rule, version: 3 })));
        assert_eq!(hops[0].rule.map(|rule| rule.version), Some(2), "other rules keep their version");
    }

    async fn a_template_of_another_site_is_refused(db) {
        let shop = Shop::open(db).await;
        let template = shop.save_template(0, &[adds("0.00", "0.50", Rounding::None)]).await.unwrap().0;
        let foreign = shop.save_rule(1, everywhere(Audience::Retail), by(template)).await;
        assert!(matches!(foreign, Err(CatalogError::Missing { what: "template" })), "{foreign:?}");
        let (other, saved) = shop.save_template(1, &[adds("0.00", "0.50", Rounding::None)]).await.unwrap();
        assert_eq!(saved, Saved::Created, "each site has codes of its own");
        assert_ne!(other, template);
    }

    async fn a_rule_that_becomes_a_template_tells_so(db) {
        let shop = Shop::open(db).await;
        let template = shop.save_template(0, &[adds("0.00", "0.50", Rounding::None)]).await.unwrap().0;
        shop.save_rule(0, everywhere(Audience::Retail), percent(80_000)).await.unwrap();
        let (_, saved) = shop.save_rule(0, everywhere(Audience::Retail), by(template)).await.unwrap();
        let fields = vec![
            change("kind", "percent", "template"),
            change("value", "8 %", &template.to_string()),
            change("rounding", "up_0.1", "none"),
        ];
        assert_eq!(saved, Saved::Changed(fields));
        let (_, saved) = shop.save_rule(0, everywhere(Audience::Retail), percent(80_000)).await.unwrap();
        assert!(matches!(saved, Saved::Changed(fields) if fields.len() == 3));
    }

    async fn the_database_refuses_a_band_that_adds_nothing_or_two_things(db) {
        let shop = Shop::open(db).await;
        shop.save_template(0, &[adds("0.00", "0.50", Rounding::None)]).await.unwrap();
        for (add_minor, add_ppm) in [(None, None), (Some(1), Some(1)), (Some(-1), None)] {
            let written = shop.db.store.transact(&shop.scope, async |tx| {
                use crate::table::price_template_band as band;
                let row = tx.find::<band::Entity>().one().await?.expect("a band");
                let row = band::Model { from_minor: 7, add_minor, add_ppm, ..row };
                tx.insert::<band::Entity>([row]).await
            }).await;
            assert!(written.is_err(), "{add_minor:?} {add_ppm:?}");
        }
    }
}

#[test]
fn templates_that_cannot_be_meant_are_refused() {
    let refused = |bands: &[Band]| {
        let (site, name) = (SiteId::new(), words("Small cards"));
        TemplateDraft { site, code: code("small-cards"), name, bands: bands.to_vec() }.check().unwrap_err()
    };
    let band = |from: &str| adds(from, "0.50", Rounding::None);
    assert!(matches!(refused(&[]), CatalogError::Bands { .. }));
    let many: Vec<Band> = (0..=BANDS_MAX).map(|yuan| band(&yuan.to_string())).collect();
    assert!(matches!(refused(&many), CatalogError::Bands { .. }));
    assert!(matches!(refused(&[band("1.00"), band("1.00")]), CatalogError::BandOrder));
    assert!(matches!(refused(&[band("-1.00")]), CatalogError::Range { field: "from" }));
    assert!(matches!(refused(&[adds("1.00", "-0.50", Rounding::None)]), CatalogError::Range { field: "add" }));
    let share = Addition::Percent { rate: Rate::from_ppm(u32::MAX) };
    assert!(matches!(refused(&[Band { addition: share, ..band("0") }]), CatalogError::Range { field: "percent" }));
    let amount = Money::new(1, Currency::USD);
    assert!(matches!(refused(&[Band { addition: Addition::Amount { amount }, ..band("0") }]), CatalogError::Currency));
}
