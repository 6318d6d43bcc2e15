// Field options of the panels: Grafana's application registers them, its packages do not.
import {
  PanelPlugin,
  identityOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
} from '@grafana/data';
import { prepareTimeSeries, timeSeriesTable } from './transformations.js';

const STANDARD = 'unit min max decimals noValue thresholds mappings links color filterable fieldMinMax actions';
const CUSTOM =
  'drawStyle lineWidth lineInterpolation lineStyle fillOpacity gradientMode showPoints pointSize barAlignment barWidthFactor ' +
  'spanNulls insertNulls stacking transform thresholdsStyle axisSoftMin axisSoftMax axisBorderShow axisPlacement axisLabel ' +
  'axisColorMode axisGridShow axisCenteredZero scaleDistribution hideFrom cellOptions width align inspect footer minWidth hidden ' +
  'wrapText wrapHeaderText';

const option = (id) => ({
  id,
  path: id,
  name: id,
  editor: () => null,
  override: () => null,
  process: identityOverrideProcessor,
  shouldApply: () => true,
});

// A name may hold a label of its series.
const displayName = {
  ...option('displayName'),
  process: (value, { field }) => value?.replace(/\$\{__field\.labels\.(\w+)\}/g, (_, label) => field?.labels?.[label] ?? ''),
};

export function register() {
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(() => [...STANDARD.split(' ').map(option), displayName]);
  const { convertFieldTypeTransformer, filterFieldsByNameTransformer, groupingToMatrixTransformer } = standardTransformers;
  const { mergeTransformer, organizeFieldsTransformer, renameByRegexTransformer } = standardTransformers;
  const used = [
    convertFieldTypeTransformer,
    filterFieldsByNameTransformer,
    groupingToMatrixTransformer,
    mergeTransformer,
    organizeFieldsTransformer,
    renameByRegexTransformer,
    prepareTimeSeries,
    timeSeriesTable,
  ];
  standardTransformersRegistry.setInit(() => used.map((info) => ({ id: info.id, transformation: async () => info })));
}

export function registry() {
  const plugin = new PanelPlugin(() => null).useFieldConfig({
    useCustomConfig: (builder) => CUSTOM.split(' ').forEach((id) => builder.addCustomEditor(option(id))),
  });
  plugin.meta = { id: 'panel', name: 'panel' };
  return plugin.fieldConfigRegistry;
}
