// Prometheus's answers as Grafana's data frames.

import { type DataFrame, FieldType, toDataFrame } from '@grafana/data';

import { interpolate, queryVariables, type Range, stepFor, type View } from './view';

interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: Array<[number, string]>;
}

export async function frames(view: View, panel: any, range: Range, width: number): Promise<DataFrame[]> {
  const shown = (panel.targets ?? []).filter((target: any) => !target.hide);
  return (await Promise.all(shown.map((target: any) => answer(view, target, range, width)))).flat();
}

export async function labelValues(view: View, query: string): Promise<string[]> {
  const [, selector, label] = /^label_values\((.+), *(\w+)\)$/.exec(interpolate(query, view.variables))!;
  const form = new URLSearchParams({ 'match[]': selector, start: `${view.now - 3600}`, end: `${view.now}` });
  const { data } = await ask(`${view.prometheus}/api/v1/label/${label}/values?${form}`);
  return data;
}

async function answer(view: View, target: any, range: Range, width: number): Promise<DataFrame[]> {
  const step = stepFor(range, width, target.interval);
  const variables = queryVariables(view, range, step);
  const query = interpolate(target.expr, variables);
  if (target.instant) {
    const form = new URLSearchParams({ query, time: `${range.to}` });
    const result: Series[] = (await ask(`${view.prometheus}/api/v1/query?${form}`)).data.result;
    return target.format === 'table' ? [table(target, result)] : result.map((series) => point(target, series, variables));
  }
  const aligned = { from: Math.floor(range.from / step) * step, to: Math.floor(range.to / step) * step };
  const form = new URLSearchParams({ query, start: `${aligned.from}`, end: `${aligned.to}`, step: `${step}` });
  const result: Series[] = (await ask(`${view.prometheus}/api/v1/query_range?${form}`)).data.result;
  return result.map((series) => line(target, series, aligned, step, variables));
}

async function ask(url: string): Promise<any> {
  const answered = await (await fetch(url)).json();
  if (answered.status !== 'success') {
    throw new Error(answered.error);
  }
  return answered;
}

function table(target: any, result: Series[]): DataFrame {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((series) => series.value![0] * 1000) },
      ...labels.map((name) => ({
        name,
        type: FieldType.string,
        values: result.map((series) => series.metric[name] ?? ''),
      })),
      { name: `Value #${target.refId}`, type: FieldType.number, values: result.map((series) => Number(series.value![1])) },
    ],
  });
}

function point(target: any, series: Series, variables: Record<string, string>): DataFrame {
  return frame(target, series, [series.value![0] * 1000], [Number(series.value![1])], variables);
}

// A gap in the answer becomes a null, so that no line is drawn across it.
function line(target: any, series: Series, range: Range, step: number, variables: Record<string, string>): DataFrame {
  const known = new Map(series.values!.map(([at, value]) => [at, Number(value)]));
  const times = Array.from({ length: (range.to - range.from) / step + 1 }, (_, index) => range.from + index * step);
  return frame(
    target,
    series,
    times.map((at) => at * 1000),
    times.map((at) => known.get(at) ?? null),
    variables
  );
}

function frame(target: any, series: Series, times: number[], values: Array<number | null>, variables: Record<string, string>): DataFrame {
  const legend = interpolate(target.legendFormat ?? '', variables);
  const name = legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => series.metric[label] ?? '');
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: times },
      { name: 'Value', type: FieldType.number, labels: series.metric, config: { displayNameFromDS: name }, values },
    ],
  });
}
