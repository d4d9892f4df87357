// What is to be drawn: a dashboard's JSON, a Prometheus, a moment that counts as now, variables, a theme.

export interface View {
  dashboard: any;
  prometheus: string;
  now: number; // Unix seconds
  theme: 'light' | 'dark';
  variables: Record<string, string>;
}

export interface Range {
  from: number; // Unix seconds
  to: number;
}

const PARTS: Record<string, number> = { h: 3600, d: 86400 };
const NICE_STEPS = [60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const SCRAPE_INTERVAL = 900; // of the replayed history

export async function readView(search: string): Promise<View> {
  const given = new URLSearchParams(search);
  const uid = given.get('dashboard')!;
  return {
    dashboard: await (await fetch(`/dashboards/${uid}.json`)).json(),
    prometheus: given.get('prometheus')!,
    now: Number(given.get('now')),
    theme: given.get('theme') === 'light' ? 'light' : 'dark',
    variables: JSON.parse(given.get('variables') ?? '{}'),
  };
}

// now, now-30d, now+14d
export function moment(text: string, now: number): number {
  const found = /^now(?:([+-])(\d+)([hd]))?$/.exec(text);
  if (!found) {
    throw new Error(`cannot read the time ${text}`);
  }
  const [, sign, count, part] = found;
  return sign ? now + (sign === '-' ? -1 : 1) * Number(count) * PARTS[part] : now;
}

export function dashboardRange(view: View): Range {
  const { from, to } = view.dashboard.time;
  return { from: moment(from, view.now), to: moment(to, view.now) };
}

export function panelRange(view: View, panel: any): Range {
  const pinned = panel.timeFrom;
  return pinned ? { from: moment(`now-${pinned}`, view.now), to: view.now } : dashboardRange(view);
}

// As many points as the panel has pixels, in steps that people like, and no shorter than the query allows.
export function stepFor(range: Range, pixels: number, shortest: string | undefined): number {
  const wanted = Math.max((range.to - range.from) / pixels, shortest ? moment(`now+${shortest}`, 0) : 0);
  return NICE_STEPS.find((step) => step >= wanted) ?? NICE_STEPS[NICE_STEPS.length - 1];
}

export function interpolate(text: string, variables: Record<string, string>): string {
  return text.replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (all, braced, bare) => variables[braced ?? bare] ?? all);
}

export function queryVariables(view: View, range: Range, step: number): Record<string, string> {
  return {
    ...view.variables,
    __interval: `${step}s`,
    __rate_interval: `${Math.max(step + SCRAPE_INTERVAL, 4 * SCRAPE_INTERVAL)}s`,
    __range: `${range.to - range.from}s`,
  };
}
