// node shoot.mjs JOBS.json: a picture per job. A job: dashboard, prometheus, now, theme, variables, output.
// Exits 1 and names the panels when one failed or is empty without saying what that means.

import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';

const here = import.meta.dirname;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml' };
const QUALITY = 82;

async function serve(request, response) {
  const wanted = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
  const root = wanted.startsWith('/dashboards/') ? path.join(here, '..') : path.join(here, 'dist');
  const file = wanted === '/' ? path.join(root, 'index.html') : path.join(root, path.normalize(wanted));
  try {
    const body = await readFile(file);
    response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' }).end(body);
  } catch {
    response.writeHead(404).end();
  }
}

async function shoot(browser, origin, job) {
  const page = await browser.newPage({ viewport: { width: 1600, height: 400 } });
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const query = new URLSearchParams({ ...job, variables: JSON.stringify(job.variables) });
  await page.goto(`${origin}/?${query}`);
  await page.waitForSelector('body[data-done=yes]', { timeout: 120_000, state: 'attached' });
  await page.waitForTimeout(1500); // the charts paint after their data is there
  const empty = await page.$$eval('[data-empty="No data"], [data-failure]', (found) =>
    found.map((one) => one.dataset.failure ?? one.closest('section')?.innerText ?? 'a panel')
  );
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: 1600, height });
  await page.waitForTimeout(500);
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
  await writeFile(job.output, Buffer.from(data, 'base64'));
  await page.close();
  return [...errors, ...empty.map((text) => `no data in ${text.replaceAll('\n', ' ')}`)];
}

const jobs = JSON.parse(await readFile(process.argv[2], 'utf8'));
const server = createServer(serve).listen(0, '127.0.0.1');
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
let failed = false;
for (const job of jobs) {
  const problems = await shoot(browser, `http://127.0.0.1:${server.address().port}`, job);
  problems.forEach((problem) => console.error(`${job.output}: ${problem}`));
  failed ||= problems.length > 0;
}
await browser.close();
server.close();
process.exit(failed ? 1 : 0);
