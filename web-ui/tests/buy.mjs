// Buying as buyers do: a guest by the sandbox cashier on a level-three sub-site, a customer from his wallet; with
// scripts and without. Usage: node buy.mjs '{"port":8080,"shop":"nanqiao.demo.localhost","login":..,"password":..,"breaks":..,"goods":..,"code":..,"out":..}'
import fs from 'node:fs';
import { check, end, inspect, open, problems, shoot, visitor } from './lib.mjs';

const settings = JSON.parse(process.argv[2]);
const base = `http://${settings.shop}:${settings.port}`;
fs.mkdirSync(settings.out, { recursive: true });
// The codes of the demo's goods, as `scripts/make-demo-cards` makes them.
const CODE = new RegExp(settings.code);

async function step(name, work) {
  const before = problems.length;
  const began = Date.now();
  try {
    await work();
  } catch (error) {
    problems.push(`${name}: ${error.message.split('\n').slice(0, 4).join(' ')}`);
  }
  console.log(`${problems.length === before ? 'ok  ' : 'FAIL'} ${name} (${Date.now() - began} ms)`);
}

/** A picture of a page that only a buyer reaches; where scripts run, axe looks at it on both screens. */
async function look(page, name, scripts) {
  await shoot(page, settings.out, name);
  if (!scripts) return;
  const size = page.viewportSize();
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: size.height });
    await inspect(page, name);
  }
  await page.setViewportSize(size);
}

/** The page of the newest order while it waits for its money, in a window of its own. */
async function unpaid(page, name, scripts) {
  const beside = await page.context().newPage();
  await beside.goto(`${base}/orders`);
  await look(beside, `${name}-orders`, scripts);
  await beside.locator('main a[href*="/orders/ord_"]').first().click();
  await beside.waitForLoadState();
  check((await beside.locator('form[action$="/pay"]').count()) > 0, `${name}: the unpaid order offers no way to pay`);
  await look(beside, `${name}-payment`, scripts);
  await beside.close();
}

/** From the first page to the checkout, by what a thumb would press. */
async function choose(page, name) {
  await page.goto(`${base}/`);
  if (name) await shoot(page, settings.out, `${name}-1-home`);
  await page.locator(`a[href*="/goods/${settings.goods}"]`).first().click();
  if (name) await shoot(page, settings.out, `${name}-2-goods`);
  await page.locator('main form button.big:visible, button[form]:visible').first().click();
  await page.waitForURL('**/checkout**');
}

/** Pays at the sandbox's own page and comes back to the shop. */
async function pay(page) {
  // The way to the cashier is a page that leads on by itself, or by its link.
  await page.waitForURL((url) => url.port !== String(settings.port), { timeout: 15_000 });
  await page.locator('form button').first().click();
  await page.waitForURL(`${base}/orders/**`, { timeout: 15_000 });
}

/** The order's page once the goods are there; without scripts somebody presses "refresh". */
async function delivered(page, scripts) {
  const reveal = page.locator('form[action$="/codes"] button').first();
  for (let tries = 0; tries < 20 && !(await reveal.isVisible().catch(() => false)); tries += 1) {
    await page.waitForTimeout(500);
    if (!scripts) await page.reload();
  }
  check(!CODE.test(await page.locator('main').innerText()), `${page.url()}: a code is shown before anybody asked`);
  return reveal;
}

async function guest(browser, { width, scripts }) {
  const name = `guest-${width}${scripts ? '' : '-noscript'}`;
  const page = await visitor(browser, { width, scripts });
  await choose(page, name);
  await look(page, `${name}-3-checkout`, scripts);
  // The wrong input first: nothing is lost, the fault is told at its field.
  await page.locator('form[method=post]').evaluateAll((forms) => forms.forEach((form) => { form.noValidate = true; })).catch(() => {});
  await page.locator('input[name=password]').fill('ocean7');
  if (scripts) {
    await page.locator('main form button.big').first().click();
    await page.waitForLoadState();
    check(await page.locator('[aria-invalid=true]').count() > 0, `${name}: a missing contact is not told at its field`);
    await look(page, `${name}-4-faults`, scripts);
  }
  const contact = `${name}-${Date.now()}@example.test`;
  await page.locator('input[name=contact]').fill(contact);
  await page.locator('input[name=password]').fill('ocean7');
  await page.locator('input[name=confirm]').check();
  const submit = page.locator('main form button.big').first();
  // The second click of an impatient thumb must not be a second order.
  if (scripts) await submit.dblclick(); else await submit.click();
  await page.waitForURL((url) => url.port !== String(settings.port), { timeout: 15_000 });
  if (scripts) await unpaid(page, name, scripts);
  await pay(page);
  const reveal = await delivered(page, scripts);
  await look(page, `${name}-5-paid`, scripts);
  const order = page.url();
  await reveal.click();
  await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('main').innerText), CODE.source)
    .catch(() => {});
  const shown = await page.locator('main').innerText();
  check(CODE.test(shown), `${name}: no code on the page:\n${shown.slice(0, 600)}`);
  await look(page, `${name}-6-code`, scripts);
  const file = page.locator('form[action$="/file"] button').first();
  if (await file.count()) {
    const [download] = await Promise.all([page.waitForEvent('download'), file.click()]);
    const text = fs.readFileSync(await download.path(), 'utf8');
    check(CODE.test(text), `${name}: the file holds no code`);
  } else {
    problems.push(`${name}: there is no file to take along`);
  }
  // Back, and again: the order is still the same one.
  await page.goBack().catch(() => {});
  await page.goto(order);
  check((await page.locator('form[action$="/codes"] button').count()) > 0, `${name}: the order is gone after "back"`);
  await lookUp(browser, { width, scripts, contact }, name);
}

/** Another browser finds the order by contact and password, and not by a wrong one. */
async function lookUp(browser, { width, scripts, contact }, name) {
  const page = await visitor(browser, { width, scripts });
  for (const [password, orders] of [['wrong7', 0], ['ocean7', 1]]) {
    await page.goto(`${base}/lookup`);
    await page.locator('input[name=who]').fill(contact);
    await page.locator('input[name=password]').fill(password);
    await page.locator('main form button').first().click();
    await page.waitForLoadState();
    const found = await page.locator('main a[href*="/orders/ord_"]').evaluateAll((links) => new Set(links.map((link) => link.pathname)).size);
    const isThere = found > 0 || /\/orders\/ord_/.test(page.url());
    check(isThere === (orders === 1), `${name}: look-up with ${password} finds ${found} orders at ${page.url()}`);
    if (orders === 1 && found > 0) check(found === 1, `${name}: two clicks made ${found} orders`);
  }
  await look(page, `${name}-7-lookup`, scripts);
  await page.context().close();
}

async function customer(browser, { width, scripts }) {
  const name = `wallet-${width}${scripts ? '' : '-noscript'}`;
  const page = await visitor(browser, { width, scripts, locale: 'en' });
  await page.goto(`${base}/login`);
  await page.locator('input[name=login]').fill(settings.login);
  await page.locator('input[name=password]').fill(settings.password);
  await page.locator('main form button').first().click();
  await page.waitForLoadState();
  await choose(page);
  await page.locator('input[name=pay][value=wallet]').check({ force: true });
  await page.locator('input[name=confirm]').check();
  await look(page, `${name}-1-checkout`, scripts);
  await page.locator('main form button.big').first().click();
  await page.waitForURL(`${base}/orders/**`);
  const reveal = await delivered(page, scripts);
  await reveal.click();
  await page.waitForLoadState();
  await page.waitForTimeout(300);
  check(CODE.test(await page.locator('main').innerText()), `${name}: no code on the page`);
  await look(page, `${name}-2-code`, scripts);
  for (const path of ['wallet', 'wallet/top-ups']) {
    await page.goto(`${base}/${path}`);
    await look(page, `${name}-3-${path.replace('/', '-')}`, scripts);
  }
  await page.goto(`${base}/orders`);
  await look(page, `${name}-4-account`, scripts);
  check((await page.locator('main a[href*="/orders/ord_"]').count()) > 0, `${name}: the account lists no order`);
  await page.context().close();
}

/** Every page that needs no order, looked at by axe in both languages and widths. */
async function pages(browser) {
  const paths = ['/', `/goods/${settings.goods}`, '/search', '/search?q=card', '/categories/games', '/lookup', '/login',
    '/register', '/notices', '/terms', '/privacy', '/refunds', '/nothing-here'];
  for (const [width, locale, scheme] of [[390, 'zh-CN', 'light'], [1280, 'en', 'dark']]) {
    const page = await visitor(browser, { width, locale, scheme });
    for (const path of paths) {
      await page.goto(`${base}${path}`);
      await inspect(page, `${path} (${locale}, ${scheme})`);
      await shoot(page, settings.out, `page-${width}-${path.replace(/[^a-z]+/g, '-').replace(/^-|-$/g, '') || 'home'}`);
    }
    await page.context().close();
  }
}

/** Prices by quantity: the table is there from the start, nothing jumps, and price and total follow what is chosen. */
async function tiers(browser, { width, scripts }) {
  const name = `tiers-${width}-${scripts ? 'scripts' : 'plain'}`;
  const page = await visitor(browser, { width, scripts, locale: width < 600 ? 'zh-CN' : 'en' });
  await page.addInitScript(() => {
    globalThis.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifted += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(`http://${settings.breaks}:${settings.port}/goods/${settings.goods}`);
  await shoot(page, settings.out, name);
  const tables = page.locator('table.tiers');
  check((await tables.count()) > 0, `${name}: no table of prices`);
  if (!scripts) {
    // Nobody is there to change tables with the choice, so that all of them are shown.
    check((await page.locator('table.tiers:visible').count()) === (await tables.count()), `${name}: a table is hidden`);
    return page.context().close();
  }
  await inspect(page, name);
  const table = page.locator('table.tiers:visible');
  check((await table.count()) === 1, `${name}: ${await table.count()} tables are shown`);
  const last = table.locator('tbody tr').last();
  const [from, minor] = [Number(await last.getAttribute('data-from')), Number(await last.getAttribute('data-minor'))];
  await page.fill('#quantity', String(from));
  check((await last.getAttribute('class')) === 'on', `${name}: the chosen row is not marked`);
  const shown = async (selector) => (await page.locator(selector).first().textContent()).replaceAll(',', '');
  check((await shown('[data-total]')).includes(((minor * from) / 100).toFixed(2)), `${name}: total ${await shown('[data-total]')}`);
  check((await shown('[data-price]:not([name])')).includes((minor / 100).toFixed(2)), `${name}: the price does not follow`);
  await inspect(page, `${name} with the last row chosen`);
  const other = await page.locator('[name=sku]:not(:checked):not(:disabled)').first().getAttribute('value');
  await page.locator(`[name=sku][value="${other}"]`).check({ force: true });
  const id = `tiers-${other.split(':')[0]}`;
  const ids = await table.evaluateAll((nodes) => nodes.map((node) => node.id));
  check(ids.length === 0 || (ids.length === 1 && ids[0] === id), `${name}: the table of ${ids} stands beside another choice`);
  const shifted = await page.evaluate(() => globalThis.shifted);
  check(shifted < 0.01, `${name}: the page shifted by ${shifted}`);
  await page.context().close();
}

const browser = await open();
await step('a guest buys by the cashier, with scripts', () => guest(browser, { width: 390, scripts: true }));
await step('a guest buys by the cashier, without scripts', () => guest(browser, { width: 390, scripts: false }));
await step('a customer buys from the wallet, with scripts', () => customer(browser, { width: 1280, scripts: true }));
await step('a customer buys from the wallet, without scripts', () => customer(browser, { width: 390, scripts: false }));
await step('prices by quantity on a phone', () => tiers(browser, { width: 390, scripts: true }));
await step('prices by quantity on a desk', () => tiers(browser, { width: 1280, scripts: true }));
await step('prices by quantity without scripts', () => tiers(browser, { width: 390, scripts: false }));
await step('axe finds nothing on any page', () => pages(browser));
await browser.close();
end('five ways through the shop');
