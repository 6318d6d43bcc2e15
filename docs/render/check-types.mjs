// Checks every dashboard against the types of @grafana/schema: `npm run types`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

const DASHBOARDS = new URL(process.env.DASHBOARDS ?? '../../grafana/dashboards/', import.meta.url);
const FOLDER = new URL('./dist/types/', import.meta.url);
const KINDS = {
  bargauge: 'bargauge/panelcfg/x/BarGaugePanelCfg_types.gen',
  stat: 'stat/panelcfg/x/StatPanelCfg_types.gen',
  table: 'table/panelcfg/x/TablePanelCfg_types.gen',
  timeseries: 'timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen',
};

// A text in JSON is no member of an enumeration: what is asked is one of its values.
const HEAD = `import type { Dashboard } from '@grafana/schema';
${Object.entries(KINDS)
  .map(([kind, path]) => `import type { Options as ${kind} } from '@grafana/schema/dist/esm/raw/composable/${path}';`)
  .join('\n')}
import type { FieldConfig } from '@grafana/schema/dist/esm/raw/composable/${KINDS.timeseries}';
type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
`;

const literal = (value) => JSON.stringify(value, null, 1);

// Without what only the data source of an annotation knows: Dashboard has none of its fields.
const generic = (board) => ({
  ...board,
  annotations: {
    list: board.annotations.list.map(({ expr, step, textFormat, titleFormat, useValueForTime, target, ...others }) => others),
  },
});

function typed(board) {
  const drawn = board.panels.filter(({ type }) => type !== 'row');
  const options = drawn.map(({ type, options }, index) => `const options${index}: Plain<Partial<${type}>> = ${literal(options)};`);
  const custom = drawn
    .filter(({ type, fieldConfig }) => type === 'timeseries' && fieldConfig.defaults.custom)
    .map(({ fieldConfig }, index) => `const custom${index}: Plain<FieldConfig> = ${literal(fieldConfig.defaults.custom)};`);
  return [HEAD, `export const board: Plain<Dashboard> = ${literal(generic(board))};`, ...options, ...custom].join('\n');
}

mkdirSync(FOLDER, { recursive: true });
const files = readdirSync(DASHBOARDS).filter((name) => name.endsWith('.json'));
for (const name of files) {
  writeFileSync(new URL(name.replace('.json', '.ts'), FOLDER), typed(JSON.parse(readFileSync(new URL(name, DASHBOARDS)))));
}
const options = '--noEmit --strict --skipLibCheck --target esnext --module esnext --moduleResolution bundler'.split(' ');
execFileSync('npx', ['tsc', ...options, ...files.map((name) => new URL(name.replace('.json', '.ts'), FOLDER).pathname)], { stdio: 'inherit' });
console.log(`${files.length} dashboards fit the types of @grafana/schema`);
