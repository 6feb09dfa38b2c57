//! What problems are called, in the two languages. Texts only: the code is what programs read.

use kernel::Language;

/// The codes in order, each with its title in Chinese and in English.
const TITLES: &[(&str, &str, &str)] = &[
    ("accent_contrast", "强调色对比度不够", "The accent colour is too faint"),
    ("account_number_invalid", "账号格式不对", "The account number is not valid"),
    ("adjustment_not_yours", "不是您发起的调整", "Somebody else has asked for it"),
    ("adjustment_state", "调整状态不允许", "The adjustment is in another state"),
    ("agent_above_himself", "上级不能是自己的下级", "An agent cannot stand above himself"),
    ("agent_already", "已经是推广员", "This customer is an agent already"),
    ("agent_closed", "推广员已停用", "The agent is closed"),
    ("agent_code_invalid", "推广码格式不对", "The agent's code is not valid"),
    ("agent_code_unknown", "没有这个推广码", "Nobody has this agent's code"),
    ("agent_of_another_site", "是别的站点的推广员", "The agent is another site's"),
    ("agent_too_deep", "推广员层级太多", "Too many agents one above the other"),
    ("amount_out_of_range", "金额超出范围", "The amount is out of range"),
    ("amount_too_large", "金额太大", "The amount is too large"),
    ("api_version_unknown", "没有这个接口版本", "The API version is unknown"),
    ("bad_login", "账号或密码不对", "Login or password is wrong"),
    ("batch_undone", "这批已经撤销", "The batch is undone already"),
    ("batch_unknown", "没有这批导入", "There is no such batch"),
    ("bill_too_long", "账单行数太多", "The bill has too many lines"),
    ("body_too_large", "请求太大", "The request is too large"),
    ("body_too_slow", "请求发送太慢", "The request came too slowly"),
    ("busy", "服务繁忙", "The server is busy"),
    ("calendar_day_over", "这一天已经过去", "The day is over"),
    ("callback_refused", "支付通知未通过验证", "The payment notice was refused"),
    ("card_code_unreadable", "卡密读不出", "A card code cannot be read"),
    ("catalog_limit_reached", "数量已到上限", "The catalogue is full"),
    ("catalog_not_found", "没有这个商品", "There are no such goods"),
    ("changed_meanwhile", "内容已被别人改过", "It was changed meanwhile"),
    ("channel_closed", "这种付款方式已关闭", "The payment channel is closed"),
    ("channel_invalid", "支付渠道设置不对", "The payment channel is not valid"),
    ("channel_refused", "支付渠道拒绝了请求", "The payment channel refused"),
    ("channel_taken", "支付渠道已存在", "The payment channel exists already"),
    ("channel_unavailable", "支付渠道现在不能用", "The payment channel is not available"),
    ("claim_amount", "不能按金额申请", "A buyer asks for lines or cards"),
    ("claim_changed", "订单已有退款，请手工处理", "Less is left than when it was asked for"),
    ("claim_late", "已过售后期限", "It is too late to ask"),
    ("claim_never", "交付后不退", "It is not taken back once delivered"),
    ("claim_not_found", "没有这个售后申请", "There is no such claim"),
    ("claim_seen", "卡密已查看，不能申请", "The codes were looked at"),
    ("claim_state", "申请状态不允许", "The claim is not in this state"),
    ("claim_too_many", "申请次数已到上限", "The order has too many claims"),
    ("claim_waits", "已有一个申请在处理", "One claim waits already"),
    ("code_invalid", "代码格式不对", "The code is not valid"),
    ("commission_limit_reached", "数量已到上限", "There can be no more of them"),
    ("commission_not_found", "没有找到", "There is no such thing"),
    ("contact_invalid", "联系方式不对", "The contact is not valid"),
    ("conversion_off", "不能转为余额", "Earnings are not converted here"),
    ("credit_in_use", "授信已被使用", "The credit is spent"),
    ("currency_fixed", "币种不能改", "The currency cannot change"),
    ("currency_foreign", "货币不符", "Another currency"),
    ("currency_mixed", "币种不一致", "The currencies differ"),
    ("cursor_unknown", "翻页位置无效", "The cursor is unknown"),
    ("database_busy", "数据库繁忙", "The database is busy"),
    ("depth_exceeded", "分站层级太深", "Too many sites would earn"),
    ("earner_held", "收益已被冻结", "The earnings are held back"),
    ("earner_owes", "还有欠款", "Something is owed first"),
    ("fields_refused", "有内容填得不对", "Some fields are refused"),
    ("filter_unknown", "筛选条件无效", "The filter is unknown"),
    ("folder_exists", "文件夹已存在", "The folder exists already"),
    ("folder_unwritable", "文件夹写不进", "The folder cannot be written"),
    ("forbidden", "没有权限", "Not allowed"),
    ("foreign_origin", "请求来自别的网站", "The request comes from another site"),
    ("form_invalid", "下单信息填得不对", "The order form is not valid"),
    ("form_unusable", "下单表单不可用", "The form cannot be used"),
    ("front_invalid", "首页设置不对", "The front page is not valid"),
    ("fulfilment_not_found", "没有这项人工订单", "There is no such work"),
    ("fulfilment_state", "人工订单状态不允许", "The work is not in this state"),
    ("fulfilment_taken", "已有人在处理", "Somebody else has taken it"),
    ("gateway_missing", "没有这种支付网关", "There is no such gateway"),
    ("gateway_refused", "支付网关拒绝了请求", "The gateway refused"),
    ("gateway_unavailable", "支付网关没有回应", "The gateway does not answer"),
    ("goods_of_other_levels", "仅限指定等级的分站销售", "The goods are for sites of other levels"),
    ("handover_expired", "付款链接已过期", "The way to the cashier has expired"),
    ("handover_used", "付款链接已用过", "The way to the cashier was used"),
    ("hold_lifted_before", "冻结已经解除", "The hold was lifted before"),
    ("host_invalid", "域名不对", "The host is not valid"),
    ("host_taken", "域名已被使用", "The host is taken"),
    ("idempotency_key_invalid", "幂等键格式不对", "The idempotency key is not valid"),
    ("idempotency_key_required", "缺少幂等键", "An idempotency key is required"),
    ("idempotency_key_reused", "幂等键已用于别的请求", "The idempotency key was used for something else"),
    ("if_match_invalid", "If-Match 格式不对", "If-Match cannot be read"),
    ("insufficient_funds", "余额不足", "There is not enough money"),
    ("internal", "服务器出错", "Internal error"),
    ("invoice_missing", "需要发票", "An invoice is needed"),
    ("job_lease_lost", "任务已被别处接手", "The job was taken over"),
    ("job_not_dead", "任务没有失败", "The job is not dead"),
    ("job_too_large", "任务内容太大", "The job is too large"),
    ("level_before_the_last", "不能早于上一版本生效", "Versions begin one after the other"),
    ("level_easier_above", "高等级的要求不能低于低等级", "A higher rung needs less than one below"),
    ("level_limit_reached", "数量已到上限", "There can be no more of them"),
    ("level_lowest_needs", "最低等级不能有要求", "The lowest rung needs nothing"),
    ("level_not_pinned", "等级没有锁定", "The level is not pinned"),
    ("level_notice_too_short", "降低等级的规则须提前公告", "The notice is too short"),
    ("level_twice", "等级重复", "A level stands twice on the ladder"),
    ("limit_out_of_range", "每页数量超出范围", "The limit is out of range"),
    ("login_busy", "登录繁忙", "Log-in is busy"),
    ("login_invalid", "账号格式不对", "The login is not valid"),
    ("login_required", "请先登录", "Log in first"),
    ("login_taken", "账号已被使用", "The login is taken"),
    ("loss_not_covered", "亏损没有预付款垫付", "The loss is not covered"),
    ("main_site_fixed", "主站不能这样改", "The main site stays as it is"),
    ("method_not_allowed", "不支持这种请求方法", "Method not allowed"),
    ("not_for_sale", "商品没有出售", "It is not for sale"),
    ("not_found", "没有找到", "Not found"),
    ("not_on_sale", "商品未上架", "It is not on sale"),
    ("nothing_to_pay", "没有要付的款", "There is nothing to pay"),
    ("nothing_to_send", "没有可打款的提现", "There is nothing to send"),
    ("nothing_to_show", "没有卡密可看", "There is nothing to show"),
    ("order_empty", "订单里没有商品", "The order is empty"),
    ("order_not_found", "没有这个订单", "There is no such order"),
    ("order_not_open", "订单已结束", "The order is not open"),
    ("order_not_paid", "订单还没付款", "The order is not paid"),
    ("order_number_invalid", "订单号不对", "The order number is not valid"),
    ("order_refunded", "订单已退款", "The order is refunded"),
    ("ordering_frozen", "下单太快，暂停下单", "Ordering is frozen for a while"),
    ("out_of_stock", "库存不足", "Out of stock"),
    ("parent_site_not_found", "没有这个上级站", "There is no such parent site"),
    ("password_length", "密码长度不对", "The password has the wrong length"),
    ("payee_cools_down", "收款账户还在冷静期", "The payee cools down"),
    ("payee_in_use", "收款账户正在使用", "The payee is in use"),
    ("payee_name_differs", "户名与登记的不一致", "The name is another one"),
    ("payee_name_unchecked", "户名还没有核对", "The name was never checked"),
    ("payee_not_found", "没有这个收款账户", "There is no such payee"),
    ("payment_expired", "付款已超时", "The payment has expired"),
    ("payment_not_found", "没有这笔付款", "There is no such payment"),
    ("payment_not_open", "这笔付款已结束", "The payment is not open"),
    ("period_invalid", "期间不对", "The period is not valid"),
    ("period_too_long", "期间内往来太多", "Too much has happened in the period"),
    ("plan_in_the_past", "生效时间已过", "The plan begins in the past"),
    ("plan_notice_too_short", "公示时间不够", "The notice is too short"),
    ("plan_rule_twice", "佣金规则重复", "Two rules of the plan are about the same"),
    ("prepaid_main_site", "主站没有预存款", "The main site has no prepaid money"),
    ("price_below_cost", "售价低于成本", "The price is below cost"),
    ("price_cap_below_cost", "限价低于成本", "The price cap is below cost"),
    ("price_cap_below_floor", "限价低于底价", "The price cap is below the floor"),
    ("price_changed", "价格变了", "The price has changed"),
    ("price_loss_too_high", "亏损超过允许", "The loss is higher than allowed"),
    ("price_other_currency", "价格币种不同", "The price is in another currency"),
    ("price_template_missing", "价格模板不存在", "The price template is missing"),
    ("price_too_large", "价格太大", "The price is too large"),
    ("quantity_too_large", "数量太多", "The quantity is too large"),
    ("query_password_length", "查询密码长度不对", "The lookup password has the wrong length"),
    ("queue_full", "排队已满", "The queue is full"),
    ("recharge_batch_void", "该批充值卡已作废", "The batch is void already"),
    ("recharge_card_expired", "充值卡已过期", "The card has expired"),
    ("recharge_card_redeemed", "充值卡已被兑换", "The card was redeemed"),
    ("recharge_card_unknown", "没有这张充值卡", "There is no such card"),
    ("recharge_card_void", "充值卡已作废", "The card is void"),
    ("recharge_card_yours", "您已兑换过这张卡", "You have redeemed this card"),
    ("recharge_code_invalid", "卡密有误", "The code has a mistake"),
    ("refund_amount", "退款金额不对", "The amount cannot go back"),
    ("refund_line", "订单行不对", "The line is not there, or named twice"),
    ("refund_line_refunded", "这一行已经全部退款", "Nothing is left of the line"),
    ("refund_no_wallet", "不能退到余额", "It cannot go into a wallet"),
    ("refund_not_delivered", "还没交付的行只能整行退款", "The line is not delivered"),
    ("refund_not_found", "没有这笔退款", "There is no such refund"),
    ("refund_piece", "没有这张可退的卡密", "There is no such card to go back"),
    ("refund_state", "退款状态不允许", "The refund is not in this state"),
    ("refund_too_many", "退款次数已到上限", "The order was refunded too often"),
    ("refund_wallet_full", "余额放不下", "The wallet has no room for it"),
    ("replace_line", "没有这一订单行", "The line is not there"),
    ("replace_not_delivered", "还没交付的行不能换码", "The line is not delivered"),
    ("replace_piece", "没有这张可换的卡密", "There is no such code to replace"),
    ("replace_refunded", "这一行已经全部退款", "Nothing is left of the line"),
    ("replace_shared", "循环卡密不能换码", "Every buyer has the same codes"),
    ("replace_too_many", "换码次数已到上限", "Too many codes of the order were replaced"),
    ("request_unreadable", "请求读不懂", "The request cannot be read"),
    ("rule_limit_empty", "限价规则是空的", "The limit rule is empty"),
    ("rule_wholesale_loss", "批发价不能亏损", "A wholesale price may not lose"),
    ("rule_window_invalid", "生效时间不对", "The validity window is not valid"),
    ("second_person_needed", "需要另一个人复核", "Another person is needed"),
    ("settlement_before_the_last", "不能早于上一版规则", "It begins before the version below it"),
    ("settlement_limit_reached", "数量已到上限", "There can be no more of them"),
    ("settlement_notice_too_short", "公示期不够", "The notice is too short"),
    ("settlement_rule_twice", "规则重复", "Two rules are about the same"),
    ("settlement_term_invalid", "结算周期格式不对", "The term is not valid"),
    ("sheet_cell_error", "表格里有错误值", "A cell holds an error"),
    ("sheet_columns", "表格列不对", "The columns do not fit"),
    ("sheet_format", "文件格式不对", "The file has another format"),
    ("sheet_not_text", "文件不是文本", "The file is not text"),
    ("sheet_number_rounded", "表格数字丢了精度", "A number was rounded"),
    ("sheet_quotes", "引号不成对", "The quotes do not match"),
    ("sheet_too_large", "表格太大", "The sheet is too large"),
    ("sheet_unreadable", "表格读不出", "The sheet cannot be read"),
    ("shop_closed", "店铺已关闭", "The shop is closed"),
    ("shop_not_funded", "店铺预付款不足", "The shop has not paid in enough"),
    ("shop_suspended", "店铺已暂停", "The shop is suspended"),
    ("site_level_misplaced", "站点等级放错了", "The site level does not fit"),
    ("site_not_below", "不是直属下级分站", "It is not a site right below"),
    ("site_not_found", "没有这个站点", "There is no such site"),
    ("site_slug_taken", "站点代号已被使用", "The site's slug is taken"),
    ("site_too_deep", "站点层级太深", "The site is too deep"),
    ("site_under_itself", "站点不能在自己下面", "A site cannot be under itself"),
    ("sku_holds_no_cards", "这个规格没有卡密库存", "The SKU holds no cards"),
    ("sku_unknown", "没有这个规格", "There is no such SKU"),
    ("slug_fixed", "代号不能改", "The slug cannot change"),
    ("slug_invalid", "代号格式不对", "The slug is not valid"),
    ("slug_taken", "代号已被使用", "The slug is taken"),
    ("stopping", "服务正在停止", "The server is stopping"),
    ("template_band_order", "模板区间顺序不对", "The template's bands are out of order"),
    ("template_bands", "模板区间不对", "The template's bands do not fit"),
    ("tenant_not_found", "没有这个租户", "There is no such tenant"),
    ("text_length", "文字长度不对", "The text has the wrong length"),
    ("timeout", "处理超时", "The request took too long"),
    ("too_fast", "请求太频繁", "Too many requests"),
    ("too_many_attempts", "付款次数太多", "Too many attempts to pay"),
    ("too_many_open_orders", "未付款订单太多", "Too many unpaid orders"),
    ("too_many_orders_today", "今天下单太多", "Too many orders today"),
    ("too_many_top_ups", "未付款充值太多", "Too many unpaid top-ups"),
    ("too_many_tries", "试了太多次", "Too many tries"),
    ("top_up_limit", "充值金额超出范围", "The top-up is out of range"),
    ("top_up_rules_before_the_last", "生效时间早于上一版", "It begins before the last version"),
    ("unknown_host", "没有这个店铺", "There is no shop here"),
    ("value_out_of_range", "数值超出范围", "The value is out of range"),
    ("version_moved", "内容已被别人改过", "It was changed meanwhile"),
    ("wallet_full", "钱包已到上限", "The wallet is full"),
    ("withdrawal_above_maximum", "超过单笔提现上限", "More than a withdrawal may be"),
    ("withdrawal_before_the_last", "生效时间早于上一版", "It begins before the last version"),
    ("withdrawal_below_minimum", "低于最低提现金额", "Less than a withdrawal may be"),
    ("withdrawal_daily_limit", "超过当日提现限额", "The day's limit is reached"),
    ("withdrawal_limit_reached", "数量已到上限", "There are as many as may be"),
    ("withdrawal_nothing_left", "扣费后没有可付金额", "Nothing is left to pay"),
    ("withdrawal_notice_too_short", "公示期不足七天", "The notice is too short"),
    ("withdrawal_one_at_a_time", "已有一笔提现待处理", "One withdrawal at a time"),
    ("withdrawal_state", "提现状态不允许", "The withdrawal is in another state"),
    ("word_unknown", "没有这个选项", "The word is unknown"),
];

/// The title of a problem with this code, if it has one.
pub fn title_of(code: &str, language: Language) -> Option<&'static str> {
    let place = TITLES.binary_search_by_key(&code, |(code, ..)| code).ok()?;
    let (_, chinese, english) = TITLES[place];
    Some(match language {
        Language::Chinese => chinese,
        Language::English => english,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// A gateway of its own, which answers by its own protocol.
    const OTHERS: &str = "sandbox-gateway";

    /// The sources of every room, without their tests.
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            if path.is_dir() && !matches!(name, OTHERS | "tests" | "target" | "benches") {
                sources(&path, found);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&path).expect("a source");
                found.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
            }
        }
    }

    fn is_code(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    }

    /// The codes of errors (`fn code`), and those that HTTP adds (`StatusCode::X, "code"`).
    fn codes() -> BTreeSet<String> {
        let mut found = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
        let mut codes = BTreeSet::new();
        for text in &found {
            for body in text.split("fn code(&self) -> &'static str {").skip(1) {
                let body = body.split("\n    }").next().unwrap_or_default();
                codes.extend(body.split('"').skip(1).step_by(2).filter(|code| is_code(code)).map(str::to_owned));
            }
            for rest in text.split("StatusCode::").skip(1) {
                let after = rest.trim_start_matches(|letter: char| letter.is_ascii_uppercase() || letter == '_');
                let Some(code) = after.strip_prefix(", \"").and_then(|rest| rest.split('"').next()) else { continue };
                codes.extend(is_code(code).then(|| code.to_owned()));
            }
        }
        codes
    }

    #[test]
    fn every_code_has_a_title_in_both_languages_and_no_other() {
        let titled: BTreeSet<String> = TITLES.iter().map(|(code, ..)| (*code).to_owned()).collect();
        let codes = codes();
        assert!(codes.len() > 100, "the sources were not read");
        let without: Vec<&String> = codes.difference(&titled).collect();
        let of_nothing: Vec<&String> = titled.difference(&codes).collect();
        assert!(without.is_empty() && of_nothing.is_empty(), "without: {without:?}, of nothing: {of_nothing:?}");
    }

    #[test]
    fn titles_are_sorted_and_in_their_language() {
        assert!(TITLES.is_sorted_by(|one, next| one.0 < next.0));
        for (code, chinese, english) in TITLES {
            assert!(chinese.chars().any(|letter| letter > '\u{3000}'), "{code}");
            assert!(!english.is_empty() && english.is_ascii(), "{code}");
        }
    }
}
