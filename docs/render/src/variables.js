// Resolves a dashboard's variables, and puts their values into expressions as Grafana would.
import { vector } from './prometheus.js';

export async function resolve(dashboard, range, chosen) {
  const found = [];
  for (const variable of dashboard.templating.list) {
    found.push(await resolved(variable, range, chosen, found));
  }
  return found;
}

async function resolved(variable, range, chosen, before) {
  const { name, label, type } = variable;
  if (type === 'datasource') {
    return { name, label, text: 'Prometheus', value: 'prometheus' };
  }
  if (type === 'custom') {
    const options = variable.query.split(', ').map((option) => option.split(' : '));
    const value = chosen.get(name) ?? variable.current.value;
    return { name, label, text: options.find(([, known]) => known === value)[0], value };
  }
  if (chosen.has(name)) {
    return { name, label, text: chosen.get(name), value: chosen.get(name) };
  }
  if (variable.includeAll) {
    return { name, label, text: 'All', value: variable.allValue };
  }
  const [, expression] = /^query_result\((.+)\)$/.exec(variable.query.query);
  const [value = ''] = (await vector(interpolate(expression, before), range)).map(({ metric }) => metric[name]).sort();
  return { name, label, text: value, value };
}

export function interpolate(text, variables) {
  const values = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  return text.replace(/\$\{?(\w+)(?::\w+)?\}?/g, (whole, name) => values[name] ?? whole);
}
