// Waits until the page has settled, then hands over its document: shadow trees and frames that can be read stand in
// the places of their hosts, in a copy that runs nothing. INSIDE is true for a document that goes into another one.
(async () => {
  const FRAMES_MAX = 20;
  const FRAME_DEPTH_MAX = 3;
  const ADDRESSES = ['href', 'src', 'poster', 'data-src', 'data-original', 'data-lazy-src'];
  const hand = window[Symbol.for('leafcutter')];
  if (hand && !(await hand.settled(SETTLE_MS_MAX, BARE_MS_MAX, PAINTED))) return 'waits for frames';
  const root = document.documentElement;
  if (!root) return { html: '', url: location.href, frames: [] };
  const shadowOf = (host) => (hand ? hand.shadowOf(host) : host.shadowRoot);

  const documentOf = (frame) => {
    try { return frame.contentDocument; } catch { return null; }
  };
  const shown = (frame) => frame.offsetWidth > 1 && frame.offsetHeight > 1 && frame.checkVisibility();
  // Whether a frame may be of this site although its document cannot be read from here.
  const site = (host) => host.split('.').slice(-2).join('.');
  const kindred = (frame) => {
    try {
      const { protocol, hostname } = new URL(frame.src, document.baseURI);
      return /^https?:$/.test(protocol) && site(hostname) === site(location.hostname);
    } catch { return false; }
  };

  const inert = document.implementation.createHTMLDocument('');
  const frames = [];
  let left = FRAMES_MAX;
  const copies = (nodes, depth, base, into) => {
    for (const node of nodes) into.append(copy(node, depth, base));
    return into;
  };
  const framed = (frame, depth) => {
    const place = inert.createElement('div');
    const inner = documentOf(frame);
    if (left <= 0 || depth >= FRAME_DEPTH_MAX || !shown(frame)) return place;
    if (inner?.body) {
      left -= 1;
      return copies(inner.body.childNodes, depth + 1, inner.baseURI, place);
    }
    if (!inner && depth === 0 && kindred(frame)) {
      left -= 1;
      place.setAttribute('data-leafcutter-frame', frames.length);
      frames.push(new URL(frame.src, document.baseURI).href);
    }
    return place;
  };
  const copy = (node, depth, base) => {
    const name = node.localName;
    if (name === 'iframe' || name === 'frame') return framed(node, depth);
    if (name === 'slot' && node.getRootNode() instanceof ShadowRoot) {
      const given = node.assignedNodes({ flatten: true });
      return copies(given.length ? given : node.childNodes, depth, base, inert.createDocumentFragment());
    }
    if (name === 'frameset') return copies(node.childNodes, depth, base, inert.createElement('div'));
    const twin = inert.importNode(node, name === 'template');
    if (name === 'template') return twin;
    if (base && node.nodeType === Node.ELEMENT_NODE) {
      for (const attribute of ADDRESSES) {
        const value = node.getAttribute(attribute);
        if (value === null) continue;
        try { twin.setAttribute(attribute, new URL(value, base).href); } catch { /* It leads nowhere. */ }
      }
    }
    return copies((node.nodeType === Node.ELEMENT_NODE && shadowOf(node) || node).childNodes, depth, base, twin);
  };
  const composite = (element) =>
    shadowOf(element) || (/^i?frame$/.test(element.localName) && (documentOf(element)?.body?.firstChild || kindred(element)));

  if (INSIDE) {
    const place = inert.createElement('div');
    return { html: copies(document.body?.childNodes ?? [], 1, document.baseURI, place).outerHTML, url: location.href, frames: [] };
  }
  let html = root.outerHTML;
  if (html.length > HTML_CHARS_MAX) return 'too large';
  try {
    if ([...document.querySelectorAll('*')].some(composite)) {
      const whole = copy(root, 0, null).outerHTML;
      html = whole.length > HTML_CHARS_MAX ? html : whole;
    }
  } catch { /* Too deep or tampered with: the page without what is inside its parts will do. */ }
  return { html, url: location.href, frames };
})()
