// Chromium with Device Bound Session Credentials. A key belongs to a profile, so each visitor has a
// browser of its own.

import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHROMIUM, Page, importFrom } from './puppeteer.mjs';

/** Without a chip that keeps keys, and as often as a test asks. */
const FEATURES = ['DeviceBoundSessions:RefreshQuota/false', 'EnableBoundSessionCredentialsSoftwareKeysForManualTesting'];

const HOST = 'app.test';

export async function startDevices({ modules, program, folder, certificate }) {
  const { default: puppeteer } = await importFrom(modules);
  // A certificate that is merely waved through is not enough for a browser to bind a session.
  const key = new X509Certificate(certificate.cert).publicKey.export({ type: 'spki', format: 'der' });
  const pin = createHash('sha256').update(key).digest('base64');
  // The driver takes features out of the list that it is given, so each browser has one of its own.
  const args = () => [
    ...CHROMIUM,
    `--enable-features=${FEATURES}`,
    `--ignore-certificate-errors-spki-list=${pin}`,
    '--host-resolver-rules=MAP *.test 127.0.0.1',
  ];
  const options = { browser: 'chrome', executablePath: program, headless: true };
  const launch = (userDataDir) => puppeteer.launch({ ...options, args: args(), userDataDir });
  return {
    host: HOST,
    async visitor() {
      const profile = mkdtempSync(join(folder, 'profile-'));
      return new Visitor(profile, await launch(profile), () => launch(profile));
    },
    async close() {},
  };
}

class Visitor {
  constructor(profile, browser, launch) {
    Object.assign(this, { profile, browser, launch });
  }

  async page(url) {
    const page = await this.browser.newPage();
    page.setDefaultNavigationTimeout(60_000);
    await page.goto(url);
    return new DevicePage(page);
  }

  cookies() {
    return this.browser.cookies();
  }

  async setCookies(cookies) {
    await this.browser.setCookie(...cookies);
  }

  async restart() {
    await this.browser.close();
    this.browser = await this.launch();
  }

  /** "Continue where you left off", as the user has set it. */
  async continuesWhereLeft() {
    await this.browser.close();
    const file = join(this.profile, 'Default', 'Preferences');
    const preferences = JSON.parse(readFileSync(file, 'utf8'));
    preferences.session = { ...preferences.session, restore_on_startup: 1 };
    writeFileSync(file, JSON.stringify(preferences));
    this.browser = await this.launch();
  }

  close() {
    return this.browser.close();
  }
}

class DevicePage extends Page {
  /** The cookie is missing from now on, as if it had run out. */
  async dropCookie(name) {
    const session = await this.page.createCDPSession();
    await session.send('Network.deleteCookies', { name, url: this.page.url() });
    await session.detach();
  }
}
