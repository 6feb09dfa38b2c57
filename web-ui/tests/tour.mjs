// A tour of shops in a real browser: every page at two widths, in both languages, light and dark, looked at by axe.
//
//   node tour.mjs [options] BASE_URL...
//     --login=LOGIN:PASSWORD  a customer; without one the account pages are left out
//     --shots=DIR             keeps a picture of every page
//     --widths=390,1280  --langs=zh-CN,en  --schemes=light,dark
//     --no-script=off         leaves out the purchase without scripts
//     --chromium=PATH         the browser (default /usr/bin/chromium)
//
// Buys one piece at each base through the sandbox's cashier. Ends with 1 if axe finds anything, a page is wider than
// its window, a console says error, a content policy was broken, or a step of the purchase fails.
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP *.localhost 127.0.0.1"];

const bases = [];
const options = { widths: "390,1280", langs: "zh-CN,en", schemes: "light,dark", chromium: "/usr/bin/chromium" };
for (const argument of process.argv.slice(2)) {
  const [, name, value = "on"] = /^--([a-z-]+)(?:=(.*))?$/.exec(argument) ?? [];
  if (name) options[name] = value;
  else bases.push(argument.replace(/\/$/, ""));
}
if (!bases.length) {
  console.error("usage: node tour.mjs [--login=LOGIN:PASSWORD] [--shots=DIR] BASE_URL...");
  process.exit(2);
}
const list = (name) => options[name].split(",");

const faults = [];
let looks = 0;
const fault = (where, what) => {
  faults.push(`${where}: ${what}`);
  console.error(`FAULT ${where}: ${what}`);
};

/** A page whose console, errors and broken policies are faults. An answer that is meant to be an error is none. */
const open = async (browser, settings) => {
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  page.on("console", (message) => {
    const isAnswer = /Failed to load resource: the server responded with a status of 4/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isAnswer) fault(page.url(), `console: ${message.text()}`);
  });
  page.on("pageerror", (error) => fault(page.url(), `script: ${error.message}`));
  if (settings.javaScriptEnabled !== false) {
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  }
  return page;
};

/** Looks at the page as it is shown. */
const look = async (page, name) => {
  looks += 1;
  await page.waitForLoadState("networkidle");
  const found = await page.evaluate(`${AXE}; axe.run(document, {resultTypes: ["violations"]})`);
  for (const { id, nodes } of found.violations) {
    fault(name, `axe ${id}: ${nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`);
  }
  const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  if (over > 0) fault(name, `${over} px wider than the window`);
  if (!(await page.title()).trim()) fault(name, "no title");
  if (options.shots) await page.screenshot({ path: `${options.shots}/${name.replaceAll("/", "_")}.png`, fullPage: true });
};

const press = async (page, selector) => {
  await page.locator(selector).filter({ visible: true }).first().click();
  await page.waitForLoadState();
};

/** From goods to a code, by a channel. Calls `at` with the name of every page on the way. */
const buy = async (page, base, at, { hasScript = true } = {}) => {
  await page.goto(`${base}/search?stock=in&sort=price`);
  await page.goto(base + await page.locator("li.good:not(.off):not(:has(.state.man)) h3 a").first().getAttribute("href"));
  await at("goods");
  await press(page, '#buy button:not([type=button]), button[form="buy"]');
  await at("checkout");
  await page.locator("input[name=contact]").fill("tour@example.test");
  if (hasScript) {
    // The browser would stop an incomplete form; what the shop says of it is looked at.
    await page.locator("form.two").evaluate((form) => { form.noValidate = true; });
    await press(page, "form.two button.p");
    await at("checkout-faults");
    if (!await page.evaluate("document.activeElement.matches('[role=alert]')")) fault(page.url(), "no summary has the focus");
  }
  if (await page.locator("input[name=contact]").inputValue() !== "tour@example.test") fault(page.url(), "a value was lost");
  await page.locator("input[name=password]").fill("ocean blue");
  await page.locator("input[name=confirm]").check();
  await press(page, "form.two button.p");
  if (new URL(page.url()).host === new URL(base).host) throw new Error("the checkout led to no cashier");
  await page.locator("form button").first().click();
  await page.waitForURL(`${base}/orders/**`);
  const reveal = page.locator('form[action$="/codes"] button').first();
  await reveal.waitFor({ timeout: 20_000 });
  const order = page.url();
  await at("order");
  await reveal.click();
  await page.locator("article.code p.text").first().waitFor();
  await at("codes");
  return order;
};

/** Goods that a person fulfils, by their form. Left out where a shop has none. */
const orderWork = async (page, base, at) => {
  await page.goto(`${base}/search?stock=in`);
  const goods = page.locator("li.good:has(.state.man) h3 a").first();
  if (!await goods.count()) return;
  await page.goto(base + await goods.getAttribute("href"));
  await at("person-goods");
  await press(page, '#buy button:not([type=button]), button[form="buy"]');
  await page.locator("form.two").evaluate((form) => { form.noValidate = true; });
  await page.locator("input[name=contact]").fill("tour@example.test");
  await press(page, "form.two button.p");
  await at("person-faults");
  for (const field of await page.locator("[name^=field-]").all()) {
    const { tag, type, min } = await field.evaluate((node) => ({ tag: node.tagName, type: node.type, min: node.min }));
    if (tag === "SELECT") await field.selectOption({ index: 1 });
    else await field.fill({ number: min, tel: "13800001234", email: "tour@example.test" }[type] ?? "tour");
  }
  await page.locator("input[name=password]").fill("ocean blue");
  await page.locator("input[name=confirm]").check();
  await press(page, "form.two button.p");
  await page.locator("form button").first().click();
  await page.waitForURL(`${base}/orders/**`);
  await page.locator(".work").first().waitFor({ timeout: 20_000 });
  await at("person-order");
};

/** What everybody may see, and the pages of mistakes. */
const openPages = async (page, base, order) => {
  await page.goto(`${base}/`);
  const category = await page.locator(".chips a[href^='/categories/']").first().getAttribute("href").catch(() => null);
  const all = [["home", "/"], ["category", category], ["search", "/search?q=a&stock=in&sort=price_down"],
    ["search-none", "/search?q=zzzz&min=1"], ["lookup", "/lookup"], ["login", "/login"], ["register", "/register"],
    ["terms", "/terms"], ["privacy", "/privacy"], ["refunds", "/refunds"], ["notices", "/notices"],
    ["orders", "/orders"], ["missing", "/nothing-is-here"], ["order-again", order?.slice(base.length)]];
  return all.filter(([, path]) => path);
};

const tour = async (browser, base) => {
  const host = new URL(base).host;
  for (const locale of list("langs")) {
    for (const scheme of list("schemes")) {
      let bought = null;
      for (const width of list("widths").map(Number)) {
        const tag = `${host}-${locale}-${scheme}-${width}`;
        const page = await open(browser, { viewport: { width, height: 844 }, locale, colorScheme: scheme });
        const at = (name) => look(page, `${tag}-${name}`);
        try {
          if (!bought) {
            bought = await buy(page, base, at);
            await orderWork(page, base, at);
          }
          for (const [name, path] of await openPages(page, base, bought)) {
            await page.goto(base + path);
            await at(name);
          }
          // An address has a few wrong tries only.
          if (scheme === list("schemes")[0]) {
            await page.goto(`${base}/lookup`);
            await page.locator("input[name=who]").fill("nobody@example.test");
            await page.locator("input[name=password]").fill("wrong");
            await press(page, "main form button.p");
            await at("lookup-refused");
          }
          await page.goto(`${base}/register`);
          await page.locator("main form").evaluate((form) => { form.noValidate = true; });
          await press(page, "main form button.p");
          await at("register-refused");
          if (options.login) await account(page, base, at);
        } catch (error) {
          fault(tag, `${page.url()}: ${error.message.split("\n")[0]}`);
        }
        await page.context().close();
      }
    }
  }
};

/** The pages of a customer. */
const account = async (page, base, at) => {
  const [login, ...password] = options.login.split(":");
  await page.goto(`${base}/login?next=/orders`);
  await page.locator("input[name=login]").fill(login);
  await page.locator("input[name=password]").fill(password.join(":"));
  await press(page, "main form button.p");
  if (!await page.locator('form[action="/logout"]').count()) return fault(page.url(), "the customer was not logged in");
  await at("account-orders");
  for (const name of ["wallet", "wallet/top-ups"]) {
    await page.goto(`${base}/${name}`);
    await at(`account-${name}`);
  }
};

/** The whole way to a code without scripts. */
const withoutScript = async (browser, base) => {
  const page = await open(browser, { viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
  const name = `${new URL(base).host}-no-script`;
  try {
    const at = async (step) => {
      if (options.shots) await page.screenshot({ path: `${options.shots}/${name}-${step}.png`, fullPage: true });
    };
    await buy(page, base, at, { hasScript: false });
  } catch (error) {
    fault(name, `${page.url()}: ${error.message.split("\n")[0]}`);
  }
  await page.context().close();
};

if (options.shots) mkdirSync(options.shots, { recursive: true });
const browser = await chromium.launch({ executablePath: options.chromium, args: FLAGS });
try {
  for (const base of bases) {
    await tour(browser, base);
    if (options["no-script"] !== "off") await withoutScript(browser, base);
  }
} finally {
  await browser.close();
}
console.log(`${looks} looks at ${bases.length} shops, ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
