// What two transformations of Grafana's application do to frames of this page; its packages do not have them.
import { FieldType, toDataFrame } from '@grafana/data';
import { map } from 'rxjs';

const transformation = (id, transform) => ({ id, name: id, operator: () => (source) => source.pipe(map(transform)) });

// A table with a time, words and a number becomes a frame for each set of words, in the order of time.
export const prepareTimeSeries = transformation('prepareTimeSeries', (frames) => frames.flatMap(many));

function many(frame) {
  const time = frame.fields.find((field) => field.type === FieldType.time);
  const value = frame.fields.find((field) => field.type === FieldType.number);
  if (!time || !value) {
    return [];
  }
  const words = frame.fields.filter((field) => field.type === FieldType.string);
  const order = [...time.values.keys()].sort((a, b) => time.values[a] - time.values[b]);
  const groups = Map.groupBy(order, (row) => JSON.stringify(words.map((field) => field.values[row])));
  return [...groups.values()].map((rows) =>
    toDataFrame({
      refId: frame.refId,
      fields: [
        { name: time.name, type: FieldType.time, values: rows.map((row) => time.values[row]) },
        {
          name: value.name,
          type: FieldType.number,
          labels: Object.fromEntries(words.map((field) => [field.name, field.values[rows[0]]])),
          values: rows.map((row) => value.values[row]),
        },
      ],
    })
  );
}

// A frame for each line becomes a table with a row for each, whose last column is the line.
export const timeSeriesTable = transformation('timeSeriesTable', (frames) => {
  if (!frames.length) {
    return [];
  }
  const lines = frames.map((frame) => frame.fields.find((field) => field.type === FieldType.number));
  const names = Object.keys(lines[0].labels);
  const trends = frames.map((frame, index) => ({ ...frame, value: lines[index].values.at(-1) }));
  return [
    toDataFrame({
      refId: frames[0].refId,
      fields: [
        ...names.map((name) => ({ name, type: FieldType.string, values: lines.map((line) => line.labels[name]) })),
        { name: `Trend #${frames[0].refId}`, type: FieldType.frame, values: trends },
      ],
    }),
  ];
});
