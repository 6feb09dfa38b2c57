//! What a process tells itself of what it has changed.

use kernel::{Platform, TenantId};
use store::Tx;

testkit::on_both! {
    async fn a_commit_that_announces_a_change_raises_its_tenants_number(db) {
        let scope = db.tenant().await;
        let stranger = Platform::assume().tenant(TenantId::new());
        let before = [db.store.news(&scope), db.store.news(&stranger)];
        let tx = db.store.write(&scope).await.expect("begins");
        tx.announce();
        tx.announce();
        assert_eq!(db.store.news(&scope), before[0], "nothing is committed yet");
        tx.commit().await.expect("committed");
        assert_eq!([db.store.news(&scope), db.store.news(&stranger)], [before[0] + 1, before[1]]);
        db.store.write(&scope).await.expect("begins").commit().await.expect("committed");
        assert_eq!(db.store.news(&scope), before[0] + 1, "nothing was announced");
        assert_eq!(db.store.clone().news(&scope), before[0] + 1, "clones tell the same");
    }

    async fn a_change_of_one_thing_raises_its_own_number(db) {
        let (scope, thing) = (db.tenant().await, uuid::Uuid::now_v7());
        let before = [db.store.news_about(&scope, thing), db.store.news(&scope)];
        let tx = db.store.write(&scope).await.expect("begins");
        tx.announce_about(thing);
        assert_eq!(db.store.news_about(&scope, thing), before[0], "nothing is committed yet");
        tx.commit().await.expect("committed");
        assert_eq!([db.store.news_about(&scope, thing), db.store.news(&scope)], [before[0] + 1, before[1]]);
    }

    async fn a_change_that_was_not_committed_makes_others_look_in_vain_at_most(db) {
        let scope = db.tenant().await;
        let before = db.store.news(&scope);
        let tx = db.store.write(&scope).await.expect("begins");
        tx.announce();
        drop(tx);
        assert!(db.store.news(&scope) >= before);
    }

    async fn a_lanes_batch_tells_of_each_tenant_it_entered_and_that_changed(db) {
        let scope = db.tenant().await;
        let batch = db.store.batch().await.expect("begins");
        let tx = batch.enter(&scope).await.expect("enters");
        assert_eq!(tx.scope().id(), scope.id());
        tx.announce();
        drop(tx);
        let before = db.store.news(&scope);
        batch.commit().await.expect("committed");
        assert_eq!(db.store.news(&scope), before + 1);
    }
}
