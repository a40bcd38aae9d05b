/**
 * Self-view: the person's own camera, which can be dragged to any corner of the stage.
 * @module
 */

/** @param {HTMLVideoElement} picture */
export function makeDraggable(picture) {
  picture.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener('pointermove', (event) => {
    if (picture.hasPointerCapture(event.pointerId)) picture.dataset.corner = cornerAt(picture, event);
  });
}

/**
 * @param {HTMLVideoElement} picture
 * @param {PointerEvent} event
 */
function cornerAt(picture, { clientX, clientY }) {
  const { left, top, width, height } = (picture.parentElement ?? picture).getBoundingClientRect();
  return `${clientY < top + height / 2 ? 'top' : 'bottom'}-${clientX < left + width / 2 ? 'left' : 'right'}`;
}
