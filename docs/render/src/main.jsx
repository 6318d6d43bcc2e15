// Draws the dashboard that the address names: ?dashboard=UID, and var-NAME=VALUE, from=90d, theme=light, width=1280.
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import { ThemeContext, applyFieldOverrides, cacheFieldDisplayNames, createTheme, dateTime, transformDataFrame } from '@grafana/data';
import { GlobalStyles, Icon, InlineField, PanelChrome, Select } from '@grafana/ui';
import { Body } from './panels.jsx';
import { register, registry } from './fields.js';
import { frames } from './prometheus.js';
import { interpolate, resolve } from './variables.js';

// Grafana's grid: 24 columns, rows of 30 pixels, gaps of 8.
const ROW = 30;
const GAP = 8;
const HEADER = 112;

const chosen = new URLSearchParams(location.search);
const WIDTH = Number(chosen.get('width') ?? 1600);
const theme = createTheme({ colors: { mode: chosen.get('theme') ?? 'dark' } });
register();
const fieldConfigRegistry = registry();

const place = ({ x, y, w, h }) => {
  const column = (WIDTH - GAP) / 24;
  return { left: GAP + x * column, top: HEADER + y * (ROW + GAP), width: w * column - GAP, height: h * (ROW + GAP) - GAP };
};

async function data(panel, range, put) {
  const alone = panel.targets.length === 1;
  const found = (await Promise.all(panel.targets.map((target) => frames(target, range, put, alone)))).flat();
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], found, { interpolate: put }));
  const { fieldConfig } = panel;
  const drawn = applyFieldOverrides({ data: transformed, fieldConfig, replaceVariables: put, theme, timeZone: 'utc', fieldConfigRegistry });
  cacheFieldDisplayNames(drawn);
  return drawn;
}

async function shown(panel, range, put) {
  const weeks = panel.timeFrom && Number(panel.timeFrom.replace('w', ''));
  const own = weeks ? { ...range, from: dateTime(range.to).subtract(weeks, 'w') } : range;
  return { panel, range: own, data: await data(panel, own, put) };
}

// JSON has no -Infinity: a dashboard says null where the lowest threshold begins, and Grafana reads it so.
const reviver = (name, value) => (name === 'steps' ? value.map((step) => ({ ...step, value: step.value ?? -Infinity })) : value);

async function load() {
  const dashboard = JSON.parse(await (await fetch(`/dashboards/${chosen.get('dashboard')}.json`)).text(), reviver);
  const [, length, unit] = /(\d+)([dhm])/.exec(chosen.get('from') ?? dashboard.time.from);
  const to = dateTime();
  const range = { from: dateTime(to).subtract(length, unit), to, raw: { from: `now-${length}${unit}`, to: 'now' } };
  const values = new Map([...chosen].filter(([name]) => name.startsWith('var-')).map(([name, value]) => [name.slice(4), value]));
  const variables = await resolve(dashboard, range, values);
  const put = (text) => interpolate(text, variables);
  const panels = await Promise.all(
    dashboard.panels.map(async (panel) => (panel.type === 'row' ? { panel } : await shown(panel, range, put)))
  );
  return { dashboard, range, variables, panels, put };
}

function Header({ dashboard, variables, range }) {
  return (
    <div style={{ position: 'absolute', left: GAP, right: GAP, top: GAP, height: HEADER - 2 * GAP }}>
      <div style={{ display: 'flex', justifyContent: 'space-between', alignItems: 'center', height: 44 }}>
        <span style={{ fontSize: 22, fontWeight: 500 }}>{dashboard.title}</span>
        <span style={{ color: theme.colors.text.secondary }}>
          <Icon name="clock-nine" /> {range.raw.from.replace('now-', 'Last ').replace('d', ' days').replace(/h$/, ' hours').replace(/m$/, ' minutes')} <b>UTC</b>
        </span>
      </div>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: GAP }}>
        {variables.map(({ name, label, text, value }) => (
          <InlineField key={name} label={label} style={{ margin: 0 }}>
            <Select width="auto" options={[{ label: text, value }]} value={value} onChange={() => undefined} />
          </InlineField>
        ))}
      </div>
    </div>
  );
}

function Panel({ panel, data, range, put }) {
  const at = place(panel.gridPos);
  if (panel.type === 'row') {
    return (
      <div style={{ position: 'absolute', ...at, display: 'flex', alignItems: 'center', fontWeight: 500, fontSize: 16 }}>
        <Icon name="angle-down" /> {panel.title}
      </div>
    );
  }
  return (
    <div style={{ position: 'absolute', ...at }}>
      <PanelChrome title={panel.title} description={panel.description} width={at.width} height={at.height}>
        {(width, height) => <Body {...{ panel, data, range, theme, width, height }} interpolate={put} />}
      </PanelChrome>
    </div>
  );
}

function Dashboard() {
  const [loaded, setLoaded] = useState();
  useEffect(() => {
    load().then(setLoaded, (error) => (document.title = `error: ${error.message}`));
  }, []);
  useEffect(() => {
    if (loaded) {
      window.drawn = loaded;
      setTimeout(() => (document.title = 'ready'), 1500);
    }
  }, [loaded]);
  if (!loaded) {
    return null;
  }
  const height = Math.max(...loaded.panels.map(({ panel }) => place(panel.gridPos).top + place(panel.gridPos).height)) + GAP;
  return (
    <div id="dashboard" style={{ position: 'relative', width: WIDTH, height, background: theme.colors.background.canvas }}>
      <Header {...loaded} />
      {loaded.panels.map(({ panel, data, range }) => (
        <Panel key={panel.id} {...{ panel, data, range, put: loaded.put }} />
      ))}
    </div>
  );
}

createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <Dashboard />
  </ThemeContext.Provider>
);
