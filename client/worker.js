/// <reference lib="webworker" />
/**
 * Public entry module for an app's service worker, which calls `install()`. See docs/client.md.
 * @module
 */

export { install } from './push/service-worker.js';
