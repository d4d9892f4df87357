// From a panel's frames to what is drawn: transformations, overrides, units, thresholds. All of it Grafana's own.

import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  type DataFrame,
  FieldConfigOptionsRegistry,
  type GrafanaTheme2,
  identityOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import { frames } from './prometheus';
import { interpolate, type Range, type View } from './view';

// Grafana keeps the registry of options beside its panels, outside of its packages: here are the keys in use.
const STANDARD = ['unit', 'decimals', 'min', 'max', 'displayName', 'noValue', 'mappings', 'thresholds', 'color', 'links'];
const CUSTOM = [
  'align', 'axisPlacement', 'axisSoftMax', 'axisSoftMin', 'barAlignment', 'cellOptions', 'drawStyle', 'fillOpacity', 'filterable',
  'gradientMode', 'hideFrom', 'lineInterpolation', 'lineStyle', 'lineWidth', 'minWidth', 'pointSize', 'showPoints', 'spanNulls',
  'stacking', 'width',
];

const option = (id: string, path: string, isCustom: boolean) => ({
  id,
  path,
  name: id,
  isCustom,
  shouldApply: () => true,
  process: identityOverrideProcessor,
  override: () => null,
  editor: () => null,
  settings: {},
});

const options = new FieldConfigOptionsRegistry(
  () => [...STANDARD.map((key) => option(key, key, false)), ...CUSTOM.map((key) => option(`custom.${key}`, key, true))] as any
);

standardTransformersRegistry.setInit(() => {
  const known = new Map(Object.values(standardTransformers).map((one: any) => [one.id, one]));
  return [...known.values()].map((one: any) => ({
    id: one.id,
    name: one.name,
    transformation: () => Promise.resolve(one),
    editor: () => null,
  })) as any;
});

export async function panelData(view: View, panel: any, range: Range, width: number, theme: GrafanaTheme2): Promise<DataFrame[]> {
  const replaceVariables = (text: any) => (typeof text === 'string' ? interpolate(text, view.variables) : text);
  const raw = await frames(view, panel, range, width);
  const steps = panel.transformations ?? [];
  const data = steps.length
    ? await lastValueFrom(transformDataFrame(steps, raw, { interpolate: replaceVariables }))
    : raw;
  const fieldConfig = withInfinity(panel.fieldConfig);
  const drawn = applyFieldOverrides({ data, fieldConfig, replaceVariables, theme, fieldConfigRegistry: options, timeZone: 'utc' });
  cacheFieldDisplayNames(drawn);
  return drawn;
}

// JSON has no -Infinity: a first threshold without a value means it.
function withInfinity(config: any): any {
  const mend = (thresholds: any) => ({
    ...thresholds,
    steps: thresholds.steps.map((step: any) => ({ ...step, value: step.value ?? -Infinity })),
  });
  const property = (one: any) => (one.id === 'thresholds' ? { ...one, value: mend(one.value) } : one);
  return {
    defaults: {
      ...config.defaults,
      color: config.defaults.color ?? { mode: 'thresholds' },
      thresholds: mend(config.defaults.thresholds ?? { mode: 'absolute', steps: [{ color: 'green', value: null }] }),
    },
    overrides: config.overrides.map((one: any) => ({ ...one, properties: one.properties.map(property) })),
  };
}
