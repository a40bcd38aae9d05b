/// <reference lib="webworker" />
/**
 * Public entry module for the app's service worker: `import { install } from '…/worker.js'; install();`
 * @module
 */

export { install } from './push/service-worker.js';
