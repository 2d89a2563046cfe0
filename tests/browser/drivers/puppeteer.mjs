// Chromium, and Firefox by WebDriver BiDi.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

export const CHROMIUM = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A page that takes more than 3 s to be put away would not be kept, as on a busy machine.
  '--disable-features=BackForwardCacheEntryTimeout',
];

export async function startBrowser(browser, { modules, program }) {
  const { default: puppeteer } = await importFrom(modules);
  const isChromium = browser === 'chromium';
  const running = await puppeteer.launch({
    browser: isChromium ? 'chrome' : 'firefox',
    executablePath: program,
    headless: true,
    args: isChromium ? CHROMIUM : [],
    // Some drivers switch the back/forward cache off.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
  return {
    async visitor() {
      return new Visitor(await running.createBrowserContext());
    },
    close: () => running.close(),
  };
}

export async function importFrom(folder) {
  const require = createRequire(resolve(folder, 'package.json'));
  return import(require.resolve('puppeteer-core'));
}

class Visitor {
  constructor(context) {
    this.context = context;
  }

  async page(url) {
    const page = await this.context.newPage({ type: 'window' });
    page.setDefaultNavigationTimeout(60_000);
    await page.goto(url);
    return new Page(page);
  }

  cookies() {
    return this.context.cookies();
  }

  async forgetCookies() {
    await this.context.deleteCookie(...(await this.context.cookies()));
  }

  close() {
    return this.context.close();
  }
}

export class Page {
  constructor(page) {
    this.page = page;
  }

  run(work, argument) {
    return this.page.evaluate(work, argument);
  }

  async goto(url) {
    await this.page.goto(url);
  }

  async reload() {
    await this.page.reload();
  }

  async press(key, modifier) {
    if (modifier) await this.page.keyboard.down(modifier);
    await this.page.keyboard.press(key === 'Space' ? ' ' : key);
    if (modifier) await this.page.keyboard.up(modifier);
  }

  async type(text) {
    await this.page.keyboard.type(text);
  }

  close() {
    return this.page.close();
  }
}
