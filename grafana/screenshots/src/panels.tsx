// One component per kind of panel that the dashboards use, on Grafana's own visualisations.

import { type DataFrame, dateTime, EventBusSrv, getFieldDisplayValues, type GrafanaTheme2 } from '@grafana/data';
import { BarGauge, BigValue, PanelContextProvider, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import { Heatmap, StateTimeline } from './imitations';
import type { Range } from './view';

export interface Drawing {
  panel: any;
  data: DataFrame[];
  range: Range;
  width: number;
  height: number;
  theme: GrafanaTheme2;
}

const KINDS: Record<string, (drawing: Drawing) => JSX.Element> = {
  timeseries: Lines,
  stat: Numbers,
  bargauge: Bars,
  table: Rows,
  'state-timeline': StateTimeline,
  heatmap: Heatmap,
};

export function Visualisation(drawing: Drawing) {
  const Kind = KINDS[drawing.panel.type];
  if (!Kind) {
    throw new Error(`no drawing for panels of type ${drawing.panel.type}`);
  }
  if (drawing.data.every((frame) => frame.length === 0)) {
    const text = drawing.panel.fieldConfig.defaults.noValue ?? 'No data';
    return <div data-empty={text} style={{ textAlign: 'center', paddingTop: drawing.height / 2 - 12 }}>{text}</div>;
  }
  return <Kind {...drawing} />;
}

function Lines({ panel, data, range, width, height }: Drawing) {
  const context: any = { eventBus: new EventBusSrv(), sync: () => 0, eventsScope: 'global' };
  const [from, to] = [dateTime(range.from * 1000), dateTime(range.to * 1000)];
  return (
    <PanelContextProvider value={context}>
      <TimeSeries
        frames={data}
        timeRange={{ from, to, raw: { from, to } }}
        timeZone="utc"
        width={width}
        height={height}
        legend={panel.options.legend}
        options={panel.options}
      />
    </PanelContextProvider>
  );
}

function displayValues({ panel, data, theme }: Drawing) {
  return getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text: string) => text,
    theme,
    data,
    sparkline: panel.options.graphMode === 'area',
    timeZone: 'utc',
  });
}

function Numbers(drawing: Drawing) {
  const { panel, width, height, theme } = drawing;
  const values = displayValues(drawing);
  return (
    <VizRepeater
      width={width}
      height={height}
      source={values}
      getValues={() => values}
      renderCounter={1}
      orientation={panel.options.orientation}
      autoGrid
      renderValue={({ value, width: w, height: h }: any) => (
        <BigValue
          value={value.display}
          width={w}
          height={h}
          theme={theme}
          colorMode={panel.options.colorMode}
          graphMode={panel.options.graphMode}
          textMode={panel.options.textMode}
          justifyMode={panel.options.justifyMode}
          count={values.length}
          wideLayout={panel.options.wideLayout}
          text={panel.options.text}
        />
      )}
    />
  );
}

function Bars(drawing: Drawing) {
  const { panel, width, height, theme } = drawing;
  const values = displayValues(drawing);
  const widest = (pick: (display: any) => string) =>
    values.map(({ display }) => pick(display) ?? '').reduce((one, other) => (other.length > one.length ? other : one), '');
  const alignmentFactors: any = { title: widest((display) => display.title), text: widest((display) => display.text) };
  return (
    <VizRepeater
      width={width}
      height={height}
      source={values}
      getValues={() => values}
      renderCounter={1}
      orientation={panel.options.orientation}
      itemSpacing={8}
      renderValue={({ value, width: w, height: h, orientation }: any) => (
        <BarGauge
          value={value.display}
          field={value.field}
          width={w}
          height={h}
          orientation={orientation}
          theme={theme}
          displayMode={panel.options.displayMode}
          valueDisplayMode={panel.options.valueMode}
          namePlacement={panel.options.namePlacement}
          showUnfilled={panel.options.showUnfilled}
          itemSpacing={8}
          lcdCellWidth={12}
          alignmentFactors={alignmentFactors}
          text={panel.options.text}
        />
      )}
    />
  );
}

function Rows({ panel, data, width, height }: Drawing) {
  return (
    <TableNG
      data={data[0]}
      width={width}
      height={height}
      noHeader={false}
      showTypeIcons={false}
      resizable={false}
      sortByBehavior="initial"
      sortBy={panel.options.sortBy}
      cellHeight={panel.options.cellHeight}
      getActions={() => []}
      structureRev={1}
      transparent={false}
      enableVirtualization={false}
    />
  );
}
