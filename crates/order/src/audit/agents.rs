//! What agents earn of a line, against who brought the buyer.

use ::commission::rules::DEPTH_MAX;
use ::commission::{AgentId, LinkId, Referrer};
use kernel::SiteId;

use super::{OrderAudit, Sale};

/// Agents earn only from orders whose buyer was brought, each once a line and in the place that he had, no deeper than may,
/// not more than the seller's margin, and nobody from what he bought himself (invariant 8).
pub(super) fn check(audit: &mut OrderAudit, sale: &Sale<'_>) {
    let id = sale.row.id;
    let site = SiteId::from_uuid(sale.row.site_id);
    let named = sale.referral.map(|referral| referral.agent_id);
    if named != sale.row.agent_id {
        audit.report(8, format!("order {id} says that another one brought its buyer than was written down"));
    }
    let chain = match sale.referral.map(|referral| serde_json::from_str::<Vec<Referrer>>(&referral.chain)) {
        None => Vec::new(),
        Some(Ok(chain)) if chain.first().map(|first| first.agent.uuid()) == named => chain,
        Some(_) => {
            audit.report(8, format!("who brought the buyer of order {id} cannot be read"));
            return;
        }
    };
    if let Some(referral) = sale.referral {
        audit.links.insert((LinkId::from_uuid(referral.link_id), AgentId::from_uuid(referral.agent_id)));
    }
    audit.agents.extend(chain.iter().map(|referrer| (referrer.agent, site)));
    for own in sale.commissions {
        let referrer = usize::try_from(own.tier).ok().and_then(|tier| chain.get(tier));
        let is_his = referrer.is_some_and(|referrer| referrer.agent == AgentId::from_uuid(own.agent_id));
        if !is_his || own.amount_minor <= 0 {
            audit.report(
                8,
                format!("{} earns from line {} of order {id}, and brought nobody", own.agent_id, own.line_no),
            );
        }
        let is_buyer = |referrer: &Referrer| Some(referrer.customer.uuid()) == sale.row.customer_id;
        if referrer.is_some_and(is_buyer) || chain.first().is_some_and(is_buyer) {
            audit.report(8, format!("{} earns from order {id}, which he bought himself", own.agent_id));
        }
    }
    for line in sale.lines {
        let (number, earned) = (line.line_no, sale.commission(line));
        let seller = sale.seller(line);
        let margin = seller.map_or(0, |hop| i128::from(hop.price_minor) - i128::from(hop.cost_minor));
        let margin = i128::from(line.quantity) * margin;
        // The main site pays out of what the goods of this very line have left.
        let is_main = seller.is_some_and(|hop| hop.depth == 0);
        let after_goods = i128::from(line.total_minor) - i128::from(line.cost_of_goods_minor);
        let margin = if is_main { margin.min(after_goods) } else { margin }.max(0);
        if earned > margin {
            audit.report(
                8,
                format!("agents earn {earned} from line {number} of order {id}, which has a margin of {margin}"),
            );
        }
        let between = seller.map_or(0, |hop| usize::try_from(hop.depth).unwrap_or(0).saturating_sub(1));
        let deepest = sale.commissions_of(line).filter_map(|own| usize::try_from(own.tier).ok()).max().unwrap_or(0);
        if deepest > 0 && between + deepest > DEPTH_MAX {
            audit.report(8, format!("{} earn from line {number} of order {id}, {DEPTH_MAX} may", between + deepest));
        }
    }
}
