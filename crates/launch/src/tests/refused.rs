//! What cannot be applied leaves nothing behind.

use std::error::Error;

use super::*;

testkit::on_both! {
    async fn a_pack_whose_host_another_tenant_has_is_refused_as_a_whole(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let thief = pack(&[
            ("tenant.toml", "slug = \"demo-two\"", "slug = \"thief\""),
            ("sites/main.toml", "hosts = [\"two.localhost\"]", "hosts = [\"thief.localhost\"]"),
        ]);
        for mode in [Mode::DryRun, Mode::Apply] {
            let refused = house.launch.apply(&thief, mode, &()).await.expect_err("refused");
            assert_eq!(refused.to_string(), "host breeze.two.localhost of site breeze is refused");
            let source = refused.source().expect("a reason").to_string();
            assert_eq!(source, "the host breeze.two.localhost leads to another shop");
        }
        assert_eq!(house.tenancy.find_tenant(thief.slug()).await.expect("the directory"), None);
        let shop = house.tenancy.resolve("breeze.two.localhost").expect("a shop");
        assert_eq!(shop.tenant.slug.as_str(), "demo-two");
    }

    async fn a_pack_cannot_change_the_currency_of_its_shop(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        let before = audited(&db, &scope).await;
        let dollars = pack(&[("tenant.toml", "currency = \"CNY\"", "currency = \"USD\"")]);
        let refused = house.launch.apply(&dollars, Mode::Apply, &()).await.expect_err("refused");
        assert_eq!(kernel::Coded::code(&refused), "currency_fixed");
        assert_eq!(audited(&db, &scope).await, before);
    }

    async fn a_pack_cannot_have_another_main_site(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let folder = pack_folder(&[
            ("sites/main.toml", "slug = \"main\"", "slug = \"first\""),
            ("sites/breeze.toml", "parent = \"main\"", "parent = \"first\""),
        ]);
        fs::rename(folder.path().join("sites/main.toml"), folder.path().join("sites/first.toml")).expect("renamed");
        let other = Pack::read(folder.path()).expect("a sound pack");
        let refused = house.launch.apply(&other, Mode::Apply, &()).await.expect_err("refused");
        assert_eq!(kernel::Coded::code(&refused), "main_site_fixed");
    }
}
