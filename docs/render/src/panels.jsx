// A panel of each kind, drawn by the component that Grafana draws it with.
import React from 'react';
import { VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

const GAP = 6;

const Empty = ({ text }) => <div style={{ display: 'grid', placeItems: 'center', height: '100%', opacity: 0.6 }}>{text}</div>;

function Lines({ panel, data, range, width, height }) {
  const { legend } = panel.options;
  return <TimeSeries frames={data} timeRange={range} timeZone="utc" width={width} height={height} legend={legend} options={panel.options} structureRev={1} />;
}

function displayed({ panel, data, theme, interpolate }, sparkline) {
  return getFieldDisplayValues({
    data,
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: interpolate,
    sparkline,
    theme,
    timeZone: 'utc',
  });
}

function Stat(props) {
  const { panel, theme, width, height } = props;
  const { graphMode, colorMode, justifyMode, textMode } = panel.options;
  const values = () => displayed(props, graphMode !== 'none');
  const several = values().length > 1;
  const draw = ({ value, width, height }) => (
    <BigValue
      value={value.display}
      sparkline={value.sparkline}
      {...{ theme, width, height, graphMode, colorMode, justifyMode, text: panel.options.text }}
      textMode={textMode === 'auto' ? (several ? 'value_and_name' : 'value') : textMode}
    />
  );
  return <VizRepeater getValues={values} renderValue={draw} source={props.data} renderCounter={1} orientation={VizOrientation.Auto} {...{ width, height }} />;
}

function Bars(props) {
  const { panel, theme, width, height } = props;
  const draw = ({ value, width, height, orientation, alignmentFactors }) => (
    <BarGauge
      value={value.display}
      field={value.field}
      displayMode={panel.options.displayMode}
      valueDisplayMode={panel.options.valueMode}
      showUnfilled={panel.options.showUnfilled}
      namePlacement={panel.options.namePlacement}
      text={panel.options.text}
      {...{ theme, width, height, orientation, alignmentFactors }}
    />
  );
  const values = () => displayed(props, false);
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={draw}
      source={props.data}
      renderCounter={1}
      orientation={VizOrientation.Horizontal}
      itemSpacing={GAP}
      width={width}
      height={height}
      minVizHeight={panel.options.minVizHeight}
      maxVizHeight={panel.options.maxVizHeight}
    />
  );
}

function Table({ panel, data: [frame], width, height, range }) {
  const { cellHeight, sortBy } = panel.options;
  return <TableNG data={frame} noValue={panel.fieldConfig.defaults.noValue} fieldConfig={panel.fieldConfig} structureRev={1} timeRange={range} {...{ width, height, cellHeight, sortBy }} />;
}

const KINDS = { timeseries: Lines, stat: Stat, bargauge: Bars, table: Table };

export function Body(props) {
  const { panel, data } = props;
  if (!data.some((frame) => frame.length > 0)) {
    return <Empty text={panel.fieldConfig.defaults.noValue ?? 'No data'} />;
  }
  const Kind = KINDS[panel.type];
  return <Kind {...props} />;
}
