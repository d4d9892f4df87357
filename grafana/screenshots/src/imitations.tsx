// Two visualisations that Grafana keeps outside of its packages: these only resemble its own.

import { type DataFrame, type Field, getFieldDisplayName } from '@grafana/data';

import type { Drawing } from './panels';

const NAMES = 130;

interface Stretch {
  text: string;
  color: string;
  length: number;
}

export function StateTimeline({ data, width, height }: Drawing) {
  const row = Math.min(60, (height - 20) / data.length);
  return (
    <div style={{ width, height, fontSize: 12 }}>
      {data.map((frame, index) => (
        <div key={index} style={{ display: 'flex', alignItems: 'center', height: row }}>
          <div style={{ width: NAMES, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>
            {getFieldDisplayName(frame.fields[1], frame)}
          </div>
          <div style={{ display: 'flex', flex: 1, height: row * 0.8 }}>
            {stretches(frame.fields[1]).map(({ color, length }, at) => (
              <div key={at} style={{ flex: length, background: color, opacity: 0.8 }} />
            ))}
          </div>
        </div>
      ))}
      <Days frame={data[0]} left={NAMES} width={width} />
    </div>
  );
}

export function Heatmap({ data, width, height }: Drawing) {
  const bounds = data.map(bound).sort((one, other) => one - other);
  const counts = bounds.map((one) => data.find((frame) => bound(frame) === one)!.fields[1].values);
  const cells = counts.map((values, row) => values.map((value, at) => (value ?? 0) - (row ? (counts[row - 1][at] ?? 0) : 0)));
  const most = Math.max(...cells.flat());
  const row = (height - 24) / bounds.length;
  return (
    <div style={{ width, height, fontSize: 12 }}>
      {[...bounds.keys()].reverse().map((index) => (
        <div key={index} style={{ display: 'flex', alignItems: 'center', height: row }}>
          <div style={{ width: 60 }}>{Number.isFinite(bounds[index]) ? `${bounds[index]} s` : '+Inf'}</div>
          {cells[index].map((count, at) => (
            <div key={at} style={{ flex: 1, height: row - 1, background: '#3274d9', opacity: Math.sqrt(Math.max(count, 0) / most) }} />
          ))}
        </div>
      ))}
      <Days frame={data[0]} left={60} width={width} />
    </div>
  );
}

const bound = (frame: DataFrame) => Number(frame.fields[1].labels!.le.replace('+Inf', 'Infinity'));

function Days({ frame, left, width }: { frame: DataFrame; left: number; width: number }) {
  const times: number[] = frame.fields[0].values;
  const shown = Array.from({ length: 6 }, (_, index) => times[Math.floor((index * (times.length - 1)) / 6)]);
  return (
    <div style={{ display: 'flex', marginLeft: left, width: width - left, fontSize: 11, opacity: 0.7 }}>
      {shown.map((time) => (
        <div key={time} style={{ flex: 1 }}>{new Date(time).toISOString().slice(5, 10)}</div>
      ))}
    </div>
  );
}

function stretches(field: Field): Stretch[] {
  return field.values.reduce((done: Stretch[], value: number | null) => {
    const { text, color = 'transparent' } = value === null ? { text: '' } : field.display!(value);
    const last = done[done.length - 1];
    if (last && last.text === text) {
      last.length += 1;
      return done;
    }
    return [...done, { text, color, length: 1 }];
  }, []);
}
