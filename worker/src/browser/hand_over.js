(() => {
  const root = document.documentElement;
  if (!root) return { html: '', url: location.href };
  // Open shadow trees are put in the place of their hosts' children, slots filled, in a document that runs nothing.
  const composed = () => {
    const inert = document.implementation.createHTMLDocument('');
    const copy = (node) => {
      if (node.localName === 'slot' && node.getRootNode() instanceof ShadowRoot) {
        const all = inert.createDocumentFragment();
        const given = node.assignedNodes({ flatten: true });
        for (const child of given.length ? given : node.childNodes) all.append(copy(child));
        return all;
      }
      const twin = inert.importNode(node, node.localName === 'template');
      if (node.localName === 'template') return twin;
      for (const child of (node.shadowRoot ?? node).childNodes) twin.append(copy(child));
      return twin;
    };
    return copy(root).outerHTML;
  };
  let html = root.outerHTML;
  if (html.length > HTML_CHARS_MAX) return 'too large';
  try {
    if ([...document.querySelectorAll('*')].some((element) => element.shadowRoot)) html = composed();
  } catch { /* Too deep or tampered with: the page without its shadow trees will do. */ }
  return html.length > HTML_CHARS_MAX ? 'too large' : { html, url: location.href };
})()
