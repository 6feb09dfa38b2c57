// A real Chromium on this machine's own demo, and what every page is checked for.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// Everything that a browser would fetch for itself is off; names of the demo lead to this machine.
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  '--host-resolver-rules=MAP *.localhost 127.0.0.1',
];

export const problems = [];

export function check(holds, sentence) {
  if (!holds) problems.push(sentence);
}

export async function open() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
}

/** A person at a screen: pages of this context complain into `problems`. */
export async function visitor(browser, { width, scripts = true, locale = 'zh-CN', scheme = 'light' }) {
  const context = await browser.newContext({
    viewport: { width, height: width < 600 ? 844 : 900 }, javaScriptEnabled: scripts, locale, colorScheme: scheme,
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.on('console', (line) => {
    if (line.type() === 'error' && !/status of 4\d\d/.test(line.text())) {
      problems.push(`${page.url()}: the console says ${line.text()}`);
    }
  });
  page.on('pageerror', (error) => problems.push(`${page.url()}: ${error}`));
  return page;
}

/** Looks at a page as axe does, and whether it fits its screen. */
export async function inspect(page, name) {
  const width = page.viewportSize().width;
  const found = await page.evaluate(async (source) => {
    // A strict content policy refuses script tags; a tool may evaluate.
    (0, eval)(source);
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return {
      violations: violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map((node) => node.html).slice(0, 3).join(' ')})`),
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    };
  }, axe);
  for (const violation of found.violations) problems.push(`${name} at ${width} px: axe ${violation}`);
  check(found.overflow <= 0, `${name} at ${width} px is ${found.overflow} px wider than its screen`);
}

/** Keeps a picture, to be looked at beside design/shots. */
export async function shoot(page, folder, name) {
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

/** Ends the run: nothing found is exit code 0. */
export function end(done) {
  for (const problem of problems) console.error(`problem: ${problem}`);
  console.log(`${done}: ${problems.length} problems`);
  process.exit(problems.length === 0 ? 0 : 1);
}
