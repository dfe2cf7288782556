// Runs in every frame before any script of the page, and keeps account of what the page still has in hand: timers
// that are soon due, requests and their bodies, first messages, frames asked for, changes of the tree. So `hand_over`
// need not guess how long a page has to be left alone. It changes nothing that a page can tell from its results.
(() => {
  const KEY = Symbol.for('leafcutter');
  // The page that a tab shows between two items has nothing in hand.
  if (window[KEY] || (window === parent && location.href === 'about:blank')) return;

  // Nothing happened for so long: the page has settled.
  const QUIET_MS = 40;
  // The same while there is hardly a word to read, and scripts that may bring some.
  const QUIET_BARE_MS = 300;
  const BARE_WORDS_MAX = 30;
  // Changes without any work in hand, such as an animation, are waited out for so long.
  const STIR_MS_MAX = 1500;
  // A timer that is due later is not waited for, nor one that timers in so many generations led to.
  const TIMER_MS_MAX = 500;
  const GENERATIONS_MAX = 4;
  // How late a timer, a frame or an idle callback may come.
  const LATE_MS_MAX = 1000;
  const REQUEST_MS_MAX = 15000;
  // How long the first message of a socket or a worker is waited for.
  const MESSAGE_MS_MAX = 1000;
  // An address that was asked for more often is polled, and not waited for.
  const REPEATS_MAX = 8;
  const ADDRESSES_MAX = 1000;
  const POSTS_MAX = 500;
  // Parts of the page that wait to be scrolled to and are told, without scrolling, that they were.
  const REVEALED_MAX = 100;
  const REVEAL_ROUNDS_MAX = 2;
  const FRAMES_MAX = 20;
  const FRAME_DEPTH_MAX = 3;
  // A page that sends its reader on later than this is a page of its own.
  const REFRESH_MS_MAX = 3000;
  const TICK_MS = 8;

  const clock = performance.now.bind(performance);
  const later = window.setTimeout.bind(window);
  const frame = window.requestAnimationFrame.bind(window);
  const { then } = Promise.prototype;
  const call = Reflect.apply;

  const pending = new Map(); // what is in hand, and when it is given up
  let touched = -Infinity;
  let generation = 0;
  const touch = () => { touched = clock(); };
  const begin = (key, ms) => { pending.set(key, clock() + ms); };
  const end = (key) => { if (pending.delete(key)) touch(); };
  const hold = (promise, ms) => {
    const key = {};
    begin(key, ms);
    call(then, promise, [() => end(key), () => end(key)]);
    return promise;
  };

  const replace = (owner, name, traps) => {
    const native = owner?.[name];
    if (typeof native !== 'function') return;
    try {
      owner[name] = new Proxy(native, traps);
      if (traps.construct) native.prototype.constructor = owner[name];
    } catch { /* The page gets along without being watched here. */ }
  };
  const after = (owner, name, seen) =>
    replace(owner, name, { apply: (target, self, args) => seen(call(target, self, args), self, args) });

  // A page that is not painted is not told so. Until it is, this can be seen nowhere but here.
  const getter = (name) => Object.getOwnPropertyDescriptor(Document.prototype, name);
  const visibility = getter('visibilityState')?.get;
  const painted = () => !visibility || call(visibility, document, []) === 'visible';
  for (const [name, seen] of [['visibilityState', 'visible'], ['hidden', false]]) {
    const { get, ...rest } = getter(name) ?? {};
    if (get) Object.defineProperty(Document.prototype, name, { ...rest, get: new Proxy(get, {
      apply: (target, self, args) => { call(target, self, args); return seen; },
    }) });
  }
  // Whether the page has asked for something that comes with a frame.
  let asksForFrames = false;
  const askForFrames = () => { asksForFrames = true; };
  addEventListener('visibilitychange', (event) => {
    event.stopImmediatePropagation();
    if (!painted()) return;
    // What waits for the first frame is not quiet before it.
    const first = {};
    begin(first, LATE_MS_MAX);
    frame(() => end(first));
  }, true);

  // Timers, frames, idle callbacks.
  const scheduled = (kind, name, cancel, repeats, waitOf) => {
    replace(window, name, {
      apply: (target, self, args) => {
        const callback = args[0];
        if (typeof callback !== 'function') return call(target, self, args);
        if (kind !== 'timer') askForFrames();
        const wait = waitOf(args[1]);
        const counts = generation < GENERATIONS_MAX && wait <= TIMER_MS_MAX;
        let id;
        let own = counts ? generation + 1 : GENERATIONS_MAX;
        args[0] = function (...given) {
          end(kind + id);
          const outer = generation;
          generation = own;
          if (repeats) own = GENERATIONS_MAX;
          try { return call(callback, this, given); } finally { generation = outer; }
        };
        id = call(target, self, args);
        if (counts) begin(kind + id, wait + LATE_MS_MAX);
        return id;
      },
    });
    replace(window, cancel, {
      apply: (target, self, args) => {
        pending.delete(kind + args[0]);
        return call(target, self, args);
      },
    });
  };
  const delay = (ms) => Math.max(0, Number(ms) || 0);
  scheduled('timer', 'setTimeout', 'clearTimeout', false, delay);
  scheduled('timer', 'setInterval', 'clearInterval', true, delay);
  scheduled('frame', 'requestAnimationFrame', 'cancelAnimationFrame', false, () => 0);
  scheduled('idle', 'requestIdleCallback', 'cancelIdleCallback', false, () => 0);

  // Requests. What they bring is in hand until the page has read it.
  const asked = new Map();
  const polled = (address) => {
    const path = String(address).split(/[?#]/, 1)[0];
    const times = (asked.get(path) ?? 0) + 1;
    if (asked.size < ADDRESSES_MAX || times > 1) asked.set(path, times);
    return times > REPEATS_MAX;
  };
  after(window, 'fetch', (answer, _, [what]) =>
    polled(what?.url ?? what) ? answer : hold(answer, REQUEST_MS_MAX));
  for (const name of ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text']) {
    after(window.Response?.prototype, name, (body) => hold(body, REQUEST_MS_MAX));
  }
  after(window.ReadableStreamDefaultReader?.prototype, 'read', (part) => hold(part, MESSAGE_MS_MAX));
  const opened = new WeakMap();
  after(window.XMLHttpRequest?.prototype, 'open', (done, request, [, address]) => {
    opened.set(request, address);
    return done;
  });
  replace(window.XMLHttpRequest?.prototype, 'send', {
    apply: (target, request, args) => {
      if (!polled(opened.get(request))) {
        begin(request, REQUEST_MS_MAX);
        request.addEventListener('loadend', () => end(request), { once: true });
      }
      return call(target, request, args);
    },
  });

  // What speaks first by itself.
  for (const name of ['WebSocket', 'EventSource', 'Worker']) {
    replace(window, name, {
      construct: (target, args, made) => {
        const speaker = Reflect.construct(target, args, made);
        begin(speaker, MESSAGE_MS_MAX);
        for (const event of ['message', 'error', 'close']) speaker.addEventListener(event, () => end(speaker));
        return speaker;
      },
    });
  }

  // Work cut into slices by messages to oneself, as frameworks do.
  let posts = 0;
  const posted = (done) => {
    if (posts++ < POSTS_MAX) touch();
    return done;
  };
  after(window.MessagePort?.prototype, 'postMessage', posted);
  after(window, 'postMessage', posted);
  for (const name of ['postTask', 'yield']) {
    after(window.Scheduler?.prototype, name, (done) => hold(done, LATE_MS_MAX));
  }

  // Shadow trees, closed ones too, which nobody but their maker can find.
  const roots = new WeakMap();
  const unwatched = [];
  let loaded = false;
  const changes = new MutationObserver(touch);
  const watch = (node) => changes.observe(node, { childList: true, characterData: true, subtree: true });
  after(window.Element?.prototype, 'attachShadow', (root, host) => {
    roots.set(host, root);
    if (loaded) watch(root); else unwatched.push(new WeakRef(root));
    return root;
  });

  // Parts that load when they are scrolled into view.
  const lazy = new Map();
  replace(window, 'IntersectionObserver', {
    construct: (target, [callback, options], made) => {
      const waiting = { callback, targets: new Set(), told: new WeakSet() };
      const report = typeof callback !== 'function' ? callback : function (entries, observer) {
        for (const entry of entries) if (entry.isIntersecting) waiting.targets.delete(entry.target);
        return call(callback, this, [entries, observer]);
      };
      const observer = Reflect.construct(target, [report, options], made);
      lazy.set(observer, waiting);
      return observer;
    },
  });
  after(window.ResizeObserver?.prototype, 'observe', askForFrames);
  const observed = (name, change) => after(window.IntersectionObserver?.prototype, name, (done, observer, [target]) => {
    const waiting = lazy.get(observer);
    if (waiting) change(waiting, target);
    return done;
  });
  observed('observe', (waiting, target) => { askForFrames(); if (!waiting.told.has(target)) waiting.targets.add(target); });
  observed('unobserve', (waiting, target) => waiting.targets.delete(target));
  observed('disconnect', (waiting) => waiting.targets.clear());
  const entry = (target) => {
    const box = target.getBoundingClientRect();
    const values = {
      target, time: clock(), isIntersecting: true, isVisible: false, intersectionRatio: 1,
      boundingClientRect: box, intersectionRect: box, rootBounds: box,
    };
    return Object.create(window.IntersectionObserverEntry?.prototype ?? null, Object.getOwnPropertyDescriptors(values));
  };
  // Tells the parts of the page that wait for it that they are in view; answers whether there were any.
  const reveal = () => {
    let left = REVEALED_MAX;
    for (const [observer, { callback, targets, told }] of lazy) {
      const found = [...targets].filter((target) => target.isConnected && target.checkVisibility()).slice(0, left);
      if (!found.length) continue;
      left -= found.length;
      for (const target of found) { targets.delete(target); told.add(target); }
      try { call(callback, observer, [found.map(entry), observer]); } catch { /* It expected something else. */ }
    }
    if (left < REVEALED_MAX) touch();
    return left < REVEALED_MAX;
  };

  const runs = () => [...document.scripts].some(({ type }) => !type || /^(module|(text|application)\/(java|ecma)script)/i.test(type));
  let scripted = false;
  addEventListener('load', () => {
    loaded = true;
    scripted = runs();
    if (scripted) touch();
    const refresh = document.querySelector('meta[http-equiv="refresh" i]')?.content.match(/^\s*([\d.]+)\s*[;,]\s*url\s*=/i);
    const wait = refresh ? refresh[1] * 1000 : Infinity;
    if (wait <= REFRESH_MS_MAX) begin(refresh, wait + LATE_MS_MAX);
    watch(document);
    for (const root of unwatched.splice(0)) if (root.deref()) watch(root.deref());
  }, { once: true });

  // Whether there is hardly a word on the page, and scripts that may still bring some.
  const bare = () => {
    if (!scripted || !document.body) return false;
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let words = 0;
    while (words <= BARE_WORDS_MAX && texts.nextNode()) {
      if (!/^(script|style|noscript|template)$/i.test(texts.currentNode.parentNode?.localName ?? '')) {
        words += texts.currentNode.data.split(/\s+/).filter(Boolean).length;
      }
    }
    return words <= BARE_WORDS_MAX;
  };
  // What the frames of this document know of themselves, as far as they can be asked.
  const framesOf = (depth) => {
    const hands = [];
    for (let at = 0; depth < FRAME_DEPTH_MAX && at < Math.min(window.length, FRAMES_MAX); at++) {
      try { if (window[at][KEY]) hands.push(window[at][KEY]); } catch { /* Of another origin. */ }
    }
    return hands;
  };
  const inHand = (depth) => {
    const now = clock();
    for (const [key, until] of pending) {
      if (until > now) return true;
      pending.delete(key);
    }
    return framesOf(depth).some((hand) => hand.inHand(depth + 1));
  };
  // Whether the page waits for a frame and gets none. What is not asked for by a call is looked for when there is time.
  const ends = ({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime);
  const hopes = () => scrollX || scrollY || document.querySelector('[loading="lazy" i]') || document.getAnimations().some(ends);
  const unpainted = (depth, thorough) => {
    if (painted()) return false;
    if (asksForFrames || thorough && scripted && hopes()) return true;
    return framesOf(depth).some((hand) => hand.unpainted(depth + 1, thorough));
  };
  const quietFor = (depth) => {
    return Math.min(clock() - touched, ...framesOf(depth).map((hand) => hand.quietFor(depth + 1)));
  };
  // Waits until the page has settled: at most `ms`, or `msBare` while it has hardly a word. Answers whether it has:
  // a page that waits for frames can only do so when they are `given`.
  const settled = async (ms, msBare, given) => {
    const begun = clock();
    for (let rounds = 0; ;) {
      if (!given && unpainted(0, false)) return false;
      const waited = clock() - begun;
      const work = inHand(0);
      const quiet = quietFor(0);
      if (!work && (quiet >= QUIET_MS || waited > STIR_MS_MAX)) {
        const done = quiet >= QUIET_BARE_MS || waited > STIR_MS_MAX || !bare();
        if (done && (rounds++ >= REVEAL_ROUNDS_MAX || !reveal())) return given || !unpainted(0, true);
      }
      if (waited >= msBare || (waited >= ms && !(work && bare()))) return true;
      await new Promise((go) => later(go, TICK_MS));
    }
  };
  const shadowOf = (host) => host.shadowRoot ?? roots.get(host);
  Object.defineProperty(window, KEY, { value: Object.freeze({ settled, inHand, quietFor, unpainted, shadowOf }) });
})();
