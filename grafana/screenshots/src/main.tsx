// Draws one dashboard as large as it is; `data-done` on the body says that every panel has its data.

import { createTheme, type DataFrame, type GrafanaTheme2, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome, PortalContainer } from '@grafana/ui';
import { Component, type ReactNode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { panelData } from './data';
import { CELL, COLUMNS, type Placed, placed } from './layout';
import { Visualisation } from './panels';
import { interpolate, panelRange, readView, type View } from './view';

const WIDTH = 1600;
const HEAD = 48;
let waiting = 0;

class Boundary extends Component<{ children: ReactNode; title: string }, { error?: Error }> {
  state: { error?: Error } = {};
  static getDerivedStateFromError = (error: Error) => ({ error });
  render() {
    return this.state.error ? <Failure title={this.props.title} error={this.state.error} /> : this.props.children;
  }
}

const Failure = ({ title, error }: { title: string; error: Error }) => (
  <pre data-failure={`${title}: ${error.message}`} style={{ color: 'red' }}>{String(error)}</pre>
);

function Filled({ panel, view, width, height, theme }: Placed & { width: number; height: number; theme: GrafanaTheme2 }) {
  const [data, setData] = useState<DataFrame[]>();
  const [error, setError] = useState<Error>();
  const range = panelRange(view, panel);
  useEffect(() => {
    waiting += 1;
    panelData(view, panel, range, width, theme)
      .then(setData, setError)
      .finally(() => {
        waiting -= 1;
        document.body.dataset.done = waiting === 0 ? 'yes' : '';
      });
  }, []);
  if (error) {
    return <Failure title={panel.title} error={error} />;
  }
  return data ? <Visualisation {...{ panel, data, range, width, height, theme }} /> : null;
}

function Cell({ panel, view, theme }: Placed & { theme: GrafanaTheme2 }) {
  const { x, y, w, h } = panel.gridPos;
  const [width, height] = [(w * WIDTH) / COLUMNS - 8, h * CELL - 8];
  const place = { position: 'absolute' as const, left: (x * WIDTH) / COLUMNS + 4, top: y * CELL + HEAD, width, height };
  const title = interpolate(panel.title, view.variables);
  if (panel.type === 'row') {
    return <div style={{ ...place, fontWeight: 500, fontSize: 16, paddingTop: 4 }}>{title}</div>;
  }
  return (
    <div style={place}>
      <PanelChrome title={title} description={panel.description} width={width} height={height}>
        {(innerWidth, innerHeight) => (
          <Boundary title={title}>
            <Filled {...{ panel, view, theme }} width={innerWidth} height={innerHeight} />
          </Boundary>
        )}
      </PanelChrome>
    </div>
  );
}

function Dashboard({ view, panels }: { view: View; panels: Placed[] }) {
  const theme = createTheme({ colors: { mode: view.theme } });
  const height = HEAD + 8 + CELL * Math.max(...panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PortalContainer />
      <div style={{ position: 'relative', width: WIDTH, height, background: theme.colors.background.canvas }}>
        <div style={{ position: 'absolute', left: 12, top: 12, fontSize: 20 }}>{view.dashboard.title}</div>
        {panels.map((one, index) => (
          <Cell key={index} {...one} theme={theme} />
        ))}
      </div>
    </ThemeContext.Provider>
  );
}

const view = await readView(location.search);
createRoot(document.getElementById('root')!).render(<Dashboard view={view} panels={await placed(view)} />);
