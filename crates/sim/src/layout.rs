//! What a world is made of before anything happens: sites, goods, channels, people.

use catalog::{
    Audience, CategoryId, Form, Formula, Fulfilment, GoodsId, GoodsKind, OnSale, PriceRule, Reach, RefundRule,
    Rounding, RuleBook, RuleId, SiteLevel, SkuFacts, SkuId, Target, Terms, Ware, Whom,
};
use chrono::{DateTime, Utc};
use commission::{
    AgentId, AgentState, Base, Earning, How, LinkId, Mode, Plan, PlanVersion, Referral, Referrer, Rule,
    Target as About, Terms as CommissionTerms,
};
use identity::{CustomerId, OperatorId};
use kernel::{Currency, Money, Rate, SiteId, TenantId, Wording};
use payment::{Channel, ChannelId, ChannelState};
use settlement::{Calendar, Paydays, Term, TermRule, TermTarget, Terms as SettlementTerms};
use uuid::Uuid;

use crate::dice::Dice;

/// A tenant.
pub(crate) struct Layout {
    pub tenant: TenantId,
    pub currency: Currency,
    pub sites: Vec<Site>,
    pub goods: Vec<Goods>,
    pub channels: Vec<Channel>,
    pub customers: Vec<CustomerId>,
    pub operators: Vec<OperatorId>,
}

/// A site that sells.
pub(crate) struct Site {
    pub id: SiteId,
    /// From the main site down to this one.
    pub chain: Vec<SiteLevel>,
    /// The channels that its buyers are offered.
    pub channels: Vec<ChannelId>,
    /// Whether it spends prepaid money: for losses, or because it collects itself.
    pub has_prepaid: bool,
}

/// One SKU.
#[derive(Clone)]
pub(crate) struct Goods {
    pub sku: SkuId,
    pub kind: GoodsKind,
    /// Few pieces, seldom more of them.
    pub is_scarce: bool,
    /// Its cards go bad.
    pub is_expiring: bool,
}

/// The sites below the main one: each with its parent's place, whether it has a channel of its own, and whether it sells
/// some goods at a loss. The last one is too deep to sell.
const SITES: [(usize, bool, bool); 8] = [
    (0, false, false),
    (1, false, false),
    (2, false, false),
    (0, true, false),
    (1, true, false),
    (0, false, true),
    (2, true, false),
    (3, false, false),
];

/// Each SKU: kind, scarce, expiring, cost and list price.
const GOODS: [(GoodsKind, bool, bool, i64, i64); 8] = [
    (GoodsKind::Card, false, false, 900, 1_100),
    (GoodsKind::Card, false, false, 2_450, 2_999),
    (GoodsKind::Card, false, false, 80, 100),
    (GoodsKind::Card, true, false, 5_000, 6_400),
    (GoodsKind::Card, false, true, 310, 400),
    (GoodsKind::Card, true, true, 1_250, 1_500),
    (GoodsKind::Shared, false, false, 400, 1_900),
    (GoodsKind::Manual, false, false, 700, 990),
];

/// Where a site's loss is made.
const LOSING: usize = 1;
const CUSTOMERS: usize = 60;

impl Layout {
    /// A tenant of these dice.
    pub fn new(dice: &mut Dice, currency: Currency) -> Self {
        let main = SiteId::from_uuid(dice.name());
        let level = |site| SiteLevel { site, level: None };
        let mut channels = vec![channel(dice, (main, true), currency), channel(dice, (main, true), currency)];
        let of_main: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
        let mut sites =
            vec![Site { id: main, chain: vec![level(main)], channels: of_main.clone(), has_prepaid: false }];
        for (parent, has_own, has_loss) in SITES {
            let id = SiteId::from_uuid(dice.name());
            let mut chain = sites[parent].chain.clone();
            chain.push(level(id));
            let mut own = of_main.clone();
            if has_own {
                channels.push(channel(dice, (id, false), currency));
                own = channels.last().map(|channel| channel.id).into_iter().collect();
            }
            sites.push(Site { id, chain, channels: own, has_prepaid: has_own || has_loss });
        }
        let goods = GOODS.map(|(kind, is_scarce, is_expiring, _, _)| Goods {
            sku: SkuId::from_uuid(dice.name()),
            kind,
            is_scarce,
            is_expiring,
        });
        Self {
            tenant: TenantId::from_uuid(dice.name()),
            currency,
            sites,
            goods: goods.to_vec(),
            channels,
            customers: (0..CUSTOMERS).map(|_| CustomerId::from_uuid(dice.name())).collect(),
            operators: (0..2).map(|_| OperatorId::from_uuid(dice.name())).collect(),
        }
    }

    /// What a SKU costs and is called. `raise` is added to cost and price.
    pub fn ware(&self, place: usize, raise: i64) -> Ware {
        let (kind, _, _, cost, list_price) = GOODS[place];
        let money = |minor: i64| Money::new(minor + raise, self.currency);
        let facts = SkuFacts {
            sku: self.goods[place].sku,
            goods: GoodsId::from_uuid(self.goods[place].sku.uuid()),
            category: CategoryId::from_uuid(self.tenant.uuid()),
            cost: money(cost),
            list_price: money(list_price),
            face_value: None,
            site_levels: Vec::new(),
            state: OnSale::On,
            quantity_max: 20,
            epoch: 1,
        };
        let name = || Wording::new("卡", "card");
        let fulfilment = Fulfilment { form: Form::default(), within_hours: 24 };
        Ware { facts, title: name(), name: name(), kind, fulfilment, refunds: RefundRule::USUAL }
    }

    /// Who brings buyers to a site: three agents one above the other, all of them customers, too; of some sites one in the
    /// middle does not earn.
    pub fn referral(&self, site: &Site) -> Referral {
        let own = site.id.uuid().as_u128();
        let referrer = |place: u8| Referrer {
            agent: AgentId::from_uuid(Uuid::from_u128(own ^ (u128::from(place) + 1))),
            customer: self.customers[usize::from(place)],
            level: None,
            state: if place == 1 && own.is_multiple_of(4) { AgentState::Suspended } else { AgentState::Active },
        };
        Referral { link: LinkId::from_uuid(site.id.uuid()), how: How::Link, chain: (0..3).map(referrer).collect() }
    }

    /// What agents earn; it moves with the epoch, and often asks for more than a margin has.
    pub fn plan(&self, epoch: i64) -> PlanVersion {
        let rate = |ppm| Rate::from_ppm(ppm);
        let mut rules =
            vec![Rule { target: About::Tenant, tier: 0, terms: CommissionTerms::share(Base::Price, rate(30_000)) }];
        let mode = if epoch % 2 == 0 { Mode::Tiers } else { Mode::Difference };
        if mode == Mode::Tiers {
            let floor = Some(Money::new(7, self.currency));
            let share = CommissionTerms::share(Base::Margin, rate(250_000));
            rules.push(Rule { target: About::Tenant, tier: 1, terms: CommissionTerms { floor, ..share } });
            let earning = Earning::Fixed { amount: Money::new(3, self.currency) };
            rules.push(Rule {
                target: About::Tenant,
                tier: 2,
                terms: CommissionTerms { earning, floor: None, cap: None },
            });
        } else {
            let all = CommissionTerms::share(Base::Margin, rate(1_000_000));
            let last = self.referral(&self.sites[1]).chain[1].agent;
            rules.push(Rule { target: About::Agent(last), tier: 0, terms: all });
        }
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let plan = Plan { mode, rules, ..Plan::nothing() };
        PlanVersion { version: epoch, effective_from: at, created_at: at, created_by: Uuid::nil(), plan }
    }

    /// When what is earned is settled: at once, from some goods after a week and from others on the next business day.
    pub fn paydays(&self) -> Paydays {
        let rule = |(goods, term): (&Goods, Term)| TermRule {
            target: TermTarget::Goods(GoodsId::from_uuid(goods.sku.uuid())),
            term,
        };
        let rules = self.goods.iter().zip([Term::Days(7), Term::USUAL]).map(rule).collect();
        let terms = SettlementTerms { usual: Term::Days(0), rules };
        Paydays { versions: vec![(DateTime::<Utc>::UNIX_EPOCH, terms)], calendar: Calendar::default() }
    }

    /// The rules of all sites; `percent` of the retail sites moves with the epoch.
    pub fn rules(&self, epoch: i64) -> RuleBook {
        let share = |ppm| Formula::Percent { rate: Rate::from_ppm(ppm) };
        let moved = u32::try_from(epoch % 5).expect("less than five") * 4_000;
        let mut rules = Vec::new();
        for (place, site) in self.sites.iter().enumerate() {
            let mut add = |audience, target, formula, rounding| {
                let (id, version) = (RuleId::from_uuid(site.id.uuid()), epoch);
                let reach = Reach {
                    audience,
                    whom: Whom::Everyone,
                    target,
                    quantity_min: 1,
                    valid_from: None,
                    valid_until: None,
                };
                let (terms, created_at) = (Terms::Price { formula, rounding }, DateTime::<Utc>::UNIX_EPOCH);
                rules.push(PriceRule { id, site: site.id, reach, terms, version, created_at });
            };
            add(Audience::Wholesale, Target::Site, share(20_000 + 5_000 * place as u32), Rounding::None);
            add(Audience::Retail, Target::Site, share(50_000 + moved), Rounding::UpTenth);
            if place > 0 && SITES[place - 1].2 {
                let (price, cap) = (Money::new(GOODS[LOSING].3 - 30, self.currency), Money::new(500, self.currency));
                let formula = Formula::Fixed { price, loss_cap: Some(cap) };
                add(Audience::Retail, Target::Sku(self.goods[LOSING].sku), formula, Rounding::None);
            }
        }
        rules.into_iter().collect()
    }

    /// The channel of this id.
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }
}

fn channel(dice: &mut Dice, (site, is_main): (SiteId, bool), currency: Currency) -> Channel {
    let id = ChannelId::from_uuid(dice.name());
    Channel {
        id,
        site,
        is_main,
        provider: "fake".to_owned(),
        name: Wording::new("通道", "channel"),
        payee: format!("merchant-{id}"),
        currency,
        settings: serde_json::Value::Null,
        state: ChannelState::Active,
        sort: 0,
    }
}
