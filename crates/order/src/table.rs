//! The room's tables.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

pub(crate) mod order {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub site_id: Uuid,
        pub customer_id: Option<Uuid>,
        pub method: String,
        pub state: String,
        pub payment_state: String,
        pub delivery_state: String,
        pub currency: String,
        pub total_minor: i64,
        pub collector_id: Option<Uuid>,
        pub held_minor: i64,
        pub version: i32,
        pub placed_at: DateTime<Utc>,
        pub expires_at: Option<DateTime<Utc>>,
        pub paid_at: Option<DateTime<Utc>>,
        pub delivered_at: Option<DateTime<Utc>>,
        pub changed_at: DateTime<Utc>,
        /// The agent who brought the buyer.
        pub agent_id: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod line {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_lines")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line_no: i32,
        pub site_id: Uuid,
        pub sku_id: Uuid,
        pub title_zh: String,
        pub title_en: String,
        pub sku_name_zh: String,
        pub sku_name_en: String,
        pub quantity: i32,
        pub unit_minor: i64,
        pub total_minor: i64,
        /// What its cards were put in stock for.
        pub cost_of_goods_minor: i64,
        /// The ids of the delivered cards, 16 bytes each: cards themselves are not indexed by order.
        pub card_ids: Vec<u8>,
        pub is_shared: bool,
        /// How long a person has to fulfil it; none for cards.
        pub fulfil_within_hours: Option<i32>,
        /// By when the buyer may ask for his money back; nothing is the usual rule.
        pub refund_rule: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod hold {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_holds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line_no: i32,
        pub site_id: Uuid,
        pub sku_id: Uuid,
        pub expires_at: DateTime<Utc>,
        pub cards_expire_at: Option<DateTime<Utc>>,
        pub visitor: Option<Vec<u8>>,
        pub contact: Option<Vec<u8>>,
        pub address: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod contact {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_contacts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        pub site_id: Uuid,
        pub link: String,
        pub contact: Option<String>,
        pub query_key: Option<Vec<u8>>,
        pub visitor: Option<Vec<u8>>,
        pub address: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod hop {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_hops")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line_no: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub depth: i32,
        pub site_id: Uuid,
        pub cost_minor: i64,
        pub price_minor: i64,
        pub rule: String,
        /// When its margin is settled; nothing is the usual term.
        pub term: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod referral {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_referrals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        pub agent_id: Uuid,
        pub link_id: Uuid,
        pub how: String,
        pub plan_version: Option<i64>,
        pub site_level: Option<String>,
        pub chain: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod commission {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_commissions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        pub site_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line_no: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tier: i32,
        pub agent_id: Uuid,
        pub amount_minor: i64,
        pub rule: String,
        /// When it is settled; nothing is the usual term.
        pub term: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod event {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i32,
        pub site_id: Uuid,
        pub event: String,
        pub at: DateTime<Utc>,
        pub actor: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What buyers filled in: personal data, apart from the lines.
pub(crate) mod form {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_forms")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line_no: i32,
        pub site_id: Uuid,
        pub answers: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod fulfilment {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fulfilments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line_no: i32,
        pub site_id: Uuid,
        pub sku_id: Uuid,
        pub state: String,
        pub since: DateTime<Utc>,
        pub due_at: DateTime<Utc>,
        pub taken_by: Option<Uuid>,
        pub taken_at: Option<DateTime<Utc>>,
        pub proof: Option<String>,
        pub reason: Option<String>,
        pub ended_at: Option<DateTime<Utc>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod returns {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_returns")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub site_id: Uuid,
        /// What goes out by the channel.
        pub refund_id: Option<Uuid>,
        pub destination: String,
        pub amount_minor: i64,
        pub currency: String,
        /// What the seller's prepaid account holds until its channel has sent it.
        pub held_minor: i64,
        pub reason: String,
        pub requested_by: Uuid,
        pub requested_at: DateTime<Utc>,
        pub settled_at: Option<DateTime<Utc>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod returned_line {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_return_lines")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub line_no: i32,
        pub site_id: Uuid,
        pub amount_minor: i64,
        /// Whether nothing is left of the line then.
        pub is_last: bool,
        /// The ids of the cards that are void with it, 16 bytes each.
        pub card_ids: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Cards that gave their place in a line to another one.
pub(crate) mod replacement {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_replacements")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub site_id: Uuid,
        pub line_no: i32,
        /// The place in the line, from 1.
        pub piece: i32,
        pub old_card_id: Uuid,
        pub new_card_id: Uuid,
        /// What the new card was put in stock for.
        pub cost_minor: i64,
        pub currency: String,
        pub reason: String,
        pub requested_by: Uuid,
        pub replaced_at: DateTime<Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What buyers ask to have back.
pub(crate) mod claim {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_claims")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub site_id: Uuid,
        pub order_id: Uuid,
        pub state: String,
        pub wish: String,
        pub reason: String,
        pub asked_by: String,
        pub asked_at: DateTime<Utc>,
        pub answer: Option<String>,
        pub decided_by: Option<Uuid>,
        pub decided_at: Option<DateTime<Utc>>,
        pub return_number: Option<i32>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod reveal {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reveals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub site_id: Uuid,
        pub order_id: Uuid,
        pub line_no: i32,
        pub actor: String,
        pub device: String,
        pub at: DateTime<Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

store::site_owned!(
    order,
    line,
    hold,
    contact,
    hop,
    referral,
    commission,
    event,
    form,
    fulfilment,
    returns,
    returned_line,
    replacement,
    claim,
    reveal
);
