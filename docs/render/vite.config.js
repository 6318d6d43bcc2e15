import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';

export default {
  plugins: [react()],
  // The package's CommonJS build has a default export inside of its default export.
  resolve: { alias: { 'react-custom-scrollbars-2': fileURLToPath(new URL('./src/scrollbars.js', import.meta.url)) } },
  define: { 'process.env': {}, global: 'globalThis' },
  build: { target: 'esnext', minify: false, chunkSizeWarningLimit: 100000 },
};
