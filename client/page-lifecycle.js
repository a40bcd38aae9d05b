/**
 * Lifecycle of a page and its connections: it is closed, reloaded or brought back, and another window takes a connection over.
 * @module
 */

/** @typedef {import('./connection-manager.js').ConnectionManager} ConnectionManager */

/**
 * Say goodbye when the page goes; the worker finds out whether it comes back.
 * @param {ConnectionManager} connectionManager
 * @param {ServiceWorkerRegistration} registration
 * @param {AbortSignal} signal ends it
 */
export function followPage(connectionManager, registration, signal) {
  const tellWorker = () => {
    const { addresses } = connectionManager;
    if (addresses.length > 0) registration.active?.postMessage({ whisper: 'leaving', addresses });
  };
  // Firefox loses what is posted while a tab closes, and keeps no page that listens to `beforeunload` for its way back: only with a connection.
  connectionManager.on('connecting', () => addEventListener('beforeunload', tellWorker, { signal }));
  connectionManager.on('idle', () => removeEventListener('beforeunload', tellWorker));
  const onHide = () => {
    tellWorker();
    connectionManager.sendGoodbye();
  };
  addEventListener('pagehide', onHide, { signal });
  addEventListener('pageshow', ({ persisted }) => persisted && connectionManager.closeAllAsLost(), { signal });
}

/**
 * Let the other windows know with whom this one is connected, and let go of what they deal with.
 * @param {ConnectionManager} connectionManager
 * @param {import('./window-coordinator.js').WindowCoordinator} windows
 */
export function followWindows(connectionManager, windows) {
  const { incomingCalls, peers } = connectionManager;
  windows.on('handled', (signature) => incomingCalls.onHandledElsewhere(signature));
  windows.on('takeover', (address) => peers.get(address)?.expectTakeover());
  connectionManager.on('peer', (peer) => {
    windows.hold(peer.address);
    peer.addEventListener('close', () => windows.release(peer.address));
  });
}
