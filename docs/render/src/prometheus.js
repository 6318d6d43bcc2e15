// Asks Prometheus what a panel of Grafana would ask, and makes data frames of the answers.
import { FieldType, toDataFrame } from '@grafana/data';

export async function vector(query, range) {
  return (await ask('query', { query, time: range.to.unix() })).result;
}

// The values of a panel's only query are called Value, those of one of several Value #A.
export async function frames(target, range, interpolate, alone) {
  const query = interpolate(target.expr);
  if (target.instant) {
    const result = await vector(query, range);
    return target.format === 'table' ? [table(target, result, alone)] : result.map((found) => instant(target, found));
  }
  // As Grafana does it: not more points than pixels, and points on whole steps.
  const step = Math.max(1, Math.round((range.to.unix() - range.from.unix()) / 600));
  const [start, end] = [range.from, range.to].map((time) => Math.floor(time.unix() / step) * step);
  const { result } = await ask('query_range', { query, start, end, step });
  return result.map((found) => points(target, found, step));
}

function points(target, found, step) {
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: found.values.map(([time]) => time * 1000), config: { interval: step * 1000 } },
      value(target, found.metric, found.values.map(([, text]) => Number(text))),
    ],
  });
}

function instant(target, found) {
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: [found.value[0] * 1000] },
      value(target, found.metric, [Number(found.value[1])]),
    ],
  });
}

function value(target, labels, values) {
  const displayNameFromDS = named(target.legendFormat, labels);
  return { name: 'Value', type: FieldType.number, labels, values, config: { displayNameFromDS } };
}

function table(target, result, alone) {
  const labels = [...new Set(result.flatMap((found) => Object.keys(found.metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((found) => found.value[0] * 1000) },
      ...labels.map((name) => ({ name, type: FieldType.string, values: result.map((found) => found.metric[name] ?? '') })),
      { name: alone ? 'Value' : `Value #${target.refId}`, type: FieldType.number, values: result.map((found) => Number(found.value[1])) },
    ],
  });
}

function named(format, labels) {
  if (!format || format === '__auto') {
    return Object.keys(labels).length ? JSON.stringify(labels) : 'Value';
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
}

async function ask(path, parameters) {
  const answer = await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== 'success') {
    throw new Error(`${parameters.query}: ${body.error}`);
  }
  return body.data;
}
