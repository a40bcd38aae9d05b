/** The worker is a file of its own, at the root: its folder is its scope. */
export default {
  esbuild: { jsx: 'automatic' },
  build: {
    rollupOptions: {
      input: ['index.html', 'sw.js'],
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
};
