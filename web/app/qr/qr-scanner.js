/**
 * QR code scanner: the camera, read by the browser's `BarcodeDetector` where there is one.
 * @module
 */

/** @typedef {{detect(source: HTMLVideoElement): Promise<{rawValue: string}[]>}} Detector */
/** @typedef {{new (options: {formats: string[]}): Detector, getSupportedFormats(): Promise<string[]>}} DetectorClass */

const FORMAT = 'qr_code';
const LOOK_MS = 200;

/** @returns {Promise<boolean>} whether this browser reads QR codes */
export async function canScan() {
  const formats = await detectorClass()?.getSupportedFormats().catch(() => undefined);
  return formats?.includes(FORMAT) ?? false;
}

/**
 * Return the text of the first QR code before the camera that is wanted; the camera is off afterwards.
 * @param {HTMLVideoElement} video which shows what the camera sees
 * @param {(text: string) => boolean} isWanted
 * @param {AbortSignal} signal ends it
 * @returns {Promise<string | null>} null when it was ended
 * @throws {DOMException} of `getUserMedia`
 */
export async function scan(video, isWanted, signal) {
  const Detector = detectorClass();
  if (!Detector) return null;
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  try {
    video.srcObject = stream;
    await video.play().catch(() => undefined); // it was ended meanwhile
    return await look(new Detector({ formats: [FORMAT] }), video, isWanted, signal);
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

/**
 * @param {Detector} detector
 * @param {HTMLVideoElement} video
 * @param {(text: string) => boolean} isWanted
 * @param {AbortSignal} signal
 */
async function look(detector, video, isWanted, signal) {
  while (!signal.aborted) {
    const found = await detector.detect(video).catch(() => []); // no picture yet
    const wanted = found.find(({ rawValue }) => isWanted(rawValue));
    if (wanted && !signal.aborted) return wanted.rawValue;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return null;
}

/** @returns {DetectorClass | undefined} */
function detectorClass() {
  return /** @type {{BarcodeDetector?: DetectorClass}} */ (globalThis).BarcodeDetector;
}
