// The clients that are browsers: node browsers.mjs '{"browser": …, "url": …, "other": …, "login": …}'

import { startBrowser } from '../browser/drivers/puppeteer.mjs';
import { startWebkit } from '../browser/drivers/webkit.mjs';
import { fromElsewhere, ways } from './ways.mjs';

const { browser, url, other, login, ...tools } = JSON.parse(process.argv[2]);
const driver = await (browser === 'webkit' ? startWebkit(tools) : startBrowser(browser, tools));
try {
  const visitor = await driver.visitor();
  const page = await visitor.page(`${url}/`);
  const seen = await page.run(ways, { url, login });
  const token = await page.run(
    async (body) => {
      const headers = { 'Content-Type': 'application/json' };
      return (await (await fetch('/auth/login', { method: 'POST', headers, body })).json()).access_token;
    },
    login,
  );
  await page.goto(`${other}/`);
  Object.assign(seen, await page.run(fromElsewhere, { url, token }));
  await visitor.close();
  console.log(JSON.stringify({ [browser]: seen }));
} finally {
  await driver.close();
}
process.exit();
