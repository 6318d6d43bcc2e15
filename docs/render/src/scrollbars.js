import * as module from '../node_modules/react-custom-scrollbars-2/lib/index.js';

const Scrollbars = module.default?.default ?? module.Scrollbars ?? module.default?.Scrollbars ?? module.default;
export { Scrollbars };
export default Scrollbars;
