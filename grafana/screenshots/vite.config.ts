import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Grafana's packages expect names that a bundler of old gave to the browser.
  define: { 'process.env': {}, global: 'globalThis' },
  build: { target: 'es2022', chunkSizeWarningLimit: 100_000, minify: false },
  // Two copies of one of these would each have a registry of its own, and one of the two would stay empty.
  resolve: { dedupe: ['react', 'react-dom', 'rxjs', '@grafana/data', '@grafana/ui'] },
});
