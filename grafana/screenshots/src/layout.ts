// Where Grafana puts panels: a grid of 24 columns, and a row repeated for each value of its variable.

import { labelValues } from './prometheus';
import type { View } from './view';

export const COLUMNS = 24;
export const CELL = 38; // 30 px and a gap of 8

export interface Placed {
  panel: any;
  view: View;
}

export async function placed(view: View): Promise<Placed[]> {
  const sections = split(view.dashboard.panels);
  const done: Placed[] = [];
  let shift = 0;
  for (const section of sections) {
    const [head] = section;
    const copies = head.repeat ? await labelValues(view, query(view, head.repeat)) : [''];
    const top = Math.min(...section.map((panel) => panel.gridPos.y));
    const height = Math.max(...section.map((panel) => panel.gridPos.y + panel.gridPos.h)) - top;
    copies.forEach((value, index) => {
      const scope = head.repeat ? { ...view, variables: { ...view.variables, [head.repeat]: value } } : view;
      const down = shift + index * height;
      done.push(...section.map((panel) => ({ panel: moved(panel, down), view: scope })));
    });
    shift += (copies.length - 1) * height;
  }
  return done;
}

function split(panels: any[]): any[][] {
  return panels.reduce((done: any[][], panel) => {
    if (panel.type === 'row' || done.length === 0) {
      return [...done, [panel]];
    }
    done[done.length - 1].push(panel);
    return done;
  }, []);
}

const moved = (panel: any, down: number) => ({ ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + down } });

const query = (view: View, name: string) =>
  view.dashboard.templating.list.find((variable: any) => variable.name === name).query;
