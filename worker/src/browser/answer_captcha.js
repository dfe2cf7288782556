((kind, token, press) => {
  const of = {
    recaptcha: ['.g-recaptcha', 'g-recaptcha-response', 'grecaptcha'],
    hcaptcha: ['.h-captcha', 'h-captcha-response', 'hcaptcha'],
    turnstile: ['.cf-turnstile', 'cf-turnstile-response', 'turnstile'],
  }[kind];
  if (!of) return;
  const [place, name, api] = of;
  const holder = document.querySelector(place);
  let fields = [...document.querySelectorAll(`[name="${name}"], textarea[id^="${name}"]`)];
  if (!fields.length && press) return;
  if (!fields.length) {
    // The widget's own script would have made it.
    const field = document.createElement('textarea');
    field.name = name;
    field.style.display = 'none';
    (holder ?? document.forms[0] ?? document.body).append(field);
    fields = [field];
  }
  const form = fields[0].form ?? holder?.closest('form');
  const submit = () => {
    const button = form?.querySelector('[type=submit]:not(:disabled), button:not([type]):not(:disabled)');
    if (button) button.click();
    else form?.requestSubmit();
  };
  if (press) return submit();
  for (const field of fields) {
    field.value = token;
    for (const event of ['input', 'change']) field.dispatchEvent(new Event(event, { bubbles: true }));
  }
  try { window[api].getResponse = () => token; } catch { /* The widget's script is not there, or cannot be changed. */ }
  // Callbacks are named on the element, or kept by the widget's script, which is searched no further than needed.
  const named = holder?.dataset.callback?.split('.').reduce((at, part) => at?.[part], window);
  let callback = typeof named === 'function' ? named : null;
  const queue = callback ? [] : [window.___grecaptcha_cfg?.clients];
  for (let looked = 0; queue.length && !callback && looked < 2000; looked++) {
    const at = queue.shift();
    if (!at || typeof at !== 'object' || at instanceof Node || at === window) continue;
    for (const [key, value] of Object.entries(at)) {
      if (key === 'callback' && typeof value === 'function') callback = value;
      else if (key === 'callback' && typeof window[value] === 'function') callback = window[value];
      else queue.push(value);
    }
  }
  if (callback) callback(token);
  else submit();
})(KIND, TOKEN, PRESS)
